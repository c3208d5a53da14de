// What a worker's run does for a batch solver: rows are handed to a BatchRun, which then does the phases.
#include <algorithm>
#include <string>
#include <utility>

#include "job/worker_run.h"

namespace steelyard::job {

using transport::Transport;
using wire::Phase;

void Worker::Run::PumpRows(Transport& transport) {
  if (computing_ || batches_.empty()) return;
  computing_ = true;
  std::shared_ptr<data::Minibatch> batch = std::move(batches_.front());
  batches_.pop_front();
  auto status = std::make_shared<Status>();
  environment_->compute->Run([self = shared_from_this(), batch,
                              status] { *status = self->batch_->learner().AddRows(*batch); },
                             [self = shared_from_this(), batch, status, &transport] {
                               self->computing_ = false;
                               if (self->cancelled_ || self->state_ == State::kFailed) return;
                               if (status->ok()) *status = self->CheckRoomForRows();
                               if (!status->ok()) return self->Fail(transport, *status);
                               self->held_shards_.OnAdded(self->batch_->learner().row_count());
                               self->work_.rows += batch->rows.size();
                               self->work_.nonzeros += batch->rows.keys.size();
                               ++self->work_.minibatches;
                               self->Pump(transport);
                             });
}

/// A worker that the system kills says nothing, so that it ends by itself while there is room to say why.
Status Worker::Run::CheckRoomForRows() const {
  constexpr std::uint64_t kBatchesBetween = 64;  // Looking takes 0.1 ms.
  if (!environment_->free_memory_bytes || work_.minibatches % kBatchesBetween != 0) return {};
  const std::uint64_t needed = batch_->learner().bytes_to_arrange();
  const std::uint64_t free = environment_->free_memory_bytes();
  if (needed <= free) return {};
  return Status(StatusCode::kResourceExhausted,
                "a batch solver holds all of its rows: the " + std::to_string(work_.rows) +
                    " read so far need " + std::to_string(needed / 1'000'000) + " MB more and " +
                    std::to_string(free / 1'000'000) + " MB are free here; " +
                    (phase_ == Phase::kDeal
                         ? "they came from a slower worker: --rebalance off lets them stay there"
                         : "use workers on more machines, fewer rows, or an online solver"));
}

void Worker::Run::OnRowsEnd(Transport& transport) {
  const auto done = [self = shared_from_this(), &transport](const Status& status,
                                                            const wire::BatchSums& sums) {
    self->OnSolved(transport, status, sums);
  };
  if (phase_ == Phase::kLoad) return batch_->CountKeys(transport, done);
  if (plan_.batch.shards_kept > held_shards_.held()) {
    return Fail(transport, Status(StatusCode::kCorruption,
                                  "the head says that this slot keeps " +
                                      std::to_string(plan_.batch.shards_kept) + " of " +
                                      std::to_string(held_shards_.held()) + " shards"));
  }
  batch_->Deal(transport, plan_, held_shards_.Keep(plan_.batch.shards_kept), done);
}

void Worker::Run::LetGoOfRows(Transport& transport) {
  batch_->Cancel();
  const Status status = MakeSolver();
  if (!status.ok()) return Fail(transport, status);
  held_shards_ = {};
  rows_kept_ = 0;
  loss_of_kept_.reset();
  work_ = {};
  FinishPhase(transport);
}

void Worker::Run::Solve(Transport& transport) {
  const auto done = [self = shared_from_this(), &transport](const Status& status,
                                                            const wire::BatchSums& sums) {
    self->OnSolved(transport, status, sums);
  };
  switch (phase_) {
    case Phase::kPrepare:
      asks_to_freeze_ = true;
      return AskToFreeze(transport);
    case Phase::kBlocks:
      return batch_->Pass(transport, plan_, done);
    case Phase::kSearch:
      return batch_->Search(transport, plan_, done);
    case Phase::kCertify:
    case Phase::kMove:
    case Phase::kGradient:
      return batch_->Sweep(transport, plan_, done);
    case Phase::kDual:
      return batch_->Dual(transport, plan_, done);
    default:
      return Fail(transport, Status(StatusCode::kCorruption, "no batch solver has this phase"));
  }
}

/// Every worker asks; the first one's request counts, and all are answered.
void Worker::Run::AskToFreeze(Transport& transport) {
  head_->Send(transport,
              wire::MakeFrame(wire::TableFreeze{.table = assign_.view.table, .at_least = 0.0F},
                              assign_.view.table));
}

void Worker::Run::OnFrozen(Transport& transport, TableId table, const Status& status) {
  if (table != assign_.view.table || cancelled_ || !std::exchange(asks_to_freeze_, false)) return;
  if (!status.ok()) return Fail(transport, status);
  batch_->Prepare(
      transport, plan_,
      [self = shared_from_this(), &transport](const Status& solved, const wire::BatchSums& sums) {
        self->OnSolved(transport, solved, sums);
      });
}

void Worker::Run::OnSolved(Transport& transport, const Status& status,
                           const wire::BatchSums& sums) {
  if (cancelled_ || state_ == State::kFailed) return;
  if (!status.ok()) return Fail(transport, status);
  batch_sums_ = sums;
  const std::uint64_t spent = Since(transport, phase_began_);
  batch_sums_.own_ns = spent - std::min(spent, batch_->waited_ns());
  batch_sums_.stalled_ns = batch_->stalled_ns();
  if (phase_ == Phase::kDeal) work_ = {};  // The rows were counted when they were loaded.
  if (phase_ == Phase::kLoad || phase_ == Phase::kDeal) rows_kept_ = batch_->learner().row_count();
  if (sums.loss > 0.0 && rows_kept_ > 0)
    loss_of_kept_ = sums.loss / static_cast<double>(rows_kept_);
  if (phase_ != Phase::kLoad) {
    work_.busy_ns = batch_->busy_ns() - busy_ns_at_start_;
    work_.idle_ns = spent > work_.busy_ns ? spent - work_.busy_ns : 0;
  }
  FinishPhase(transport);
}

}  // namespace steelyard::job
