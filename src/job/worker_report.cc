// What a worker's run tells the head: that it is ready, how far it is, what a phase found, why it failed.
#include "job/evaluation_codec.h"
#include "job/worker_run.h"

namespace steelyard::job {

using transport::Transport;
using wire::Phase;

void Worker::Run::UpdateSums() {
  const client::Traffic& traffic = client_->traffic();
  const bool counts = phase_ == Phase::kTrain || phase_ == Phase::kLoad;  // Others add to its sums.
  if (counts && !reading_) work_.bad_rows = reader_.bad_rows();
  work_.pushed_bytes = traffic.pushed_bytes - traffic_at_start_.pushed_bytes;
  work_.pulled_bytes = traffic.pulled_bytes - traffic_at_start_.pulled_bytes;
  work_.before_filters_bytes =
      traffic.before_filters_bytes - traffic_at_start_.before_filters_bytes;
  CountFilters();
  if (environment_->read_ns) work_.read_ns = environment_->read_ns() - read_ns_at_start_;
  if (environment_->peak_memory_bytes) work_.peak_memory_bytes = environment_->peak_memory_bytes();
}

void Worker::Run::Report(Transport& transport) {
  next_report_ = transport.now() + kReportEvery;
  if (state_ == State::kTraining || state_ == State::kLoading) UpdateSums();
  switch (state_) {
    case State::kOpening:
    case State::kAttaching:
      return;
    case State::kReady:
      return head_->Send(
          transport, wire::MakeFrame(wire::SlotReady{
                         .job = assign_.job, .slot = assign_.slot, .session = assign_.session}));
    case State::kFailed:
      return head_->Send(transport,
                         wire::MakeFrame(wire::WorkerFailed{.job = assign_.job,
                                                            .slot = assign_.slot,
                                                            .code = failure_.code(),
                                                            .message = failure_.message(),
                                                            .where = failure_.where()}));
    case State::kPhaseDone: {
      wire::PassDone done{.job = assign_.job,
                          .slot = assign_.slot,
                          .pass = pass_,
                          .phase = phase_,
                          .work = {},
                          .evaluation = {}};
      if (phase_ != Phase::kValidate && phase_ != Phase::kFinish) {
        UpdateSums();
        done.work = work_;
      }
      if (phase_ == Phase::kTrain || phase_ == Phase::kValidate)
        done.evaluation = ToWire(evaluation_);
      done.batch = batch_sums_;
      return head_->Send(transport, wire::MakeFrame(done));
    }
    case State::kSolving:
      if (asks_to_freeze_) AskToFreeze(transport);
      return;
    case State::kTraining:
    case State::kValidating:
    case State::kFinishing:
    case State::kLoading:
      shard_request_out_ =
          false;  // A lost request is repeated; the answer to a repeat is the same.
      if (state_ == State::kTraining || state_ == State::kLoading) {
        head_->Send(transport, wire::MakeFrame(wire::Progress{.job = assign_.job,
                                                              .slot = assign_.slot,
                                                              .pass = pass_,
                                                              .work = work_,
                                                              .next_step = next_step_,
                                                              .decision = delay_.decision()}));
      }
      Pump(transport);
  }
}

WorkerProgress Worker::Run::Progress() {
  if (state_ == State::kTraining || state_ == State::kLoading) UpdateSums();
  const char* const phase = state_ <= State::kReady       ? "starting"
                            : state_ == State::kPhaseDone ? "waiting"
                                                          : wire::PhaseName(phase_);
  WorkerProgress progress{.job = assign_.job,
                          .worker = assign_.slot,
                          .phase = phase,
                          .pass = pass_ + 1,
                          .rows = batch_ && rows_kept_ > 0 ? rows_kept_ : work_.rows,
                          .minibatches = work_.minibatches,
                          .loss = loss_of_kept_};
  if (!batch_ && work_.weight_sum > 0.0) progress.loss = work_.loss_sum / work_.weight_sum;
  if (work_.staleness.pulls > 0) {
    progress.staleness = work_.staleness.mean();
    progress.staleness_max = work_.staleness.steps_max;
  }
  return progress;
}

void Worker::Run::OnWake(Transport& transport) {
  if (cancelled_) return;
  if (batch_) batch_->OnWake(transport);
  if (transport.now() >= next_report_) Report(transport);
}

}  // namespace steelyard::job
