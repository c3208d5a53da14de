// Two threads, the file readers, and the solver that a job asks for.
#include "worker_environment.h"

#include <chrono>
#include <utility>

#include "apps/linear/column_learner.h"
#include "apps/linear/linear_learner.h"
#include "child_processes.h"
#include "data/dataset.h"
#include "job/scheduler.h"
#include "runtime/real_machine.h"

namespace steelyard::cli {

namespace {

constexpr std::size_t kComputeOnLoopProcessorsMax = 3;

}  // namespace

Result<std::unique_ptr<job::Learner>> MakeLearner(const job::TrainParameters& parameters) {
  return apps::linear::MakeLinearLearner(
      {.loss = job::LossOf(parameters.task),
       .solver = {.name = std::string(job::SolverName(parameters.solver)),
                  .alpha = static_cast<float>(parameters.alpha),
                  .beta = static_cast<float>(parameters.beta),
                  .l1 = static_cast<float>(parameters.l1),
                  .l2 = static_cast<float>(parameters.l2),
                  .intercept = parameters.intercept}});
}

Result<std::unique_ptr<job::BatchLearner>> MakeBatchLearner(const job::TrainParameters& parameters,
                                                            runtime::Team* team) {
  return apps::linear::MakeColumnLearner({.updater = std::string(job::UpdaterOf(parameters.solver)),
                                          .loss = job::LossOf(parameters.task),
                                          .l1 = static_cast<float>(parameters.l1),
                                          .l2 = static_cast<float>(parameters.l2),
                                          .intercept = parameters.intercept,
                                          .team = team});
}

Result<std::unique_ptr<job::Scorer>> MakeScorer(const job::TrainParameters& parameters) {
  if (job::IsBatch(parameters.solver)) {
    auto learner = MakeBatchLearner(parameters, nullptr);
    if (!learner.ok()) return learner.status();
    return std::unique_ptr<job::Scorer>(std::move(learner.value()));
  }
  auto learner = MakeLearner(parameters);
  if (!learner.ok()) return learner.status();
  return std::unique_ptr<job::Scorer>(std::move(learner.value()));
}

void TimedExecutor::Run(std::function<void()> work, std::function<void()> done) {
  thread_.Run(
      [this, work = std::move(work)] {
        const auto start = std::chrono::steady_clock::now();
        work();
        const auto taken = std::chrono::nanoseconds(std::chrono::steady_clock::now() - start);
        worked_ns_.fetch_add(static_cast<std::uint64_t>(taken.count()), std::memory_order_relaxed);
      },
      std::move(done));
}

WorkerThreads::WorkerThreads(runtime::RealLoop& loop, std::size_t processors)
    : team_(processors), reader_(loop) {
  // A minibatch is learned in tens of microseconds: handing it to another thread only pays when that one has a
  // processor of its own.
  if (processors > kComputeOnLoopProcessorsMax) {
    compute_ = std::make_unique<runtime::RealExecutor>(loop, 1);
  } else {
    compute_ = std::make_unique<runtime::LoopExecutor>(loop);
  }
}

job::WorkerEnvironment WorkerThreads::Environment() {
  return {.open_dataset =
              [](const data::DatasetOptions& options) { return data::OpenDataset(options); },
          .make_learner = MakeLearner,
          .make_batch_learner =
              [this](const job::TrainParameters& parameters) {
                return MakeBatchLearner(parameters, &team_);
              },
          .reader = &reader_,
          .compute = compute_.get(),
          .read_ns = [this] { return reader_.worked_ns(); },
          .thread_ns = runtime::ThreadCpuNs,
          .peak_memory_bytes = [] { return PeakMemoryOf("self"); },
          .free_memory_bytes = runtime::FreeMemoryBytes};
}

}  // namespace steelyard::cli
