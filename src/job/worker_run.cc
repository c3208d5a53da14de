#include "job/worker_run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "job/divergence.h"
#include "job/scheduler.h"

namespace steelyard::job {

using transport::Transport;
using wire::Phase;

namespace {

/// Minibatches read ahead: the reader refills to twice this when it falls below.
constexpr std::size_t kReadAhead = 16;
constexpr std::size_t kValidationRows = 2048;
/// Pulls ahead of the step that is learned, however large the delay.
constexpr Step kPullsAheadMax = 4;
constexpr std::size_t kNamesPerFrame = 16'384;
constexpr std::size_t kNameBytesPerFrame = std::size_t{4} << 20;

}  // namespace

Worker::Run::Run(const wire::SlotAssign& assign, rpc::HeadLink* head, client::Client* client,
                 const WorkerEnvironment* environment)
    : assign_(assign), head_(head), client_(client), environment_(environment) {}

// ---- Beginning and end ----

void Worker::Run::Start(Transport& transport) {
  next_report_ = transport.now() + kReportEvery;
  auto parameters = FromPairs(assign_.parameters);
  if (!parameters.ok()) return Fail(transport, parameters.status());
  parameters_ = std::move(parameters.value());
  auto holdout = HoldoutOf(parameters_, assign_.rows_total);
  if (!holdout.ok()) return Fail(transport, holdout.status());
  holdout_ = holdout.value();
  if (const Status status = MakeSolver(); !status.ok()) return Fail(transport, status);
  auto opened = std::make_shared<Status>();
  environment_->reader->Run(
      // The worker, and with it environment_, may end while the reader still opens.
      [self = shared_from_this(), opened, open = environment_->open_dataset] {
        *opened = self->reader_.Open(open, DatasetOptionsOf(self->parameters_, /*valid=*/false));
        if (opened->ok() && !self->parameters_.valid.empty()) {
          *opened =
              self->valid_reader_.Open(open, DatasetOptionsOf(self->parameters_, /*valid=*/true));
        }
      },
      [self = shared_from_this(), opened, &transport] { self->Opened(transport, *opened); });
}

Status Worker::Run::MakeSolver() {
  if (!IsBatch(parameters_.solver)) {
    auto learner = environment_->make_learner(parameters_);
    if (!learner.ok()) return learner.status();
    learner_ = std::move(learner.value());
    scorer_ = learner_.get();
    return {};
  }
  auto learner = environment_->make_batch_learner(parameters_);
  if (!learner.ok()) return learner.status();
  batch_ = std::make_shared<BatchRun>(assign_, parameters_.seed, client_, environment_,
                                      std::move(learner.value()));
  scorer_ = &batch_->learner();
  return {};
}

void Worker::Run::Opened(Transport& transport, const Status& status) {
  if (cancelled_) return;
  if (!status.ok()) return Fail(transport, status);
  state_ = State::kAttaching;
  client_->Attach(transport, assign_.view,
                  {.group = assign_.job,
                   .stream = assign_.stream,
                   .session = assign_.session,
                   .first_step = 0,
                   .members_min = assign_.slot_count},
                  [self = shared_from_this(), &transport](const Status& attached) {
                    if (self->cancelled_) return;
                    if (!attached.ok()) return self->Fail(transport, attached);
                    self->state_ = State::kReady;
                    self->Report(transport);
                  });
  UseFilters(transport);
}

void Worker::Run::Cancel(Transport& transport, const Status& why) {
  cancelled_ = true;
  if (batch_) batch_->Cancel();
  client_->Detach(transport, assign_.view.table, why);
}

void Worker::Run::Fail(Transport& transport, const Status& status) {
  if (state_ == State::kFailed) return;
  state_ = State::kFailed;
  failure_ = status;
  Report(transport);
}

void Worker::Run::OnPlan(Transport& transport, const wire::PassPlan& plan) {
  if (state_ == State::kReady || state_ == State::kPhaseDone) {
    const bool known = state_ == State::kPhaseDone && plan.pass == pass_ && plan.phase <= phase_;
    if (known || plan.pass < pass_) return;  // A repeat: PASS_DONE is on its way.
    const bool fits = batch_ ? plan.phase != Phase::kTrain : plan.phase < Phase::kLoad;
    if (!fits) {
      return Fail(transport,
                  Status(StatusCode::kCorruption, "the head asks for a phase that --solver " +
                                                      std::string(SolverName(parameters_.solver)) +
                                                      " does not have"));
    }
    pass_ = plan.pass;
    phase_ = plan.phase;
    plan_ = plan;
    delay_.Begin(plan);
    if (phase_ == Phase::kDeal && plan.batch.shards_kept == 0) return LetGoOfRows(transport);
    BeginPhase(transport);
    if (state_ == State::kSolving) return Solve(transport);
    Pump(transport);
  }
}

void Worker::Run::BeginPhase(Transport& transport) {
  const bool load = phase_ == Phase::kLoad || phase_ == Phase::kDeal;
  const bool train = phase_ == Phase::kTrain || load;  // Reads the rows to learn from.
  state_ = load                         ? State::kLoading
           : train                      ? State::kTraining
           : phase_ == Phase::kValidate ? State::kValidating
           : phase_ == Phase::kFinish   ? State::kFinishing
                                        : State::kSolving;
  reads_valid_files_ = phase_ == Phase::kValidate && !parameters_.valid.empty();
  reads_held_out_ = phase_ == Phase::kValidate && !reads_valid_files_;
  shards_asked_ = 0;
  shards_end_ = reads_held_out_ || phase_ == Phase::kFinish || state_ == State::kSolving;
  held_out_end_ = !reads_held_out_;
  announced_end_ = false;
  rows_ended_ = false;
  if (load) held_shards_.Begin(batch_->learner().row_count());
  BatchReader::Options options;
  options.batch_rows =
      state_ == State::kTraining ? parameters_.minibatch_rows(assign_.slot_count) : kValidationRows;
  if (train) options.holdout = holdout_;
  options.spool_held_out = train && pass_ == 0;
  options.keep_names = parameters_.keep_names && train && pass_ == 0;
  options.thread_ns = environment_->thread_ns;
  if (state_ != State::kSolving) reader().Begin(options);
  next_step_ = pushed_steps_ = next_scored_ = FirstStepOfPass(pass_);
  evaluation_ = math::Evaluation(LossOf(parameters_.task), /*ranks=*/!train);
  if (train || state_ == State::kSolving) {
    work_ = {};
    batch_sums_ = {};
    phase_began_ = transport.now();
    busy_ns_at_start_ = batch_ ? batch_->busy_ns() : 0;
    traffic_at_start_ = client_->traffic();
    filters_at_start_ = client_->FilterCountsOf(assign_.view.table);
    held_back_.reset();
    read_ns_at_start_ = environment_->read_ns ? environment_->read_ns() : 0;
    compute_ended_ = transport.now();
  }
  if (phase_ == Phase::kFinish) {
    std::size_t bytes = 0;
    for (const auto& name : reader_.names()) {
      if (names_.empty() || names_.back().names.size() >= kNamesPerFrame ||
          bytes >= kNameBytesPerFrame) {
        names_.emplace_back();
        bytes = 0;
      }
      names_.back().names.push_back(name);
      bytes += name.second.size();
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
      names_[i].job = assign_.job;
      names_[i].slot = assign_.slot;
      names_[i].index = static_cast<std::uint32_t>(i);
      names_[i].last = i + 1 == names_.size();
    }
  }
}

// ---- The pipeline ----

void Worker::Run::Pump(Transport& transport) {
  const bool works = state_ == State::kTraining || state_ == State::kValidating ||
                     state_ == State::kFinishing || state_ == State::kLoading;
  if (cancelled_ || !works) return;
  if (!PushHeld(transport)) return;
  PumpShards(transport);
  PumpReads(transport);
  if (state_ == State::kLoading) {
    PumpRows(transport);
  } else {
    PumpPulls(transport);
    PumpCompute(transport);
  }
  PumpEnd(transport);
}

void Worker::Run::PumpShards(Transport& transport) {
  // One shard is read, one waits: the next is asked for while there is time. Report() repeats a lost request.
  if (shards_end_ || shard_request_out_ || incoming_shards_.size() >= 2) return;
  shard_request_out_ = true;
  head_->Send(transport, wire::MakeFrame(wire::ShardRequest{.job = assign_.job,
                                                            .slot = assign_.slot,
                                                            .pass = pass_,
                                                            .phase = phase_,
                                                            .index = shards_asked_}));
}

void Worker::Run::OnShardAssign(Transport& transport, const wire::ShardAssign& assign) {
  if (assign.pass != pass_ || assign.phase != phase_ || assign.index != shards_asked_ ||
      shards_end_)
    return;
  shard_request_out_ = false;
  if (assign.end) {
    shards_end_ = true;
  } else {
    ++shards_asked_;
    incoming_shards_.push_back({.file = assign.shard.file,
                                .first_byte = assign.shard.first_byte,
                                .byte_count = assign.shard.byte_count,
                                .first_row = assign.shard.first_row,
                                .row_count = assign.shard.row_count});
  }
  Pump(transport);
}

void Worker::Run::PumpReads(Transport& transport) {
  if (reading_ || batches_.size() >= kReadAhead) return;
  if (reads_held_out_ ? held_out_end_ : (incoming_shards_.empty() && reader_shards_.empty()))
    return;
  reading_ = true;
  std::ranges::move(incoming_shards_, std::back_inserter(reader_shards_));
  incoming_shards_.clear();
  // The work item owns the spare minibatches, the reader and its shards until `done`.
  auto spare =
      std::make_shared<std::vector<std::unique_ptr<data::Minibatch>>>(std::exchange(spare_, {}));
  auto chunk = std::make_shared<BatchReader::Chunk>();
  environment_->reader->Run(
      [self = shared_from_this(), chunk, spare] {
        *chunk = self->reads_held_out_
                     ? self->reader_.ReadHeldOut(kReadAhead, *spare)
                     : self->reader().Read(self->reader_shards_, kReadAhead, *spare);
      },
      [self = shared_from_this(), chunk, spare, &transport] {
        std::ranges::move(*spare, std::back_inserter(self->spare_));
        self->OnRead(transport, std::move(*chunk));
      });
}

void Worker::Run::OnRead(Transport& transport, BatchReader::Chunk chunk) {
  reading_ = false;
  if (cancelled_ || state_ == State::kFailed) return;
  if (!chunk.status.ok()) return Fail(transport, chunk.status);
  if (reads_held_out_ && chunk.batches.empty()) held_out_end_ = true;
  if (state_ == State::kTraining || state_ == State::kLoading) {
    work_.stages.parse_ns += chunk.parse_ns;
    work_.stages.localise_ns += chunk.localise_ns;
  }
  if (state_ == State::kLoading) held_shards_.OnRead(chunk.batches.size(), chunk.shard_ends);
  for (auto& batch : chunk.batches) batches_.push_back(std::move(batch));
  Pump(transport);
}

void Worker::Run::PumpPulls(Transport& transport) {
  const bool train = state_ == State::kTraining;
  while (!batches_.empty()) {
    const Step tau = delay_.Of(next_step_);
    // Alone, every pull has all own pushes, so that the bits do not depend on how fast rows are read.
    const bool ahead_alone = assign_.slot_count > 1 || AddsOwnPushes();
    const Step delay = environment_->pulls_ahead && ahead_alone ? tau : 0;
    const Step ahead = train ? std::min(delay, kPullsAheadMax) : kPullsAheadMax;
    if (next_step_ > (train ? pushed_steps_ : next_scored_) + ahead) break;
    InFlight work{.step = next_step_,
                  .batch = std::move(batches_.front()),
                  .acked_ts = 0,
                  .pulled = {},
                  .asked = transport.now()};
    batches_.pop_front();
    work.acked_ts = client_->acked_ts(assign_.view.table);
    client::PullRequest request{.step = work.step,
                                .gate_step = wire::kNoGate,
                                .columns = scorer_->columns(),
                                .floats_per_key = FloatsPerKey(),
                                .keys = work.batch->keys};
    if (train && assign_.slot_count > 1 && tau != Delay::kInfinite) {
      request.gate_step = work.step - tau - 1;
    }
    ++next_step_;
    const Step step = work.step;
    in_flight_.push_back(std::move(work));
    const Status status =
        client_->Pull(transport, assign_.view.table, std::move(request),
                      [self = shared_from_this(), step, &transport](Result<client::Pulled> pulled) {
                        self->OnPulled(transport, step, std::move(pulled));
                      });
    if (!status.ok()) return Fail(transport, status);
  }
}

void Worker::Run::OnPulled(Transport& transport, Step step, Result<client::Pulled> pulled) {
  if (cancelled_ || state_ == State::kFailed) return;
  if (!pulled.ok()) return Fail(transport, pulled.status());
  const auto work = std::ranges::find(in_flight_, step, &InFlight::step);
  if (work == in_flight_.end()) return;
  work->pulled = std::move(pulled.value());
  if (state_ == State::kTraining) {
    work_.stages.pull_ns += Since(transport, work->asked);
    // Alone it adds its own pushes, and misses nothing.
    if (assign_.slot_count > 1) work_.staleness.Record(step, work->pulled->through_min);
  }
  Pump(transport);
}

void Worker::Run::PumpCompute(Transport& transport) {
  if (computing_ || held_push_ || in_flight_.empty() || !in_flight_.front().pulled) return;
  computing_ = true;
  if (state_ == State::kTraining) {
    work_.idle_ns += Since(transport, compute_ended_);
    Learn(transport);
  } else {
    Score(transport);
  }
}

void Worker::Run::Learn(Transport& transport) {
  auto work = std::make_shared<InFlight>(std::move(in_flight_.front()));
  in_flight_.pop_front();
  // Of an aggregated table a pull has whole steps: own pushes of an open one come with the others'.
  const bool summed = parameters_.aggregate && assign_.slot_count > 1;
  if (!summed) own_pushes_.Complete(*work->pulled);
  // What was acknowledged before the oldest open pull was made is in every pull from now on.
  own_pushes_.Forget(in_flight_.empty() ? client_->acked_ts(assign_.view.table)
                                        : in_flight_.front().acked_ts);
  auto deltas = std::make_shared<std::vector<float>>(work->pulled->floats.size());
  const runtime::Time started = transport.now();
  environment_->compute->Run(
      // The worker, and with it environment_, may end meanwhile.
      [self = shared_from_this(), work, deltas, thread_ns = environment_->thread_ns] {
        const std::uint64_t began = thread_ns ? thread_ns() : 0;
        self->learner_->Learn(*work->batch, work->pulled->floats, *deltas, self->evaluation_);
        work->compute_ns = thread_ns ? thread_ns() - began : 0;
      },
      [self = shared_from_this(), work, deltas, started, &transport] {
        self->work_.busy_ns += Since(transport, started);
        self->work_.stages.compute_ns += work->compute_ns;
        self->OnLearned(transport, std::move(*work), std::move(*deltas));
      });
}

void Worker::Run::OnLearned(Transport& transport, InFlight work, std::vector<float> deltas) {
  computing_ = false;
  compute_ended_ = transport.now();
  if (cancelled_ || state_ == State::kFailed) return;
  work_.loss_sum = evaluation_.sums().loss;
  work_.weight_sum = evaluation_.sums().weight;
  if (!std::isfinite(work_.loss_sum)) return Fail(transport, Diverged("the loss"));
  if (const Status finite = CheckFinite(deltas, "what a minibatch changes"); !finite.ok())
    return Fail(transport, finite);
  work_.rows += work.batch->rows.size();
  work_.nonzeros += work.batch->rows.keys.size();
  ++work_.minibatches;
  client::PushRequest request{.step = work.step,
                              .through_step = work.step,
                              .columns = scorer_->columns(),
                              .floats_per_key = FloatsPerKey(),
                              .keys = std::move(work.pulled->keys),
                              .floats = std::move(deltas)};
  spare_.push_back(std::move(work.batch));
  held_push_ = std::move(request);
  Pump(transport);
}

bool Worker::Run::PushHeld(Transport& transport) {
  if (!held_push_) return true;
  const std::size_t bytes =
      held_push_->keys.size() * sizeof(Key) + held_push_->floats.size() * sizeof(float);
  if (!client_->HasRoom(bytes)) return true;  // OnPushed() comes back here.
  client::PushRequest request = std::move(*held_push_);
  held_push_.reset();
  return TryPush(transport, std::move(request));
}

bool Worker::Run::TryPush(Transport& transport, client::PushRequest request) {
  const Ts ts = client_->next_ts(assign_.view.table);
  if (AddsOwnPushes()) own_pushes_.Add(ts, request.keys, request.floats);
  const Step step = request.step;
  auto pushed = client_->Push(
      transport, assign_.view.table, std::move(request),
      [self = shared_from_this(), asked = transport.now(), &transport](const Status& status) {
        self->work_.stages.push_ns += Since(transport, asked);
        self->OnPushed(transport, status);
      });
  if (!pushed.ok()) {
    Fail(transport, pushed.status());
    return false;
  }
  ++unacked_pushes_;
  pushed_steps_ = std::max(pushed_steps_, step + 1);
  return true;
}

void Worker::Run::OnPushed(Transport& transport, const Status& status) {
  --unacked_pushes_;
  if (cancelled_ || state_ == State::kFailed) return;
  if (!status.ok()) return Fail(transport, status);
  Pump(transport);
}

void Worker::Run::Score(Transport& transport) {
  auto work = std::make_shared<InFlight>(std::move(in_flight_.front()));
  in_flight_.pop_front();
  environment_->compute->Run(
      [self = shared_from_this(), work] {
        const data::RowBlock& rows = work->batch->rows;
        std::vector<float> margins(rows.size());
        self->scorer_->Score(*work->batch, work->pulled->floats, margins);
        for (std::size_t i = 0; i < rows.size(); ++i) {
          self->evaluation_.Add(margins[i], rows.labels[i], rows.Weight(i));
        }
      },
      [self = shared_from_this(), work, &transport] {
        self->computing_ = false;
        self->next_scored_ = work->step + 1;
        self->spare_.push_back(std::move(work->batch));
        self->Pump(transport);
      });
}

bool Worker::Run::InputExhausted() const {
  const bool read_all = shards_end_ && held_out_end_ && incoming_shards_.empty() && !reading_ &&
                        (reads_held_out_ || reader_shards_.empty());
  return read_all && batches_.empty() && in_flight_.empty() && !computing_ && !held_push_;
}

void Worker::Run::PumpEnd(Transport& transport) {
  if (state_ == State::kFinishing) return PumpNames(transport);
  if (!InputExhausted()) return;
  if (state_ == State::kLoading) {
    if (!std::exchange(rows_ended_, true)) OnRowsEnd(transport);
    return;
  }
  if (state_ == State::kTraining && !announced_end_) {
    if (!PushHeldBack(transport)) return;
    announced_end_ = true;
    // Nobody waits for this stream any more in this pass.
    client::PushRequest end{.step = next_step_,
                            .through_step = FirstStepOfPass(pass_ + 1) - 1,
                            .columns = scorer_->columns(),
                            .floats_per_key = FloatsPerKey(),
                            .keys = {},
                            .floats = {}};
    if (!TryPush(transport, std::move(end))) return;
  }
  if (unacked_pushes_ == 0) FinishPhase(transport);
}

void Worker::Run::PumpNames(Transport& transport) {
  if (names_acked_ == names_.size()) return FinishPhase(transport);
  head_->Send(transport, wire::MakeFrame(names_[names_acked_]));
}

void Worker::Run::OnNamesAck(Transport& transport, const wire::NamesAck& ack) {
  if (state_ != State::kFinishing || ack.index != names_acked_) return;
  names_[names_acked_++].names.clear();
  Pump(transport);
}

void Worker::Run::FinishPhase(Transport& transport) {
  state_ = State::kPhaseDone;
  Report(transport);
}

}  // namespace steelyard::job
