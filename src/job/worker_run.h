// Worker::Run: one slot of one job, from SLOT_ASSIGN to JOB_CANCEL.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job/batch_run.h"
#include "job/delay_plan.h"
#include "job/held_shards.h"
#include "job/own_pushes.h"
#include "job/worker.h"
#include "math/evaluation.h"

namespace steelyard::job {

/// A pipeline: shards are asked for, read into minibatches, their rows pulled, learned, and the changes pushed. Pump()
/// moves each stage as far as its bound allows and is called after every event.
///
/// Threads: the loop's, except what the work items of the executors touch while they run (reader_, a minibatch).
class Worker::Run : public std::enable_shared_from_this<Worker::Run> {
 public:
  Run(const wire::SlotAssign& assign, rpc::HeadLink* head, client::Client* client,
      const WorkerEnvironment* environment);

  void Start(transport::Transport& transport);
  /// Stop at once; work items in progress end without effect.
  void Cancel(transport::Transport& transport, const Status& why);

  void OnPlan(transport::Transport& transport, const wire::PassPlan& plan);
  void OnDecide(const wire::Decide& decide) { delay_.Take(decide); }
  void OnShardAssign(transport::Transport& transport, const wire::ShardAssign& assign);
  void OnNamesAck(transport::Transport& transport, const wire::NamesAck& ack);
  /// The head's answer to TABLE_FREEZE.
  void OnFrozen(transport::Transport& transport, TableId table, const Status& status);
  void OnWake(transport::Transport& transport);
  /// As of now, for functions.
  WorkerProgress Progress();
  runtime::Time next_wake() const {
    const auto look = batch_ ? batch_->next_wake() : std::nullopt;
    return look ? std::min(*look, next_report_) : next_report_;
  }

  JobId job() const { return assign_.job; }
  Session session() const { return assign_.session; }

 private:
  static constexpr runtime::Duration kReportEvery = std::chrono::milliseconds(100);
  enum class State {
    kOpening,
    kAttaching,
    kReady,
    kTraining,
    kValidating,
    kFinishing,
    kLoading,
    kSolving,
    kPhaseDone,
    kFailed
  };
  struct InFlight {
    Step step = 0;
    std::unique_ptr<data::Minibatch> batch;
    Ts acked_ts = 0;  ///< When the pull was made.
    std::optional<client::Pulled> pulled;
    runtime::Time asked{0};  ///< When the pull was made.
    std::uint64_t compute_ns = 0;
  };

  Status MakeSolver();
  void Opened(transport::Transport& transport, const Status& status);
  void BeginPhase(transport::Transport& transport);
  void Pump(transport::Transport& transport);
  void PumpShards(transport::Transport& transport);
  void PumpReads(transport::Transport& transport);
  void PumpPulls(transport::Transport& transport);
  void PumpCompute(transport::Transport& transport);
  void PumpRows(transport::Transport& transport);
  Status CheckRoomForRows() const;
  void OnRowsEnd(transport::Transport& transport);
  /// Others have them now; this worker takes no part in steps any more.
  void LetGoOfRows(transport::Transport& transport);
  void PumpEnd(transport::Transport& transport);
  void PumpNames(transport::Transport& transport);
  void OnRead(transport::Transport& transport, BatchReader::Chunk chunk);
  void OnPulled(transport::Transport& transport, Step step, Result<client::Pulled> pulled);
  void Solve(transport::Transport& transport);
  void AskToFreeze(transport::Transport& transport);
  void OnSolved(transport::Transport& transport, const Status& status, const wire::BatchSums& sums);
  void Learn(transport::Transport& transport);
  void Score(transport::Transport& transport);
  void OnLearned(transport::Transport& transport, InFlight work, std::vector<float> deltas);
  bool TryPush(transport::Transport& transport, client::PushRequest request);
  void UseFilters(transport::Transport& transport);
  /// At the end of a pass. @return false: there is more, once pushes are acknowledged.
  bool PushHeldBack(transport::Transport& transport);
  bool PushHeld(transport::Transport& transport);
  void OnPushed(transport::Transport& transport, const Status& status);
  static std::uint64_t Since(const transport::Transport& transport, runtime::Time time) {
    return static_cast<std::uint64_t>((transport.now() - time).count());
  }
  void FinishPhase(transport::Transport& transport);
  void Fail(transport::Transport& transport, const Status& status);
  void Report(transport::Transport& transport);
  bool InputExhausted() const;
  std::uint32_t FloatsPerKey() const {
    return static_cast<std::uint32_t>(scorer_->floats_per_key());
  }
  /// Can own pushes that a pull missed be added to it? A gradient is not what its push changes.
  bool AddsOwnPushes() const { return scorer_->columns() == wire::Columns::kRows; }
  BatchReader& reader() { return reads_valid_files_ ? valid_reader_ : reader_; }
  void UpdateSums();
  void CountFilters();
  /// A batch solver's filter: what a pass left out.
  void CountSettled();

  const wire::SlotAssign assign_;
  rpc::HeadLink* head_;
  client::Client* client_;
  const WorkerEnvironment* environment_;
  TrainParameters parameters_;
  data::Holdout holdout_;
  std::unique_ptr<Learner> learner_;  ///< Of an online solver; else there is batch_.
  std::shared_ptr<BatchRun> batch_;
  const Scorer* scorer_ = nullptr;  ///< The one that there is.
  BatchReader reader_;
  BatchReader valid_reader_;

  State state_ = State::kOpening;
  bool cancelled_ = false;
  Status failure_;
  std::uint32_t pass_ = 0;
  wire::Phase phase_ = wire::Phase::kTrain;
  wire::PassPlan plan_;
  runtime::Time next_report_{0};

  // Input of the phase.
  bool reads_held_out_ = false;  ///< Validation of the rows kept aside.
  bool reads_valid_files_ = false;
  std::uint32_t shards_asked_ = 0;  ///< Index of the next shard to ask for.
  bool shards_end_ = false;
  bool shard_request_out_ = false;
  std::deque<data::Shard> incoming_shards_;
  std::deque<data::Shard> reader_shards_;  ///< Belongs to the reader while reading_.
  bool reading_ = false;
  bool held_out_end_ = false;
  std::deque<std::unique_ptr<data::Minibatch>> batches_;
  std::vector<std::unique_ptr<data::Minibatch>> spare_;

  DelayPlan delay_;

  // The steps under way, oldest first.
  std::deque<InFlight> in_flight_;
  bool computing_ = false;
  Step next_step_ = 0;     ///< The next pull's.
  Step pushed_steps_ = 0;  ///< Every step before this one is pushed.
  Step next_scored_ = 0;   ///< Every step before this one is scored (validation).
  OwnPushes own_pushes_;
  std::size_t unacked_pushes_ = 0;
  std::optional<client::PushRequest>
      held_push_;  ///< Learned; waits for acknowledgements of others.
  bool announced_end_ = false;

  // A batch solver's phase.
  bool asks_to_freeze_ = false;
  bool rows_ended_ =
      false;  ///< All are read and added: the rest of a load or a deal is the solver's.
  HeldShards held_shards_;
  wire::BatchSums batch_sums_;
  std::uint64_t rows_kept_ = 0;           ///< By a batch solver, which read them.
  std::optional<double> loss_of_kept_{};  ///< Their mean loss, when it was measured last.
  std::uint64_t busy_ns_at_start_ = 0;
  runtime::Time phase_began_{0};

  math::Evaluation evaluation_;
  wire::WorkSums work_;
  client::Traffic traffic_at_start_;
  std::vector<filter::FilterCounts> filters_at_start_;
  std::optional<filter::PushRows> held_back_;  ///< Taken from filters when a pass ends.
  std::uint64_t read_ns_at_start_ = 0;
  runtime::Time compute_ended_{0};

  std::vector<wire::Names> names_;
  std::size_t names_acked_ = 0;
};

}  // namespace steelyard::job
