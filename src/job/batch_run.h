// BatchRun: one worker slot's part of a batch solver's phases, between its learner and the servers.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/client.h"
#include "job/batch_learner.h"
#include "job/worker.h"
#include "runtime/time.h"
#include "wire/block_messages.h"
#include "wire/job_messages.h"

namespace steelyard::job {

/// The phases of a batch solver, each begun by a call and ended by its `done`, one at a time. In a pass over blocks up to
/// tau + 1 blocks are under way: their gradients are computed at margins that lack what the others will change.
///
/// Answers are taken over in the order of the steps, as soon as they are there. With tau 0 every run gives the same
/// bits; with a larger one they depend on how fast answers come.
///
/// Threads: confined to the worker's loop; the learner works on the environment's executors, on one of them at a time.
/// Source:  Li et al., NIPS 2014, algorithm 3.
class BatchRun : public std::enable_shared_from_this<BatchRun> {
 public:
  /// @param sums  what the phase found; after CountKeys() slope_max alone.
  using Done = std::function<void(const Status& status, const wire::BatchSums& sums)>;

  /// @param client, environment  borrowed; must outlive this object, and work items in progress.
  BatchRun(const wire::SlotAssign& assign, std::uint64_t seed, client::Client* client,
           const WorkerEnvironment* environment, std::unique_ptr<BatchLearner> learner);

  BatchLearner& learner() { return *learner_; }

  /// After the last row: push in how many places each key stands, and turn rows into columns meanwhile.
  void CountKeys(transport::Transport& transport, Done done);
  /// The table is frozen: learn the features' ranks, number them, measure the objective.
  void Prepare(transport::Transport& transport, const wire::PassPlan& plan, Done done);
  void Pass(transport::Transport& transport, const wire::PassPlan& plan, Done done);
  /// Measure the objective along what the last passes changed.
  void Search(transport::Transport& transport, const wire::PassPlan& plan, Done done);
  /// Over all features at weights that rest, as the plan's phase says: kCertify, kMove or kGradient.
  void Sweep(transport::Transport& transport, const wire::PassPlan& plan, Done done);
  void Dual(transport::Transport& transport, const wire::PassPlan& plan, Done done);
  /// The pass is over, and some rows go, others come: end it or undo it, here and at the servers, learn the ranks and the
  /// servers' rows of features that are new here, and arrange all rows.
  /// @param rows_kept  of those arranged so far, the first; those added since come behind them.
  void Deal(transport::Transport& transport, const wire::PassPlan& plan, std::size_t rows_kept,
            Done done);

  /// Stop at once: no `done` comes any more.
  void Cancel() { cancelled_ = true; }

  /// Of this worker's rows, with those that the servers leave out; once they are prepared.
  std::size_t feature_count() const { return feature_count_; }

  /// Processor time of the learner so far.
  std::uint64_t busy_ns() const { return busy_ns_; }
  /// Time of this phase in which there was nothing to do but wait for the servers' answers.
  std::uint64_t waited_ns() const { return static_cast<std::uint64_t>(waited_.count()); }
  /// While it waits, it looks at the clock now and then: what is late then was late for the answers, too.
  void OnWake(const transport::Transport& transport);
  std::optional<runtime::Time> next_wake() const { return next_look_; }
  /// Of the rest, what a few steps took longer than most.
  std::uint64_t stalled_ns() const;

 private:
  /// A step that is under way.
  struct Exchange {
    Step step = 0;
    wire::BlockAction action = wire::BlockAction::kStep;
    std::uint32_t block = 0;                  ///< The first one.
    std::uint32_t blocks = 1;                 ///< So many, as one.
    std::vector<std::uint32_t> sent;          ///< Features: by segment, then by rank.
    std::vector<wire::BlockStep> requests;    ///< By owner; emptied once they are sent.
    std::vector<std::uint32_t> counts;        ///< By segment: how many are sent.
    std::vector<wire::BlockStepped> answers;  ///< By owner.
    std::size_t unanswered = 0;
    Status overflow;  ///< A gradient that floats do not hold: nothing is sent.
  };
  /// Where the features stand in one segment: wire::BlockRanks.
  struct SegmentRanks {
    std::vector<std::uint32_t> firsts;
    std::vector<std::uint32_t> ranks;
    wire::SparseFloats weights;
  };
  using Work = std::function<void()>;

  void Begin(const transport::Transport& transport, const wire::PassPlan& plan, Done done);
  void End(const Status& status);
  /// Run `work` on the executor, then `then` on the loop, unless this was cancelled. Work on all rows goes to the
  /// environment's `reader`; that of one step to its `compute`, which is the loop itself where processors are few, because
  /// a step takes no longer than waking a thread. The one waits for the other's `then`, so that they never overlap.
  void Compute(runtime::Executor& executor, Work work, Work then);
  /// On the reader.
  void Compute(Work work, Work then);

  void PushNextKeys(transport::Transport& transport);
  void EndCounting();
  void Join(transport::Transport& transport);
  void OnJoined(transport::Transport& transport, const Result<wire::Frame>& frame);
  Status CheckJoined();
  /// Number the keys of new rows, among the features so far.
  void NumberKeys();
  void Arrange(transport::Transport& transport);
  // A deal, in this order.
  void TakeOverRows(transport::Transport& transport);
  void PullNewRows(transport::Transport& transport);
  void PullNextRows(transport::Transport& transport);
  void Rearrange(transport::Transport& transport);

  /// Note that waiting begins, or ends.
  void Watch(transport::Transport& transport);
  /// Time of this phase in which it did not wait.
  runtime::Duration Own(const transport::Transport& transport) const;
  void Pump(transport::Transport& transport);
  void PumpSteps(transport::Transport& transport);
  void StartStep(transport::Transport& transport, wire::BlockAction action, std::uint32_t block);
  void FillRequests(Exchange& exchange) const;
  void Send(transport::Transport& transport, const std::shared_ptr<Exchange>& exchange);
  void OnStepped(transport::Transport& transport, const std::shared_ptr<Exchange>& exchange,
                 std::size_t owner, const Result<wire::Frame>& frame);
  /// How many coordinates an owner was sent.
  std::size_t Sent(const Exchange& exchange, std::size_t owner) const;
  Status CheckAnswer(const Exchange& exchange, std::size_t owner) const;
  void TakeOver(transport::Transport& transport, const std::shared_ptr<Exchange>& exchange);
  void AddFigures(const Exchange& exchange);
  /// Make the servers' steps the weights that they lead to.
  void Follow(std::span<const std::uint32_t> features, std::span<float> steps) const;
  void MeasureLoss();

  /// List the features of a segment that a step is about.
  void ListFeatures(Exchange& exchange, SegmentId segment) const;
  /// Undo or end the last pass, as the plan says.
  void SettlePass(const wire::BatchPlan& plan);
  /// The first blocks of the steps of a pass.
  void OrderSteps();

  const wire::SlotAssign assign_;
  const std::uint64_t seed_;
  client::Client* client_;
  const WorkerEnvironment* environment_;
  std::unique_ptr<BatchLearner> learner_;
  bool cancelled_ = false;
  std::uint64_t busy_ns_ = 0;

  wire::PassPlan plan_;
  Done done_;
  wire::BatchSums sums_;

  // Counting.
  std::size_t next_key_ = 0;
  std::size_t pushes_out_ = 0;
  bool columns_made_ = false;

  // The features' order: by block, then segment, then rank.
  std::size_t segment_count_ = 0;
  std::uint32_t block_count_ = 0;
  std::vector<std::vector<SegmentId>> segments_of_;  ///< By owner, increasing.
  std::vector<std::uint32_t> owner_of_;              ///< By segment.
  std::size_t feature_count_ = 0;
  std::vector<std::size_t> runs_;       ///< [blocks x segments + 1] first feature of each.
  std::vector<std::uint32_t> rank_of_;  ///< By feature: in its segment.
  std::vector<SegmentRanks> ranks_;     ///< By segment, while joining.
  std::size_t joins_out_ = 0;

  /// Of rows that are to be arranged.
  struct Numbering {
    std::vector<std::uint32_t> feature_of_key;
    std::vector<std::uint32_t> feature_of;    ///< By the features' numbers so far.
    std::vector<std::uint32_t> new_features;  ///< Increasing.
  };
  Numbering numbering_;
  // A deal.
  std::size_t rows_kept_ = 0;
  std::vector<Key> new_keys_;                ///< Of features that were not here, increasing.
  std::vector<std::uint32_t> new_features_;  ///< Theirs.
  std::vector<float> new_rows_;              ///< Theirs, as far as they are pulled.

  // A pass or a sweep.
  std::vector<std::uint32_t> order_;  ///< Of blocks.
  std::size_t next_block_ = 0;
  Step next_step_ = 0;
  Step answered_step_ = -1;
  std::size_t computing_ = 0;  ///< Work items that may change margins or read them.
  std::deque<std::shared_ptr<Exchange>> under_way_;
  std::vector<wire::BlockFigures> figures_;  ///< By segment.
  bool starting_ = false;                    ///< A step's gradients are being computed.
  bool measuring_ = false;                   ///< All blocks are done.
  runtime::Time began_{0};
  runtime::Duration waited_{0};
  std::optional<runtime::Time> waits_since_;
  std::optional<runtime::Time> next_look_;     ///< While it waits.
  std::vector<runtime::Duration> steps_took_;  ///< Between answers, waits left out.
  runtime::Duration own_at_step_{0};           ///< When the last answer was taken over.
};

}  // namespace steelyard::job
