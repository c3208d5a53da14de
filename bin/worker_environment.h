// What a worker needs of the process it runs in: threads, files and the learners it knows.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "job/worker.h"
#include "runtime/executor.h"
#include "runtime/real_executor.h"
#include "runtime/real_loop.h"
#include "runtime/team.h"

namespace steelyard::cli {

/// The learner that a job's task and online or batch solver ask for. Errors: kInvalidArgument.
Result<std::unique_ptr<job::Learner>> MakeLearner(const job::TrainParameters& parameters);
/// @param team  borrowed; nullptr for none.
Result<std::unique_ptr<job::BatchLearner>> MakeBatchLearner(const job::TrainParameters& parameters,
                                                            runtime::Team* team);
/// Either of them.
Result<std::unique_ptr<job::Scorer>> MakeScorer(const job::TrainParameters& parameters);

/// A thread of its own that counts the time its work took.
///
/// Threads: as a RealExecutor; worked_ns() from any.
class TimedExecutor final : public runtime::Executor {
 public:
  explicit TimedExecutor(runtime::RealLoop& loop) : thread_(loop, 1) {}
  void Run(std::function<void()> work, std::function<void()> done) override;
  std::uint64_t worked_ns() const { return worked_ns_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> worked_ns_{0};
  runtime::RealExecutor thread_;  // Destroyed first: work in progress still counts.
};

/// The threads of one worker: one that reads, and, where there are processors for it, one that computes; otherwise the
/// loop computes. Steps of batch solvers with many entries are shared by as many threads as processors.
///
/// Threads: constructed and destroyed like a RealExecutor; outlives the worker.
class WorkerThreads {
 public:
  /// @param processors  that this worker's threads share with its servers'.
  WorkerThreads(runtime::RealLoop& loop, std::size_t processors);

  /// The environment of a worker on the same loop; borrows this object.
  job::WorkerEnvironment Environment();

 private:
  runtime::Team team_;  // Destroyed last: learners use it.
  TimedExecutor reader_;
  std::unique_ptr<runtime::Executor> compute_;
};

}  // namespace steelyard::cli
