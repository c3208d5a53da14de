// What a worker needs of the process it runs in: threads, files and the learners it knows.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "job/worker.h"
#include "runtime/executor.h"
#include "runtime/real_executor.h"
#include "runtime/real_loop.h"

namespace steelyard::cli {

/// The learner that a job's task and solver ask for. Errors: kInvalidArgument.
Result<std::unique_ptr<job::Learner>> MakeLearner(const job::TrainParameters& parameters);

/// An executor that counts the time its work took.
///
/// Threads: Run() as the inner executor; worked_ns() from any.
class TimedExecutor final : public runtime::Executor {
 public:
  explicit TimedExecutor(runtime::Executor& inner) : inner_(inner) {}
  void Run(std::function<void()> work, std::function<void()> done) override;
  std::uint64_t worked_ns() const { return worked_ns_.load(std::memory_order_relaxed); }

 private:
  runtime::Executor& inner_;
  std::atomic<std::uint64_t> worked_ns_{0};
};

/// A reading thread and a computing thread for one worker.
///
/// Threads: constructed and destroyed like a RealExecutor; outlives the worker.
class WorkerThreads {
 public:
  explicit WorkerThreads(runtime::RealLoop& loop);

  /// The environment of a worker on the same loop; borrows this object.
  job::WorkerEnvironment Environment();

 private:
  runtime::RealExecutor reader_;
  runtime::RealExecutor compute_;
  TimedExecutor timed_reader_;
};

}  // namespace steelyard::cli
