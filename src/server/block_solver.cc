#include "server/block_solver.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "base/hash.h"
#include "base/spans.h"
#include "wire/upper_half_float.h"

namespace steelyard::server {
namespace {

using table::ArrayTable;
using wire::BlockAction;

math::SearchMove ToMath(const wire::SearchMove& move) {
  return {.pass = move.pass, .earlier = move.earlier, .scale = move.scale};
}

/// Those of the increasing `ranks` that are in `range`.
table::Ranks Within(table::Ranks ranks, const ArrayTable::RankRange& range) {
  const auto first = std::ranges::lower_bound(ranks, range.first);
  const auto end = std::ranges::lower_bound(first, ranks.end(), range.first + range.count);
  return {first, end};
}

std::span<const float> SettledOf(const ArrayTable& rows) {
  return rows.column(static_cast<std::size_t>(table::ProximalColumn::kSettled));
}

std::span<const float> WeightsOf(const ArrayTable& rows) {
  return rows.column(static_cast<std::size_t>(table::ProximalColumn::kWeight));
}

/// May a step's action, with its numbers, be taken on a table of this method?
bool Knows(BlockSolver::Method method, const wire::BlockStep& step) {
  const std::uint32_t pair = step.newton.pair;
  const bool proximal = method == BlockSolver::Method::kProximal;
  switch (step.action) {
    case BlockAction::kMeasure:
      return true;
    case BlockAction::kMove:
      return !proximal && step.newton.direction.size() == math::QuasiNewtonMemory::kBasis;
    case BlockAction::kGradient:
      return !proximal &&
             (pair == wire::QuasiNewtonStep::kNoPair || pair < math::QuasiNewtonMemory::kPairs);
    default:
      return proximal;
  }
}

Status Fenced(std::uint32_t slot, Session session) {
  return Status(StatusCode::kCancelled, "slot " + std::to_string(slot) +
                                            " is taken over by session " + std::to_string(session));
}

}  // namespace

// ---- Features ----

Result<wire::BlockJoined> BlockSolver::Join(const wire::BlockJoin& join) {
  if (block_count_ == 0) block_count_ = join.block_count;
  if (join.block_count != block_count_) {
    return Status(StatusCode::kInvalidArgument,
                  "slot " + std::to_string(join.slot) + " cuts features into " +
                      std::to_string(join.block_count) + " blocks, another into " +
                      std::to_string(block_count_));
  }
  if (segments_.empty()) places_negligible_ = join.places_negligible;
  if (join.places_negligible != places_negligible_) {
    return Status(StatusCode::kInvalidArgument,
                  "slot " + std::to_string(join.slot) + " leaves out features in up to " +
                      std::to_string(join.places_negligible) + " places, another in up to " +
                      std::to_string(places_negligible_));
  }
  Slot& slot = slots_[join.slot];
  if (join.session < slot.session) return Fenced(join.slot, slot.session);
  if (join.session > slot.session) slot = {.session = join.session};
  wire::BlockJoined joined{.table = join.table, .segments = {}};
  for (const wire::BlockKeys& asked : join.segments) {
    ArrayTable* rows = find_(asked.segment);
    if (rows == nullptr || rows->row_floats() != row_floats()) {
      return Status(StatusCode::kUnavailable, "segment " + std::to_string(asked.segment) +
                                                  " of table " + std::to_string(join.table) +
                                                  " is not here, or its keys are not fixed");
    }
    if (!StrictlyIncreasing(asked.keys)) {
      return Status(StatusCode::kInvalidArgument,
                    "keys of segment " + std::to_string(asked.segment) + " are not in order");
    }
    Segment& segment = SegmentOf(asked.segment, *rows);
    wire::BlockRanks& answer = joined.segments.emplace_back();
    answer.segment = asked.segment;
    answer.firsts.assign(segment.firsts.begin(), segment.firsts.end() - 1);
    answer.keys = static_cast<std::uint32_t>(asked.keys.size());
    std::vector<Rank> ranks(asked.keys.size());
    (void)rows->FindRanks(asked.keys, ranks);
    std::vector<Rank> own;
    std::vector<float> weights(ranks.size());
    auto kept = segment.ranks.begin();
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] == ArrayTable::kNoRank) continue;
      kept = std::lower_bound(kept, segment.ranks.end(), ranks[i]);
      if (kept == segment.ranks.end() || *kept != ranks[i]) {
        ranks[i] = ArrayTable::kNoRank;
        continue;
      }
      weights[i] = WeightsOf(*rows)[ranks[i]];
      own.push_back(ranks[i]);
    }
    answer.ranks = wire::RisingRanks::Of(ranks);
    answer.weights = wire::SparseFloats::Of(weights);
    // A copy that comes late adds nothing, and does not undo what steps have settled.
    const auto [list, first] = slot.lists.try_emplace(asked.segment);
    if (Unite(own, segment.ranks.size(), list->second) || first)
      swept_ = true;  // Its active ranks are to be listed.
  }
  return joined;
}

bool BlockSolver::Unite(table::Ranks more, std::size_t ranks_of_all, RankList& list) {
  if (list.all) return false;
  std::vector<Rank> both;
  std::ranges::set_union(list.ranks, more, std::back_inserter(both));
  const bool grows = both.size() > list.ranks.size();
  list.all = both.size() == ranks_of_all;
  list.ranks = list.all ? std::vector<Rank>() : std::move(both);
  if (list.all) list.active = {};
  return grows;
}

BlockSolver::Segment& BlockSolver::SegmentOf(SegmentId id, ArrayTable& rows) {
  Segment& segment = segments_[id];
  if (segment.rows != nullptr) return segment;
  segment.rows = &rows;
  if (has_intercept_)
    (void)rows.FindRanks(std::span(&kInterceptKey, 1), std::span(&segment.intercept, 1));
  static_assert(static_cast<int>(table::ProximalColumn::kStart) ==
                static_cast<int>(table::QuasiNewtonColumn::kStart));
  const auto entries = rows.column(static_cast<std::size_t>(table::ProximalColumn::kStart));
  for (const std::size_t first : table::CutBlocks(entries, block_count_))
    segment.firsts.push_back(static_cast<Rank>(first));
  segment.firsts.resize(block_count_ + std::size_t{1}, static_cast<Rank>(rows.size()));
  for (Rank rank = 0; rank < rows.size(); ++rank) {
    if (entries[rank] > static_cast<float>(places_negligible_) || WeightsOf(rows)[rank] != 0.0F ||
        rank == segment.intercept)
      segment.ranks.push_back(rank);
  }
  if (method_ == Method::kProximal) {
    table::BeginSolve(rows);
    segment.curvatures.resize(rows.size());
  } else {
    table::BeginQuasiNewton(rows);
    segment.active = segment.ranks;
  }
  return segment;
}

// ---- Steps ----

ArrayTable::RankRange BlockSolver::RanksOf(const Segment& segment, const wire::BlockStep& step) {
  const Rank first = segment.firsts[step.block];
  return {.first = first, .count = std::size_t{segment.firsts[step.block + step.blocks]} - first};
}

table::Ranks BlockSolver::ActiveIn(const Segment& segment, const RankList& list,
                                   const wire::BlockStep& step) {
  return Within(list.all ? segment.active : list.active, RanksOf(segment, step));
}

table::Ranks BlockSolver::RanksIn(const Segment& segment, const RankList& list,
                                  const wire::BlockStep& step) {
  return Within(list.all ? segment.ranks : list.ranks, RanksOf(segment, step));
}

std::size_t BlockSolver::Coordinates(const Segment& segment, const RankList& list,
                                     const wire::BlockStep& step) {
  switch (step.action) {
    case BlockAction::kStep:
      return ActiveIn(segment, list, step).size();
    case BlockAction::kSweep:
    case BlockAction::kMove:
    case BlockAction::kGradient:
      return RanksIn(segment, list, step).size();
    case BlockAction::kMeasure:
    case BlockAction::kSearch:
      break;
  }
  return 0;
}

void BlockSolver::RefreshActive() {
  if (method_ == Method::kQuasiNewton) return;  // Nothing settles.
  const auto refresh = [this](std::span<const float> settled, std::vector<Rank>& active,
                              const std::vector<Rank>& ranks) {
    if (swept_) active = ranks;
    std::erase_if(active, [&](Rank rank) { return settled[rank] != 0.0F; });
  };
  for (auto& [id, segment] : segments_) {
    const auto settled = SettledOf(*segment.rows);
    refresh(settled, segment.active, segment.ranks);
    for (auto& [index, slot] : slots_) {
      const auto list = slot.lists.find(id);
      if (list != slot.lists.end() && !list->second.all)
        refresh(settled, list->second.active, list->second.ranks);
    }
  }
  swept_ = false;
}

Status BlockSolver::Check(const Slot& slot, const wire::BlockStep& step) const {
  const auto wrong = [&](const std::string& what) {
    return Status(StatusCode::kInvalidArgument, "step " + std::to_string(step.step) + " of slot " +
                                                    std::to_string(step.slot) + ": " + what);
  };
  if (!Knows(method_, step)) return wrong("this table's solver has no such action");
  if (step.block >= block_count_ || step.blocks > block_count_ - step.block) {
    return wrong("no blocks " + std::to_string(step.block) + " to " +
                 std::to_string(std::uint64_t{step.block} + step.blocks - 1));
  }
  if (step.pass < pass_) return wrong("its pass is over");
  std::vector<wire::BlockCount> counts;
  std::size_t coordinates = 0;
  for (const auto& [id, segment] : segments_) {
    const auto list = slot.lists.find(id);
    if (list == slot.lists.end())
      return wrong("it has not said its features of segment " + std::to_string(id));
    const std::size_t count = Coordinates(segment, list->second, step);
    counts.push_back({.segment = id, .count = static_cast<std::uint32_t>(count)});
    coordinates += count;
  }
  if (wire::HasGradients(step.action) && step.gradients.size() != coordinates) {
    return wrong("it has gradients of " + std::to_string(step.gradients.size()) +
                 " coordinates instead of " + std::to_string(coordinates));
  }
  if (step.counts_signature != wire::SignatureOf(counts)) {
    return wrong("its coordinates are not the " + std::to_string(coordinates) + " in " +
                 std::to_string(counts.size()) + " segments that are known here");
  }
  if (FirstNotFinite(step.gradients) < step.gradients.size())
    return wrong("a gradient is NaN or infinite");
  if (!std::isfinite(step.move.pass + step.move.earlier + step.move.scale))
    return wrong("its move is NaN or infinite");
  return {};
}

Status BlockSolver::Step(transport::LinkId link, std::uint64_t request_id, wire::BlockStep step,
                         Outbox& outbox) {
  const auto found = slots_.find(step.slot);
  if (found == slots_.end()) {
    return Status(StatusCode::kUnavailable,
                  "slot " + std::to_string(step.slot) + " has not said its features here");
  }
  Slot& slot = found->second;
  if (step.session < slot.session) return Fenced(step.slot, slot.session);
  slot.answered = std::max(slot.answered, step.answered_step);
  std::erase_if(slot.answers, [&](const auto& answer) { return answer.first <= slot.answered; });
  const auto kept =
      std::ranges::find(slot.answers, step.step, [](const auto& answer) { return answer.first; });
  if (kept != slot.answers.end()) {
    wire::Frame frame = kept->second;
    frame.header.request_id = request_id;
    outbox.emplace_back(link, std::move(frame));
    return {};
  }
  if (step.step <= slot.answered) return {};  // A late copy.
  if (const auto parts = waiting_.find(step.step); parts != waiting_.end()) {
    if (const auto part = parts->second.find(step.slot); part != parts->second.end()) {
      part->second.link = link;
      part->second.request_id = request_id;
      return {};
    }
    const wire::BlockStep& other = parts->second.begin()->second.step;
    if (other.pass != step.pass || other.action != step.action || other.block != step.block ||
        other.blocks != step.blocks || other.slot_count != step.slot_count) {
      return Status(StatusCode::kInvalidArgument,
                    "slots " + std::to_string(other.slot) + " and " + std::to_string(step.slot) +
                        " do not agree on step " + std::to_string(step.step));
    }
  } else if (waiting_.size() >= kStepsWaitingMax) {
    return Status(StatusCode::kResourceExhausted,
                  std::to_string(waiting_.size()) + " steps wait for other workers");
  }
  if (step.pass > active_of_) {  // Nothing of earlier passes is under way.
    RefreshActive();
    active_of_ = step.pass;
  }
  SY_RETURN_IF_ERROR(Check(slot, step));
  Parts& parts = waiting_[step.step];
  const std::uint32_t slot_count = step.slot_count;
  const std::uint32_t index = step.slot;
  const steelyard::Step number = step.step;
  parts[index] = {.link = link, .request_id = request_id, .step = std::move(step)};
  if (parts.size() < slot_count) return {};
  Execute(parts, outbox);
  waiting_.erase(number);
  return {};
}

void BlockSolver::BeginPass(const wire::BlockStep& step) {
  pass_ = step.pass;
  if (method_ == Method::kQuasiNewton) return;
  const bool searches = step.action == BlockAction::kSearch;
  for (auto& [id, segment] : segments_) {
    if (step.take_back) {
      table::TakeBack(*segment.rows, segment.active);
    } else if (pass_open_ && !searches) {
      table::EndPass(*segment.rows, segment.active, ToMath(step.move));
    }
    if (step.action == BlockAction::kStep) table::BeginPass(*segment.rows, segment.active);
    segment.of_pass = {.segment = id, .settled = segment.rows->size() - segment.active.size()};
  }
  pass_open_ = step.action == BlockAction::kStep || (pass_open_ && searches);
}

void BlockSolver::Execute(Parts& parts, Outbox& outbox) {
  const wire::BlockStep& first = parts.begin()->second.step;
  if (first.pass > pass_) BeginPass(first);
  for (auto& [slot, part] : parts)
    part.answer = {.table = first.table, .step = first.step, .figures = {}};
  for (auto& [id, segment] : segments_) {
    const wire::BlockFigures figures = ExecuteFor(id, segment, parts);
    if (first.action == BlockAction::kStep) continue;  // kMeasure tells what they found together.
    parts.begin()->second.answer.figures.push_back(figures);  // One worker reports them.
  }
  for (auto& [index, part] : parts) {
    part.answer.changes = wire::SparseFloats::Of(part.changes);
    wire::Frame frame = wire::MakeFrame(part.answer, part.request_id);
    Slot& slot = slots_.at(index);
    slot.answers.emplace_back(first.step, frame);
    if (part.link != 0) outbox.emplace_back(part.link, std::move(frame));
  }
}

wire::BlockFigures BlockSolver::ExecuteFor(SegmentId id, Segment& segment, Parts& parts) {
  const wire::BlockStep& first = parts.begin()->second.step;
  switch (first.action) {
    case BlockAction::kMeasure:
      return Measure(id, segment);
    case BlockAction::kSearch:
      return Search(id, segment, first.move);
    case BlockAction::kSweep:
      return Sweep(id, segment, parts);
    case BlockAction::kMove:
      return Move(id, segment, parts);
    case BlockAction::kGradient:
      return TakeGradients(id, segment, parts);
    case BlockAction::kStep:
      break;
  }
  return TakeStep(id, segment, parts);
}

wire::BlockFigures BlockSolver::Measure(SegmentId id, const Segment& segment) const {
  const table::WeightNorms norms = table::NormsOf(*segment.rows, segment.active, segment.intercept);
  const bool searches = method_ == Method::kProximal;
  return {
      .segment = id,
      .violation_max = segment.of_pass.violation_max,
      .norm1 = norms.norm1,
      .norm2_squared = norms.norm2_squared,
      .nonzeros = norms.nonzeros,
      .settled = segment.of_pass.settled,
      .features = segment.rows->size(),
      .model = searches
                   ? table::SearchPenalty(*segment.rows, segment.active, RulesOf(segment)).figures()
                   : std::vector<double>{}};
}

wire::BlockFigures BlockSolver::Search(SegmentId id, const Segment& segment,
                                       const wire::SearchMove& move) const {
  wire::BlockFigures figures{.segment = id};
  const table::ProximalRules rules = RulesOf(segment);
  for (const double scale : math::kSearchScales) {
    math::SearchMove scaled = ToMath(move);
    scaled.scale = scale;
    figures.penalties.push_back(table::PenaltyAfter(*segment.rows, segment.active, rules, scaled));
  }
  return figures;
}

wire::BlockFigures BlockSolver::TakeStep(SegmentId id, Segment& segment, Parts& parts) {
  const wire::BlockStep& first = parts.begin()->second.step;
  const table::Ranks ranks = Within(segment.active, RanksOf(segment, first));
  gradients_.assign(ranks.size(), 0.0F);
  curvatures_.assign(ranks.size(), 0.0F);
  for (auto& [slot, part] : parts) {
    const table::Ranks own = ActiveIn(segment, slots_.at(slot).lists.at(id), first);
    const float* gradients = part.step.gradients.data() + part.next_gradient;
    const std::uint16_t* curvatures = part.step.curvatures.data() + part.next_gradient;
    part.next_gradient += own.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i < own.size(); ++i, ++at) {
      while (ranks[at] != own[i]) ++at;
      gradients_[at] += gradients[i];
      curvatures_[at] += wire::FloatOfUpperHalf(curvatures[i]);
    }
  }
  for (std::size_t i = 0; i < ranks.size(); ++i) segment.curvatures[ranks[i]] = curvatures_[i];
  steps_.resize(ranks.size());
  const auto outcome = table::StepBlock(*segment.rows, ranks, {gradients_, curvatures_},
                                        RulesOf(segment), first.margin, steps_);
  segment.of_pass.violation_max = std::max(segment.of_pass.violation_max, outcome.violation_max);
  segment.of_pass.settled += outcome.settled;
  const auto settled = SettledOf(*segment.rows);
  for (auto& [slot, part] : parts) {
    std::size_t at = 0;
    for (const Rank rank : ActiveIn(segment, slots_.at(slot).lists.at(id), first)) {
      while (ranks[at] != rank) ++at;
      part.changes.push_back(steps_[at]);
      part.answer.AppendSettled(part.coordinates++, settled[rank] != 0.0F);
    }
  }
  return {.segment = id};
}

void BlockSolver::SumGradients(SegmentId id, const Segment& segment, Parts& parts) {
  const ArrayTable::RankRange block = RanksOf(segment, parts.begin()->second.step);
  gradients_.assign(block.count, 0.0F);
  for (auto& [slot, part] : parts) {
    for (const Rank rank : RanksIn(segment, slots_.at(slot).lists.at(id), part.step))
      gradients_[rank - block.first] += part.step.gradients[part.next_gradient++];
  }
}

wire::BlockFigures BlockSolver::Sweep(SegmentId id, Segment& segment, Parts& parts) {
  const ArrayTable::RankRange block = RanksOf(segment, parts.begin()->second.step);
  SumGradients(id, segment, parts);
  const auto outcome = table::SweepBlock(
      *segment.rows, block, gradients_,
      std::span(segment.curvatures).subspan(block.first, block.count), RulesOf(segment));
  swept_ = true;
  const auto settled = SettledOf(*segment.rows);
  for (auto& [slot, part] : parts) {
    for (const Rank rank : RanksIn(segment, slots_.at(slot).lists.at(id), part.step))
      part.answer.AppendSettled(part.coordinates++, settled[rank] != 0.0F);
  }
  return {.segment = id,
          .violation_max = outcome.violation_max,
          .gradient_max = outcome.gradient_max,
          .gain = outcome.gain,
          .norm1 = outcome.norm1,
          .norm2_squared = outcome.norm2_squared};
}

wire::BlockFigures BlockSolver::Move(SegmentId id, Segment& segment, Parts& parts) {
  const wire::BlockStep& first = parts.begin()->second.step;
  const ArrayTable::RankRange block = RanksOf(segment, first);
  const auto outcome = table::MoveBlock(*segment.rows, segment.basis, block, first.newton.direction,
                                        first.newton.reach, OrthantRulesOf(segment));
  const auto weights = WeightsOf(*segment.rows);
  for (auto& [slot, part] : parts) {
    for (const Rank rank : RanksIn(segment, slots_.at(slot).lists.at(id), part.step))
      part.changes.push_back(weights[rank]);
  }
  return {.segment = id,
          .norm1 = outcome.norms.norm1,
          .norm2_squared = outcome.norms.norm2_squared,
          .nonzeros = outcome.norms.nonzeros,
          .slope = outcome.slope};
}

wire::BlockFigures BlockSolver::TakeGradients(SegmentId id, Segment& segment, Parts& parts) {
  const wire::BlockStep& first = parts.begin()->second.step;
  const ArrayTable::RankRange block = RanksOf(segment, first);
  SumGradients(id, segment, parts);
  const std::uint32_t pair = first.newton.pair;
  auto outcome = table::TakeGradients(
      *segment.rows, segment.basis, block, gradients_,
      pair == wire::QuasiNewtonStep::kNoPair ? std::nullopt : std::optional(pair),
      OrthantRulesOf(segment));
  return {.segment = id,
          .violation_max = outcome.violation_max,
          .gradient_max = outcome.gradient_max,
          .products = std::move(outcome.products)};
}

void BlockSolver::ForgetLink(transport::LinkId link) {
  for (auto& [step, parts] : waiting_) {
    for (auto& [slot, part] : parts) {
      if (part.link == link) part.link = 0;
    }
  }
}

}  // namespace steelyard::server
