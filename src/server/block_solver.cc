#include "server/block_solver.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/spans.h"

namespace steelyard::server {
namespace {

using table::ArrayTable;
using wire::BlockAction;

bool IsAboutBlocks(BlockAction action) {
  return action == BlockAction::kStep || action == BlockAction::kSweep;
}

math::SearchMove ToMath(const wire::SearchMove& move) {
  return {.pass = move.pass, .earlier = move.earlier, .scale = move.scale};
}

/// Call visit(rank) for a worker's ranks in `range`.
template <typename Visit>
void ForRanks(bool all, std::span<const ArrayTable::Rank> ranks, const ArrayTable::RankRange& range,
              Visit&& visit) {
  const auto first = static_cast<ArrayTable::Rank>(range.first);
  const auto last = static_cast<ArrayTable::Rank>(range.first + range.count);
  if (all) {
    for (ArrayTable::Rank rank = first; rank < last; ++rank) visit(rank);
    return;
  }
  for (auto at = std::ranges::lower_bound(ranks, first); at != ranks.end() && *at < last; ++at)
    visit(*at);
}

std::span<const float> SettledOf(const ArrayTable& rows) {
  return rows.column(static_cast<std::size_t>(table::ProximalColumn::kSettled));
}

std::span<const float> WeightsOf(const ArrayTable& rows) {
  return rows.column(static_cast<std::size_t>(table::ProximalColumn::kWeight));
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
  Slot& slot = slots_[join.slot];
  if (join.session < slot.session) return Fenced(join.slot, slot.session);
  if (join.session > slot.session) slot = {.session = join.session};
  wire::BlockJoined joined{.table = join.table, .segments = {}};
  for (const wire::BlockKeys& asked : join.segments) {
    ArrayTable* rows = find_(asked.segment);
    if (rows == nullptr || rows->row_floats() != table::kProximalColumns) {
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
    answer.ranks.resize(asked.keys.size());
    (void)rows->FindRanks(asked.keys, answer.ranks);
    RankList& list = slot.lists[asked.segment];
    list = {};
    for (const Rank rank : answer.ranks) {
      answer.weights.push_back(rank == ArrayTable::kNoRank ? 0.0F : WeightsOf(*rows)[rank]);
      if (rank != ArrayTable::kNoRank) list.ranks.push_back(rank);
    }
    list.all = list.ranks.size() == rows->size();
    if (list.all) list.ranks = {};
  }
  return joined;
}

BlockSolver::Segment& BlockSolver::SegmentOf(SegmentId id, ArrayTable& rows) {
  Segment& segment = segments_[id];
  if (segment.rows != nullptr) return segment;
  segment.rows = &rows;
  const auto entries = rows.column(static_cast<std::size_t>(table::ProximalColumn::kStart));
  for (const std::size_t first : table::CutBlocks(entries, block_count_))
    segment.firsts.push_back(static_cast<Rank>(first));
  segment.firsts.resize(block_count_ + std::size_t{1}, static_cast<Rank>(rows.size()));
  table::BeginSolve(rows);
  return segment;
}

// ---- Steps ----

ArrayTable::RankRange BlockSolver::RanksOf(const Segment& segment, const wire::BlockStep& step) {
  const Rank first = segment.firsts[step.block];
  return {.first = first, .count = std::size_t{segment.firsts[step.block + step.blocks]} - first};
}

std::uint32_t BlockSolver::Coordinates(const Segment& segment, const RankList& list,
                                       const wire::BlockStep& step) const {
  if (!IsAboutBlocks(step.action)) return 0;
  const auto settled = SettledOf(*segment.rows);
  std::uint32_t count = 0;
  ForRanks(list.all, list.ranks, RanksOf(segment, step), [&](Rank rank) {
    count += step.action == BlockAction::kSweep || settled[rank] == 0.0F ? 1 : 0;
  });
  return count;
}

Status BlockSolver::Check(const Slot& slot, const wire::BlockStep& step) const {
  const auto wrong = [&](const std::string& what) {
    return Status(StatusCode::kInvalidArgument, "step " + std::to_string(step.step) + " of slot " +
                                                    std::to_string(step.slot) + ": " + what);
  };
  if (step.block >= block_count_ || step.blocks > block_count_ - step.block) {
    return wrong("no blocks " + std::to_string(step.block) + " to " +
                 std::to_string(std::uint64_t{step.block} + step.blocks - 1));
  }
  if (step.pass < pass_) return wrong("its pass is over");
  if (step.segments.size() != segments_.size()) return wrong("it lacks segments");
  auto held = segments_.begin();
  for (const wire::BlockCount& count : step.segments) {
    const auto& [id, segment] = *held++;
    const auto list = slot.lists.find(id);
    if (count.segment != id || list == slot.lists.end()) return wrong("it lacks segments");
    const std::uint32_t expected = Coordinates(segment, list->second, step);
    if (count.count != expected) {
      return wrong("it has " + std::to_string(count.count) + " coordinates of segment " +
                   std::to_string(id) + " instead of " + std::to_string(expected));
    }
  }
  if (FirstNotFinite(step.floats) < step.floats.size())
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
  for (auto& [id, segment] : segments_) {
    if (step.take_back) {
      table::TakeBack(*segment.rows);
    } else if (step.action != BlockAction::kSearch) {
      table::EndPass(*segment.rows, ToMath(step.move));
    }
    if (step.action == BlockAction::kStep) table::BeginPass(*segment.rows);
    segment.of_pass = {.segment = id};
  }
}

void BlockSolver::Execute(Parts& parts, Outbox& outbox) {
  const wire::BlockStep& first = parts.begin()->second.step;
  if (first.pass > pass_) BeginPass(first);
  for (auto& [slot, part] : parts)
    part.answer = {.table = first.table, .step = first.step, .figures = {}};
  for (auto& [id, segment] : segments_) {
    const wire::BlockFigures figures = ExecuteFor(id, segment, parts);
    for (auto& [slot, part] : parts) part.answer.figures.push_back(figures);
  }
  for (auto& [index, part] : parts) {
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
    case BlockAction::kStep:
    case BlockAction::kSweep:
      break;
  }
  return ExecuteIn(id, segment, parts);
}

wire::BlockFigures BlockSolver::Measure(SegmentId id, const Segment& segment) const {
  const table::WeightNorms norms = table::NormsOf(*segment.rows);
  return {.segment = id,
          .violation_max = segment.of_pass.violation_max,
          .norm1 = norms.norm1,
          .norm2_squared = norms.norm2_squared,
          .nonzeros = norms.nonzeros,
          .settled = segment.of_pass.settled,
          .features = segment.rows->size(),
          .model = table::SearchPenalty(*segment.rows, rule_).figures()};
}

wire::BlockFigures BlockSolver::Search(SegmentId id, const Segment& segment,
                                       const wire::SearchMove& move) const {
  wire::BlockFigures figures{.segment = id};
  for (const double scale : math::kSearchScales) {
    math::SearchMove scaled = ToMath(move);
    scaled.scale = scale;
    figures.penalties.push_back(table::PenaltyAfter(*segment.rows, rule_, scaled));
  }
  return figures;
}

wire::BlockFigures BlockSolver::ExecuteIn(SegmentId id, Segment& segment, Parts& parts) {
  const wire::BlockStep& first = parts.begin()->second.step;
  const bool sweep = first.action == BlockAction::kSweep;
  const ArrayTable::RankRange block = RanksOf(segment, first);
  const auto weights = WeightsOf(*segment.rows);
  const auto settled = SettledOf(*segment.rows);
  const auto before = settled.subspan(block.first, block.count);
  settled_before_.assign(before.begin(), before.end());
  const auto takes_part = [&](Rank rank) {
    return sweep || settled_before_[rank - block.first] == 0.0F;
  };

  gradients_.assign(block.count, 0.0F);
  curvatures_.assign(block.count, 0.0F);
  for (auto& [slot, part] : parts) {
    const RankList& list = slots_.at(slot).lists.at(id);
    const std::size_t count = part.step.segments[part.answer.figures.size()].count;
    const float* gradients = part.step.floats.data() + part.next_float;
    const float* curvatures = gradients + count;
    part.next_float += 2 * count;
    ForRanks(list.all, list.ranks, block, [&](Rank rank) {
      if (!takes_part(rank)) return;
      gradients_[rank - block.first] += *gradients++;
      curvatures_[rank - block.first] += *curvatures++;
    });
  }

  wire::BlockFigures figures{.segment = id};
  if (sweep) {
    const auto outcome = table::SweepBlock(*segment.rows, block, gradients_, curvatures_, rule_);
    figures.violation_max = outcome.violation_max;
    figures.gradient_max = outcome.gradient_max;
    figures.gain = outcome.gain;
    figures.norm1 = outcome.norm1;
    figures.norm2_squared = outcome.norm2_squared;
  } else {
    const auto outcome =
        table::StepBlock(*segment.rows, block, gradients_, curvatures_, rule_, first.margin);
    segment.of_pass.violation_max = std::max(segment.of_pass.violation_max, outcome.violation_max);
    segment.of_pass.settled += outcome.settled;
  }

  for (auto& [slot, part] : parts) {
    const RankList& list = slots_.at(slot).lists.at(id);
    ForRanks(list.all, list.ranks, block, [&](Rank rank) {
      if (!takes_part(rank)) return;
      if (!sweep) part.answer.weights.push_back(weights[rank]);
      part.answer.AppendSettled(part.coordinates++, settled[rank] != 0.0F);
    });
  }
  return figures;
}

void BlockSolver::ForgetLink(transport::LinkId link) {
  for (auto& [step, parts] : waiting_) {
    for (auto& [slot, part] : parts) {
      if (part.link == link) part.link = 0;
    }
  }
}

}  // namespace steelyard::server
