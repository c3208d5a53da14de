#include "job/batch_run.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "placement/placement.h"

namespace steelyard::job {

using transport::Transport;
using wire::BlockAction;

namespace {

constexpr std::size_t kKeysPerPush = std::size_t{1} << 16;
constexpr std::size_t kPushesOutMax = 4;
/// Of one BLOCK_JOIN; its answer has as many ranks and weights.
constexpr std::size_t kKeysPerJoinMax = std::size_t{4} << 20;
/// Blocks under way in a sweep: weights rest, so that only memory bounds them.
constexpr std::uint32_t kSweepAhead = 8;

math::SearchMove MoveOf(const wire::SearchMove& move, double scale) {
  return {.pass = move.pass, .earlier = move.earlier, .scale = scale};
}

}  // namespace

BatchRun::BatchRun(const wire::SlotAssign& assign, std::uint64_t seed, client::Client* client,
                   const WorkerEnvironment* environment, std::unique_ptr<BatchLearner> learner)
    : assign_(assign),
      seed_(seed),
      client_(client),
      environment_(environment),
      learner_(std::move(learner)),
      segment_count_(assign.view.segments.size()),
      segments_of_(assign.view.owners.size()) {
  for (SegmentId i = 0; i < segment_count_; ++i) {
    owner_of_.push_back(assign.view.segments[i].owner);
    segments_of_[owner_of_.back()].push_back(i);
  }
}

void BatchRun::Begin(const wire::PassPlan& plan, Done done) {
  plan_ = plan;
  done_ = std::move(done);
  sums_ = {};
  next_step_ = plan.first_step;
  next_block_ = 0;
  measuring_ = false;
  figures_.assign(segment_count_, {});
  for (SegmentId i = 0; i < segment_count_; ++i) figures_[i].segment = i;
}

void BatchRun::End(const Status& status) {
  if (!done_ || cancelled_) return;
  if (!status.ok()) cancelled_ = true;
  for (const wire::BlockFigures& figures : figures_) sums_.figures.Add(figures);
  std::exchange(done_, nullptr)(status, sums_);
}

void BatchRun::Compute(Work work, Work then) {
  ++computing_;
  auto took = std::make_shared<std::uint64_t>(0);
  environment_->reader->Run(
      // The worker, and with it environment_, may end meanwhile.
      [self = shared_from_this(), took, work = std::move(work),
       thread_ns = environment_->thread_ns] {
        const std::uint64_t began = thread_ns ? thread_ns() : 0;
        work();
        *took = thread_ns ? thread_ns() - began : 0;
      },
      [self = shared_from_this(), took, then = std::move(then)] {
        --self->computing_;
        self->busy_ns_ += *took;
        if (!self->cancelled_) then();
      });
}

// ---- Which features there are ----

void BatchRun::CountKeys(Transport& transport, Done done) {
  Begin({}, std::move(done));
  Compute([this] { learner_->EndRows(); },
          [self = shared_from_this(), &transport] { self->PushNextKeys(transport); });
}

void BatchRun::PushNextKeys(Transport& transport) {
  const auto keys = learner_->keys();
  while (next_key_ < keys.size() && pushes_out_ < kPushesOutMax) {
    const std::size_t count = std::min(kKeysPerPush, keys.size() - next_key_);
    const auto part = keys.subspan(next_key_, count);
    const auto entries = learner_->entries().subspan(next_key_, count);
    client::PushRequest request;
    request.keys.assign(part.begin(), part.end());
    request.floats.assign(entries.begin(), entries.end());
    if (!client_->HasRoom(count * (sizeof(Key) + sizeof(float))) && pushes_out_ > 0) return;
    const auto pushed =
        client_->Push(transport, assign_.view.table, std::move(request),
                      [self = shared_from_this(), &transport](const Status& status) {
                        --self->pushes_out_;
                        if (!status.ok()) return self->End(status);
                        self->PushNextKeys(transport);
                      });
    if (!pushed.ok()) return End(pushed.status());
    ++pushes_out_;
    next_key_ += count;
  }
  if (next_key_ == keys.size() && pushes_out_ == 0) End({});
}

void BatchRun::Prepare(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(plan, std::move(done));
  block_count_ = plan.batch.block_count;
  Join(transport);
}

void BatchRun::Join(Transport& transport) {
  std::vector<placement::KeySlice> slices;
  const auto keys = learner_->keys();
  placement::SliceKeys(keys, assign_.view, slices);
  std::vector<placement::KeySlice> slice_of(segment_count_);
  for (const placement::KeySlice& slice : slices) slice_of[slice.segment] = slice;
  ranks_.assign(segment_count_, {});
  const wire::BlockJoin empty{.table = assign_.view.table,
                              .group = assign_.job,
                              .slot = assign_.slot,
                              .session = assign_.session,
                              .block_count = block_count_,
                              .segments = {}};
  for (std::size_t owner = 0; owner < segments_of_.size(); ++owner) {
    wire::BlockJoin join = empty;
    std::size_t in_join = 0;
    const auto send = [&] {
      ++joins_out_;
      const Status status =
          client_->Ask(transport, assign_.view.table, owner, wire::MakeFrame(join),
                       [self = shared_from_this(), &transport](const Result<wire::Frame>& frame) {
                         self->OnJoined(transport, frame);
                       });
      join = empty;
      in_join = 0;
      return status;
    };
    for (const SegmentId segment : segments_of_[owner]) {
      const placement::KeySlice& slice = slice_of[segment];
      if (slice.count > kKeysPerJoinMax) {
        return End(Status(StatusCode::kInvalidArgument,
                          "this worker's rows have " + std::to_string(slice.count) +
                              " features in one segment of the table, and may have " +
                              std::to_string(kKeysPerJoinMax) + "; use more workers"));
      }
      if (in_join + slice.count > kKeysPerJoinMax) {
        if (const Status status = send(); !status.ok()) return End(status);
      }
      const auto part = keys.subspan(slice.offset, slice.count);
      join.segments.push_back({.segment = segment, .keys = {part.begin(), part.end()}});
      in_join += slice.count;
    }
    if (join.segments.empty()) continue;
    if (const Status status = send(); !status.ok()) return End(status);
  }
}

void BatchRun::OnJoined(Transport& transport, const Result<wire::Frame>& frame) {
  if (cancelled_) return;
  if (!frame.ok()) return End(frame.status());
  auto joined = wire::Decode<wire::BlockJoined>(frame.value().body.bytes());
  if (!joined.ok()) return End(joined.status());
  for (wire::BlockRanks& ranks : joined.value().segments) {
    if (ranks.segment < segment_count_) ranks_[ranks.segment] = std::move(ranks);
  }
  if (--joins_out_ > 0) return;
  if (const Status status = CheckJoined(); !status.ok()) return End(status);
  Compute([this] { Arrange(); },
          [self = shared_from_this(), &transport] {
            self->StartStep(transport, BlockAction::kMeasure, 0);
          });
}

Status BatchRun::CheckJoined() {
  std::size_t keys = 0;
  for (const wire::BlockRanks& ranks : ranks_) {
    keys += ranks.ranks.size();
    if (ranks.firsts.size() != block_count_) {
      return Status(StatusCode::kCorruption,
                    "a server cut its features into " + std::to_string(ranks.firsts.size()) +
                        " blocks instead of " + std::to_string(block_count_));
    }
  }
  if (keys == learner_->keys().size()) return {};
  return Status(StatusCode::kCorruption, "the servers ranked " + std::to_string(keys) +
                                             " features instead of " +
                                             std::to_string(learner_->keys().size()));
}

void BatchRun::Arrange() {
  // The block of each key; runs of one segment's keys in one block.
  std::vector<std::uint32_t> run_of;
  run_of.reserve(learner_->keys().size());
  runs_.assign(block_count_ * segment_count_ + 1, 0);
  for (std::size_t segment = 0; segment < segment_count_; ++segment) {
    const wire::BlockRanks& ranks = ranks_[segment];
    std::size_t block = 0;
    for (const std::uint32_t rank : ranks.ranks) {
      if (rank == wire::kNoRank) {
        run_of.push_back(BatchLearner::kNoFeature);
        continue;
      }
      while (block + 1 < block_count_ && rank >= ranks.firsts[block + 1]) ++block;
      const std::size_t run = block * segment_count_ + segment;
      run_of.push_back(static_cast<std::uint32_t>(run));
      ++runs_[run + 1];
    }
  }
  std::partial_sum(runs_.begin(), runs_.end(), runs_.begin());
  std::vector<std::size_t> next(runs_.begin(), runs_.end() - 1);
  std::vector<float> weights(runs_.back());
  std::vector<std::uint32_t>& feature_of = run_of;
  std::size_t key = 0;
  for (const wire::BlockRanks& ranks : ranks_) {
    for (const float weight : ranks.weights) {
      const std::uint32_t run = run_of[key];
      if (run != BatchLearner::kNoFeature) {
        feature_of[key] = static_cast<std::uint32_t>(next[run]++);
        weights[feature_of[key]] = weight;
      }
      ++key;
    }
  }
  ranks_ = {};
  learner_->Arrange(feature_of, weights);
}

// ---- Steps ----

void BatchRun::SettlePass(const wire::BatchPlan& plan) {
  if (plan.take_back) {
    learner_->TakeBack();
  } else {
    learner_->EndPass(MoveOf(plan.move, plan.move.scale));
  }
}

void BatchRun::OrderSteps() {
  order_.clear();
  for (std::uint32_t block = 0; block < block_count_; block += plan_.batch.blocks_per_step)
    order_.push_back(block);
}

void BatchRun::Pass(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(plan, std::move(done));
  OrderSteps();
  std::mt19937_64 random(seed_ * 0x9e3779b97f4a7c15u + plan.pass);
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
  Compute(
      [this] {
        SettlePass(plan_.batch);
        learner_->BeginPass();
      },
      [self = shared_from_this(), &transport] { self->Pump(transport); });
}

void BatchRun::Certify(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(plan, std::move(done));
  plan_.batch.tau = kSweepAhead;
  OrderSteps();
  Compute(
      [this] {
        SettlePass(plan_.batch);
        learner_->Rebuild();
      },
      [self = shared_from_this(), &transport] { self->Pump(transport); });
}

void BatchRun::Search(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(plan, std::move(done));
  Compute(
      [this] {
        for (const double scale : math::kSearchScales)
          sums_.losses.push_back(learner_->LossSumAfter(MoveOf(plan_.batch.move, scale)));
      },
      [self = shared_from_this(), &transport] {
        self->StartStep(transport, BlockAction::kSearch, 0);
      });
}

void BatchRun::Dual(Transport&, const wire::PassPlan& plan, Done done) {
  Begin(plan, std::move(done));
  Compute(
      [this, scale = plan.batch.dual_scale] {
        const std::optional<double> dual = learner_->DualSum(scale);
        sums_.has_dual = dual.has_value();
        sums_.dual = dual.value_or(0.0);
      },
      [self = shared_from_this()] { self->MeasureLoss(); });
}

/// Take over what has come, in order; begin what may begin.
void BatchRun::Pump(Transport& transport) {
  if (cancelled_ || !done_) return;
  while (!under_way_.empty() && under_way_.front()->unanswered == 0) {
    const std::shared_ptr<Exchange> exchange = under_way_.front();
    under_way_.pop_front();
    answered_step_ = exchange->step;
    TakeOver(transport, exchange);
  }
  if (measuring_) return;
  const bool certifies = plan_.phase == wire::Phase::kCertify;
  if (!starting_ && next_block_ < order_.size() && under_way_.size() <= plan_.batch.tau) {
    return StartStep(transport, certifies ? BlockAction::kSweep : BlockAction::kStep,
                     order_[next_block_++]);
  }
  if (computing_ > 0 || next_block_ < order_.size() || !under_way_.empty()) return;
  if (certifies) return MeasureLoss();
  StartStep(transport, BlockAction::kMeasure, 0);
}

void BatchRun::StartStep(Transport& transport, BlockAction action, std::uint32_t block) {
  const bool about_blocks = action == BlockAction::kStep || action == BlockAction::kSweep;
  measuring_ = !about_blocks;
  starting_ = true;
  auto exchange = std::make_shared<Exchange>();
  exchange->step = next_step_++;
  exchange->action = action;
  exchange->block = block;
  exchange->blocks = about_blocks ? std::min(plan_.batch.blocks_per_step, block_count_ - block) : 0;
  Compute([this, exchange] { FillRequests(*exchange); },
          [self = shared_from_this(), exchange, &transport] {
            self->starting_ = false;
            self->Send(transport, exchange);
            self->Pump(transport);
          });
}

void BatchRun::ListFeatures(Exchange& exchange, SegmentId segment) const {
  const auto active = learner_->active();
  for (std::uint32_t block = 0; block < exchange.blocks; ++block) {
    const std::size_t run = (exchange.block + block) * segment_count_ + segment;
    if (exchange.action == BlockAction::kSweep) {
      for (std::size_t i = runs_[run]; i < runs_[run + 1]; ++i)
        exchange.sent.push_back(static_cast<std::uint32_t>(i));
    } else {
      const auto first = std::ranges::lower_bound(active, runs_[run]);
      const auto end = std::ranges::lower_bound(first, active.end(), runs_[run + 1]);
      exchange.sent.insert(exchange.sent.end(), first, end);
    }
  }
}

void BatchRun::FillRequests(Exchange& exchange) const {
  exchange.counts.assign(segment_count_, 0);
  exchange.requests.resize(segments_of_.size());
  for (wire::BlockStep& request : exchange.requests) {
    request.table = assign_.view.table;
    request.group = assign_.job;
    request.slot = assign_.slot;
    request.slot_count = assign_.slot_count;
    request.session = assign_.session;
    request.step = exchange.step;
    request.pass = plan_.pass;
    request.take_back = plan_.batch.take_back;
    request.move = plan_.batch.move;
    request.action = exchange.action;
    request.block = exchange.block;
    request.blocks = std::max(exchange.blocks, 1u);
    request.margin = plan_.batch.margin;
  }
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const std::size_t before = exchange.sent.size();
    ListFeatures(exchange, segment);
    exchange.counts[segment] = static_cast<std::uint32_t>(exchange.sent.size() - before);
  }
  std::vector<float> gradients(exchange.sent.size());
  std::vector<float> curvatures(exchange.sent.size());
  learner_->Gradients(exchange.sent, plan_.batch.safety, gradients, curvatures);
  std::size_t first = 0;
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const std::size_t count = exchange.counts[segment];
    wire::BlockStep& request = exchange.requests[owner_of_[segment]];
    for (const std::vector<float>* floats : {&gradients, &curvatures}) {
      const auto part = std::span(*floats).subspan(first, count);
      request.floats.insert(request.floats.end(), part.begin(), part.end());
    }
    request.segments.push_back({.segment = segment, .count = exchange.counts[segment]});
    first += count;
  }
}

void BatchRun::Send(Transport& transport, const std::shared_ptr<Exchange>& exchange) {
  exchange->answers.resize(exchange->requests.size());
  under_way_.push_back(exchange);
  for (std::size_t owner = 0; owner < exchange->requests.size(); ++owner) {
    wire::BlockStep& request = exchange->requests[owner];
    if (request.segments.empty()) continue;
    request.answered_step = answered_step_;
    ++exchange->unanswered;
    const Status status = client_->Ask(
        transport, assign_.view.table, owner, wire::MakeFrame(request),
        [self = shared_from_this(), exchange, owner, &transport](const Result<wire::Frame>& frame) {
          self->OnStepped(transport, exchange, owner, frame);
        });
    if (!status.ok()) return End(status);
  }
  exchange->requests = {};
}

void BatchRun::OnStepped(Transport& transport, const std::shared_ptr<Exchange>& exchange,
                         std::size_t owner, const Result<wire::Frame>& frame) {
  if (cancelled_ || !done_) return;
  if (!frame.ok()) return End(frame.status());
  auto stepped = wire::Decode<wire::BlockStepped>(frame.value().body.bytes());
  if (!stepped.ok()) return End(stepped.status());
  exchange->answers[owner] = std::move(stepped.value());
  if (const Status status = CheckAnswer(*exchange, owner); !status.ok()) return End(status);
  --exchange->unanswered;
  Pump(transport);
}

Status BatchRun::CheckAnswer(const Exchange& exchange, std::size_t owner) const {
  const wire::BlockStepped& answer = exchange.answers[owner];
  std::size_t sent = 0;
  for (const SegmentId segment : segments_of_[owner]) sent += exchange.counts[segment];
  const bool weighs = exchange.action == BlockAction::kStep;
  const bool fits =
      answer.step == exchange.step && answer.weights.size() == (weighs ? sent : 0) &&
      answer.settled.size() == (sent + 7) / 8 &&
      std::ranges::equal(answer.figures, segments_of_[owner], {}, &wire::BlockFigures::segment);
  if (fits) return {};
  return Status(StatusCode::kCorruption,
                "the answer to step " + std::to_string(exchange.step) + " does not fit it",
                assign_.view.owners[owner].address);
}

void BatchRun::TakeOver(Transport& transport, const std::shared_ptr<Exchange>& exchange) {
  AddFigures(*exchange);
  if (exchange->action == BlockAction::kMeasure) return MeasureLoss();
  if (exchange->action == BlockAction::kSearch) return End({});
  const bool sweeps = exchange->action == BlockAction::kSweep;
  auto weights = std::make_shared<std::vector<float>>();
  auto settled = std::make_shared<std::vector<std::uint8_t>>();
  std::vector<std::size_t> next(exchange->answers.size());
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const wire::BlockStepped& answer = exchange->answers[owner_of_[segment]];
    std::size_t& coordinate = next[owner_of_[segment]];
    for (std::uint32_t i = 0; i < exchange->counts[segment]; ++i, ++coordinate) {
      if (!sweeps) weights->push_back(answer.weights[coordinate]);
      settled->push_back(answer.Settled(coordinate) ? 1 : 0);
    }
  }
  Compute(
      [this, exchange, weights, settled, sweeps] {
        if (sweeps) {
          learner_->Settle(exchange->sent, *settled);
        } else {
          learner_->Update(exchange->sent, *weights, *settled);
        }
      },
      [self = shared_from_this(), &transport] { self->Pump(transport); });
}

void BatchRun::AddFigures(const Exchange& exchange) {
  for (const wire::BlockStepped& answer : exchange.answers) {
    for (const wire::BlockFigures& figures : answer.figures) {
      if (exchange.action == BlockAction::kStep) continue;  // kMeasure sums them up.
      figures_[figures.segment].Add(figures);
    }
  }
}

void BatchRun::MeasureLoss() {
  measuring_ = true;
  Compute(
      [this] {
        sums_.loss = learner_->LossSum();
        sums_.model = learner_->Search().figures();
        sums_.active_entries = learner_->ActiveEntries();
      },
      [self = shared_from_this()] { self->End({}); });
}

}  // namespace steelyard::job
