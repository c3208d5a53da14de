#include "job/batch_run.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "job/divergence.h"
#include "math/proximal_rule.h"
#include "wire/upper_half_float.h"

namespace steelyard::job {

using transport::Transport;
using wire::BlockAction;

namespace {

/// Blocks under way in a sweep: weights rest, so that only memory bounds them.
constexpr std::uint32_t kSweepAhead = 8;

/// A step that takes so many times as long as most: the worker stood still. Blocks have equally many entries.
constexpr std::int64_t kStallSteps = 8;
/// The clock is looked at so often while there is nothing else to do. Most answers come sooner.
constexpr runtime::Duration kLookEvery = std::chrono::milliseconds(2);

math::SearchMove MoveOf(const wire::SearchMove& move, double scale) {
  return {.pass = move.pass, .earlier = move.earlier, .scale = scale};
}

/// What a phase over blocks does with each.
BlockAction ActionOf(wire::Phase phase) {
  switch (phase) {
    case wire::Phase::kCertify:
      return BlockAction::kSweep;
    case wire::Phase::kMove:
      return BlockAction::kMove;
    case wire::Phase::kGradient:
      return BlockAction::kGradient;
    default:
      return BlockAction::kStep;
  }
}

/// Does the answer have weights, or what is settled?
bool Weighs(BlockAction action) {
  return action == BlockAction::kStep || action == BlockAction::kMove;
}
bool Settles(BlockAction action) {
  return action == BlockAction::kStep || action == BlockAction::kSweep;
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

void BatchRun::Begin(const Transport& transport, const wire::PassPlan& plan, Done done) {
  plan_ = plan;
  done_ = std::move(done);
  sums_ = {};
  next_step_ = plan.first_step;
  next_block_ = 0;
  measuring_ = false;
  began_ = transport.now();
  waited_ = {};
  waits_since_.reset();
  next_look_.reset();
  own_at_step_ = {};
  steps_took_.clear();
  figures_.assign(segment_count_, {});
  for (SegmentId i = 0; i < segment_count_; ++i) figures_[i].segment = i;
}

void BatchRun::End(const Status& status) {
  if (!done_ || cancelled_) return;
  if (!status.ok()) cancelled_ = true;
  for (const wire::BlockFigures& figures : figures_) sums_.figures.Add(figures);
  std::exchange(done_, nullptr)(status, sums_);
}

void BatchRun::Compute(runtime::Executor& executor, Work work, Work then) {
  ++computing_;
  auto took = std::make_shared<std::uint64_t>(0);
  executor.Run(
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

void BatchRun::Compute(Work work, Work then) {
  Compute(*environment_->reader, std::move(work), std::move(then));
}

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
  Begin(transport, plan, std::move(done));
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

void BatchRun::Sweep(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(transport, plan, std::move(done));
  plan_.batch.tau = kSweepAhead;
  OrderSteps();
  if (plan.phase != wire::Phase::kCertify) return Pump(transport);
  Compute(
      [this] {
        SettlePass(plan_.batch);
        learner_->Rebuild();
      },
      [self = shared_from_this(), &transport] { self->Pump(transport); });
}

void BatchRun::Search(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(transport, plan, std::move(done));
  Compute(
      [this] {
        for (const double scale : math::kSearchScales)
          sums_.losses.push_back(learner_->LossSumAfter(MoveOf(plan_.batch.move, scale)));
      },
      [self = shared_from_this(), &transport] {
        self->StartStep(transport, BlockAction::kSearch, 0);
      });
}

void BatchRun::Dual(Transport& transport, const wire::PassPlan& plan, Done done) {
  Begin(transport, plan, std::move(done));
  Compute(
      [this, scale = plan.batch.dual_scale] {
        const std::optional<double> dual = learner_->DualSum(scale);
        sums_.has_dual = dual.has_value();
        sums_.dual = dual.value_or(0.0);
      },
      [self = shared_from_this()] { self->MeasureLoss(); });
}

runtime::Duration BatchRun::Own(const Transport& transport) const {
  const runtime::Time now = transport.now();
  return now - began_ - waited_ - (waits_since_ ? now - *waits_since_ : runtime::Duration(0));
}

std::uint64_t BatchRun::stalled_ns() const {
  if (steps_took_.empty()) return 0;
  std::vector<runtime::Duration> took = steps_took_;
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::ranges::nth_element(took, middle);
  const runtime::Duration most = *middle;
  runtime::Duration stalled{0};
  for (const runtime::Duration step : took) {
    if (step > kStallSteps * most) stalled += step - most;
  }
  return static_cast<std::uint64_t>(stalled.count());
}

void BatchRun::Watch(Transport& transport) {
  const bool waits = done_ && computing_ == 0 && !under_way_.empty();
  if (waits == waits_since_.has_value()) return;
  const runtime::Time now = transport.now();
  if (waits) {
    waits_since_ = now;
    next_look_ = now + kLookEvery;
    transport.WakeAt(*next_look_);
  } else {
    waited_ += now - *std::exchange(waits_since_, std::nullopt);
    next_look_.reset();
  }
}

void BatchRun::OnWake(const Transport& transport) {
  if (!next_look_) return;
  const runtime::Duration late = transport.now() - *next_look_;
  if (late < runtime::Duration(0)) return;
  // A process that stands still does not wait.
  if (late > kLookEvery) *waits_since_ += late;
  next_look_ = transport.now() + kLookEvery;
}

/// Take over what has come, in order; begin what may begin.
void BatchRun::Pump(Transport& transport) {
  if (cancelled_ || !done_) return;
  PumpSteps(transport);
  Watch(transport);
}

void BatchRun::PumpSteps(Transport& transport) {
  while (!under_way_.empty() && under_way_.front()->unanswered == 0) {
    const std::shared_ptr<Exchange> exchange = under_way_.front();
    under_way_.pop_front();
    answered_step_ = exchange->step;
    TakeOver(transport, exchange);
  }
  if (measuring_) return;
  if (!starting_ && next_block_ < order_.size() && under_way_.size() <= plan_.batch.tau)
    return StartStep(transport, ActionOf(plan_.phase), order_[next_block_++]);
  if (computing_ > 0 || next_block_ < order_.size() || !under_way_.empty()) return;
  switch (plan_.phase) {
    case wire::Phase::kGradient:
      return End({});
    case wire::Phase::kCertify:
    case wire::Phase::kMove:
      return MeasureLoss();
    default:
      return StartStep(transport, BlockAction::kMeasure, 0);
  }
}

void BatchRun::StartStep(Transport& transport, BlockAction action, std::uint32_t block) {
  const bool about_blocks = action != BlockAction::kMeasure && action != BlockAction::kSearch;
  measuring_ = !about_blocks;
  starting_ = true;
  auto exchange = std::make_shared<Exchange>();
  exchange->step = next_step_++;
  exchange->action = action;
  exchange->block = block;
  exchange->blocks = about_blocks ? std::min(plan_.batch.blocks_per_step, block_count_ - block) : 0;
  Compute(
      *environment_->compute, [this, exchange] { FillRequests(*exchange); },
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
    if (exchange.action != BlockAction::kStep) {
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
    request.slot_count = plan_.batch.slot_count;
    request.session = assign_.session;
    request.step = exchange.step;
    request.pass = plan_.pass;
    request.take_back = plan_.batch.take_back;
    request.move = plan_.batch.move;
    request.action = exchange.action;
    request.block = exchange.block;
    request.blocks = std::max(exchange.blocks, 1u);
    request.margin = plan_.batch.margin;
    request.newton = plan_.batch.newton;
  }
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const std::size_t before = exchange.sent.size();
    ListFeatures(exchange, segment);
    exchange.counts[segment] = static_cast<std::uint32_t>(exchange.sent.size() - before);
  }
  std::vector<float> gradients(wire::HasGradients(exchange.action) ? exchange.sent.size() : 0);
  std::vector<float> curvatures(wire::HasCurvatures(exchange.action) ? exchange.sent.size() : 0);
  if (!curvatures.empty()) {
    learner_->Gradients(exchange.sent, plan_.batch.safety, gradients, curvatures);
  } else if (!gradients.empty()) {
    learner_->Gradients(exchange.sent, gradients);
  }
  exchange.overflow = CheckFinite(gradients, "a gradient");
  if (exchange.overflow.ok()) exchange.overflow = CheckFinite(curvatures, "a second derivative");
  std::vector<std::vector<wire::BlockCount>> counts(exchange.requests.size());
  std::size_t first = 0;
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const std::size_t end = first + exchange.counts[segment];
    const std::uint32_t owner = owner_of_[segment];
    wire::BlockStep& request = exchange.requests[owner];
    for (std::size_t i = first; i < std::min(end, gradients.size()); ++i)
      request.gradients.push_back(gradients[i]);
    for (std::size_t i = first; i < std::min(end, curvatures.size()); ++i)
      request.curvatures.push_back(wire::UpperHalfOf(curvatures[i]));
    counts[owner].push_back({.segment = segment, .count = exchange.counts[segment]});
    first = end;
  }
  for (std::size_t owner = 0; owner < counts.size(); ++owner)
    exchange.requests[owner].counts_signature = wire::SignatureOf(counts[owner]);
}

void BatchRun::Send(Transport& transport, const std::shared_ptr<Exchange>& exchange) {
  if (!exchange->overflow.ok()) return End(exchange->overflow);
  exchange->answers.resize(exchange->requests.size());
  under_way_.push_back(exchange);
  for (std::size_t owner = 0; owner < exchange->requests.size(); ++owner) {
    wire::BlockStep& request = exchange->requests[owner];
    if (segments_of_[owner].empty()) continue;
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
  OnWake(transport);
  auto stepped = wire::DecodeAnswer<wire::BlockStepped>(frame);
  if (!stepped.ok()) return End(stepped.status());
  exchange->answers[owner] = std::move(stepped.value());
  if (const Status status = CheckAnswer(*exchange, owner); !status.ok()) return End(status);
  --exchange->unanswered;
  Pump(transport);
}

std::size_t BatchRun::Sent(const Exchange& exchange, std::size_t owner) const {
  std::size_t sent = 0;
  for (const SegmentId segment : segments_of_[owner]) sent += exchange.counts[segment];
  return sent;
}

Status BatchRun::CheckAnswer(const Exchange& exchange, std::size_t owner) const {
  const wire::BlockStepped& answer = exchange.answers[owner];
  const std::size_t sent = Sent(exchange, owner);
  const bool weighs = Weighs(exchange.action);
  // What the steps of a pass found is told by kMeasure, and all figures to the lowest slot that takes part.
  const bool told =
      answer.figures.empty() ||
      std::ranges::equal(answer.figures, segments_of_[owner], {}, &wire::BlockFigures::segment);
  const bool fits = answer.step == exchange.step && answer.changes.Fits(weighs ? sent : 0) &&
                    answer.settled.size() == (Settles(exchange.action) ? (sent + 7) / 8 : 0) &&
                    told;
  if (fits) return {};
  return Status(StatusCode::kCorruption,
                "the answer to step " + std::to_string(exchange.step) + " does not fit it",
                assign_.view.owners[owner].address);
}

void BatchRun::TakeOver(Transport& transport, const std::shared_ptr<Exchange>& exchange) {
  const runtime::Duration own = Own(transport);
  steps_took_.push_back(own - std::exchange(own_at_step_, own));
  AddFigures(*exchange);
  if (exchange->action == BlockAction::kMeasure)
    return plan_.phase == wire::Phase::kDeal ? TakeOverRows(transport) : MeasureLoss();
  if (exchange->action == BlockAction::kSearch) return End({});
  const BlockAction action = exchange->action;
  auto weights = std::make_shared<std::vector<float>>();
  auto settled = std::make_shared<std::vector<std::uint8_t>>();
  std::vector<std::size_t> next(exchange->answers.size());
  std::vector<std::vector<float>> all(exchange->answers.size());
  for (std::size_t owner = 0; owner < all.size(); ++owner) {
    if (Weighs(action))
      all[owner] = exchange->answers[owner].changes.Expand(Sent(*exchange, owner));
  }
  for (SegmentId segment = 0; segment < segment_count_; ++segment) {
    const std::uint32_t owner = owner_of_[segment];
    const wire::BlockStepped& answer = exchange->answers[owner];
    std::size_t& coordinate = next[owner];
    for (std::uint32_t i = 0; i < exchange->counts[segment]; ++i, ++coordinate) {
      if (Weighs(action)) weights->push_back(all[owner][coordinate]);
      settled->push_back(Settles(action) && answer.Settled(coordinate) ? 1 : 0);
    }
  }
  Compute(
      *environment_->compute,
      [this, exchange, weights, settled, action] {
        if (action == BlockAction::kStep) Follow(exchange->sent, *weights);
        if (Weighs(action)) {
          learner_->Update(exchange->sent, *weights, *settled);
        } else if (Settles(action)) {
          learner_->Settle(exchange->sent, *settled);
        }
      },
      [self = shared_from_this(), &transport] { self->Pump(transport); });
}

void BatchRun::Follow(std::span<const std::uint32_t> features, std::span<float> steps) const {
  const std::span<const float> weights = learner_->weights();
  for (std::size_t i = 0; i < features.size(); ++i)
    steps[i] = math::AfterShortStep(weights[features[i]], steps[i]);
}

void BatchRun::AddFigures(const Exchange& exchange) {
  for (const wire::BlockStepped& answer : exchange.answers) {
    for (const wire::BlockFigures& figures : answer.figures) figures_[figures.segment].Add(figures);
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
