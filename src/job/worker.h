// Worker: a node that works on jobs: reads its shards, pulls rows, learns minibatches, pushes changes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/member_node.h"
#include "job/batch_learner.h"
#include "job/batch_reader.h"
#include "job/learner.h"
#include "job/parameters.h"
#include "job/worker_calls.h"
#include "runtime/executor.h"
#include "transport/transport.h"
#include "wire/job_messages.h"

namespace steelyard::job {

/// What a worker needs of its process.
struct WorkerEnvironment {
  DatasetOpener open_dataset;
  std::function<Result<std::unique_ptr<Learner>>(const TrainParameters&)> make_learner;
  /// For batch solvers.
  std::function<Result<std::unique_ptr<BatchLearner>>(const TrainParameters&)> make_batch_learner =
      {};
  runtime::Executor* reader = nullptr;   ///< Reads and parses; one thread.
  runtime::Executor* compute = nullptr;  ///< Learns; one thread.
  /// False when the servers answer on this worker's own loop: pulling ahead then hides nothing and costs the addition of
  /// own pushes.
  bool pulls_ahead = true;
  /// Nanoseconds that `reader` has worked so far, those that the calling thread has computed, and the process's peak
  /// memory; all may be empty.
  std::function<std::uint64_t()> read_ns;
  std::function<std::uint64_t()> thread_ns = {};
  std::function<std::uint64_t()> peak_memory_bytes;
  /// What this machine has left for the process; may be empty.
  std::function<std::uint64_t()> free_memory_bytes = {};
  /// What programs may call at this worker while it works for a job, and where these functions run: one thread.
  WorkerFunctions functions = {};
  runtime::Executor* function_thread = nullptr;
};

/// One worker slot at a time. Pulls run ahead of the computation by as many steps as the delay allows, and reading runs
/// ahead of both.
///
/// Own pushes that a pulled row does not include yet are added to it here, so one worker learns the same, bit for bit,
/// at any delay and with any number of servers.
///
/// Threads: confined to its loop; reading and learning run on the environment's executors.
/// Source:  Li et al., OSDI 2014, section 2; replay of state, docs/algorithms.md.
class Worker : public client::MemberNode {
 public:
  Worker(Options options, WorkerEnvironment environment);
  ~Worker() override;

  /// Not OK once this worker cannot go on (the head is gone or refused it); its process should end with it.
  const Status& failure() const { return failure_; }

 private:
  class Run;  // The slot that this worker holds.

  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;
  void StartRun(transport::Transport& transport, const wire::SlotAssign& assign);
  void EndRun(transport::Transport& transport, const Status& why);

  WorkerEnvironment environment_;
  std::shared_ptr<Run> run_;  ///< Shared with work items that outlive a cancelled run.
  std::shared_ptr<WorkerCalls> calls_;
  Session last_session_ = 0;  ///< Of the newest slot held; older assignments are late copies.
  Status failure_;
};

}  // namespace steelyard::job
