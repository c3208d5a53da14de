// steelyard train: a model from files: in this process, with servers and workers of its own, or on a running cluster.
#include <chrono>
#include <utility>

#include "cluster_call.h"
#include "cluster_report.h"
#include "cluster_train.h"
#include "command.h"
#include "dry_run.h"
#include "initial_model.h"
#include "interruption.h"
#include "local_cluster.h"
#include "model_manifest.h"
#include "model_saver.h"
#include "output.h"
#include "progress.h"
#include "train_input.h"
#include "train_options.h"
#include "train_report.h"
#include "train_run.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Set before main() runs: as near to the process's start as a program gets.
const Clock::time_point kProcessStart = Clock::now();

double SecondsSinceStart() {
  return std::chrono::duration<double>(Clock::now() - kProcessStart).count();
}

job::JobPlan PlanOf(const job::TrainParameters& parameters, const TrainInput& input,
                    const job::Scorer& learner) {
  return {.parameters = parameters,
          .table = {.name = kWeightsTable,
                    .width = 1,
                    .updater = learner.updater(),
                    .aggregate = parameters.aggregate},
          .row_floats = static_cast<std::uint32_t>(learner.row_floats()),
          .servers_min =
              static_cast<std::uint32_t>(parameters.in_process() ? ThreadServers(parameters.threads)
                                                                 : parameters.server_count()),
          .slot_count = static_cast<std::uint32_t>(parameters.worker_count()),
          .rows_total = input.rows_total,
          .shards = input.shards,
          .valid_shards = input.valid_shards};
}

/// A job that is ready to be run.
struct Job {
  InitialModel initial;
  job::TrainParameters typed;  ///< As the model remembers them: without what a cluster adds.
  TrainInput input;
  job::JobPlan plan;
  std::uint64_t servers = 0;  ///< That hold the table.
};

Result<Job> PrepareJob(job::TrainParameters& parameters) {
  Job job;
  Result<InitialModel> initial = InitialModel::Load(parameters);
  if (!initial.ok()) return initial.status();
  job.initial = std::move(initial.value());
  job.typed = parameters;
  job.servers = parameters.server_count();
  if (!parameters.cluster.empty()) {
    const Result<std::uint64_t> servers = PrepareForCluster(parameters);
    if (!servers.ok()) return servers.status();
    job.servers = servers.value();
  }
  Result<TrainInput> input = OpenTrainInput(parameters);
  if (!input.ok()) return input.status();
  job.input = std::move(input.value());
  SY_RETURN_IF_ERROR(job.initial.CheckKeys(job.input.keys_are_ids));
  const Result<std::unique_ptr<job::Scorer>> learner = MakeScorer(parameters);
  if (!learner.ok()) return learner.status();
  job.plan = PlanOf(parameters, job.input, *learner.value());
  return job;
}

Result<TrainReport> RunTrain(job::TrainParameters parameters) {
  SY_RETURN_IF_ERROR(ModelSaver::CheckPlace(parameters.model));
  Result<Job> prepared = PrepareJob(parameters);
  if (!prepared.ok()) return prepared.status();
  Job& job = prepared.value();
  ModelSaver saver(parameters.model, job.plan.table);
  SY_RETURN_IF_ERROR(saver.AddNames(job.initial.names()));
  Progress progress(parameters.quiet);
  std::vector<BatchPass> history;
  const TrainRun::Parts parts = {
      .parameters = &parameters,
      .input = &job.input,
      .initial = &job.initial,
      .saver = &saver,
      .on_status = [&](const wire::JobStatus& status) {
        AddPass(status.batch, SecondsSinceStart(), history);
        progress.Show(SampleOf(parameters, job.input.rows_trained, status));
      }};
  const Result<TrainOutcome> outcome = parameters.cluster.empty()
                                           ? TrainRun(parts, std::move(job.plan)).Run()
                                           : RunOnCluster(parts, std::move(job.plan));
  progress.Clear();
  if (!outcome.ok()) return outcome.status();

  TrainReport report = ReportOf(parameters, outcome.value().status);
  report.format = job::FormatName(job.input.format);
  report.format_guessed = job.input.format_guessed;
  report.servers = job.servers;
  checkpoint::ModelManifest manifest =
      ManifestOf(job.typed, job.input.format, job.input.keys_are_ids);
  manifest.metrics = MetricsOf(report);
  IgnoreSignals();  // What is done is saved.
  SY_RETURN_IF_ERROR(saver.Commit(std::move(manifest)));
  EndOnSignals(parameters.json);
  report.features = saver.row_count();
  report.nonzeros = saver.nonzeros();
  report.peak_memory_bytes = outcome.value().peak_memory_bytes;
  report.seconds = SecondsSinceStart();
  if (report.batch.has_value()) report.batch->history = std::move(history);
  return report;
}

Status RunDetached(job::TrainParameters parameters) {
  Result<Job> job = PrepareJob(parameters);
  if (!job.ok()) return job.status();
  const Result<JobId> id = LeaveWithCluster({.parameters = &parameters,
                                             .input = &job.value().input,
                                             .initial = &job.value().initial,
                                             .saver = nullptr,
                                             .on_status = {}},
                                            std::move(job.value().plan));
  if (!id.ok()) return id.status();
  return PrintResult(parameters.json ? DetachedJson(id.value(), parameters.cluster) + "\n"
                                     : DetachedText(id.value(), parameters.cluster));
}

// Everything that RunTrain() does before it starts anybody.
Result<DryRunReport> RunDry(job::TrainParameters parameters) {
  SY_RETURN_IF_ERROR(ModelSaver::CheckPlace(parameters.model));
  const Result<InitialModel> initial = InitialModel::Load(parameters);
  if (!initial.ok()) return initial.status();
  const Result<TrainInput> input = OpenTrainInput(DryRunParameters(parameters));
  if (!input.ok()) return input.status();
  SY_RETURN_IF_ERROR(initial.value().CheckKeys(input.value().keys_are_ids));
  const Result<std::unique_ptr<job::Scorer>> learner = MakeScorer(parameters);
  if (!learner.ok()) return learner.status();
  return DescribeRun(PlanOf(parameters, input.value(), *learner.value()), input.value());
}

Status Run(const Values& values) {
  const Result<job::TrainParameters> parameters = ReadTrainParameters(values);
  if (!parameters.ok()) return parameters.status();
  SY_RETURN_IF_ERROR(job::ValidateTrainParameters(parameters.value()));
  const std::string& cluster = parameters.value().cluster;
  if (!cluster.empty()) SY_RETURN_IF_ERROR(CheckHeadAddress("--cluster", cluster));
  const bool json = parameters.value().json;
  if (parameters.value().dry_run) {
    const Result<DryRunReport> report = RunDry(parameters.value());
    if (!report.ok()) return report.status();
    return PrintResult(json ? DryRunJson(report.value()) + "\n" : DryRunText(report.value()));
  }
  if (parameters.value().detach) return RunDetached(parameters.value());
  const Result<TrainReport> report = RunTrain(parameters.value());
  if (!report.ok()) return report.status();
  return PrintResult(json ? TrainJson(report.value()) + "\n" : TrainText(report.value()));
}

}  // namespace

Command TrainCommand() {
  return {
      .name = "train",
      .summary = "Train a sparse linear model and save it",
      .options = TrainOptions(),
      .examples = {"steelyard train clicks.svm --holdout every",
                   "steelyard train 'day-*.svm.gz' --valid today.svm --passes 5 --tolerance 0.001",
                   "steelyard train flights.parquet --schema flights.toml --servers 2 --workers 2",
                   "steelyard train clicks.svm --cluster 127.0.0.1:4070 --model clicks",
                   "steelyard train clicks.svm --dry-run",
                   "steelyard train --config job.toml --json"},
      .notes = "Relative paths, also those in a --config file, start from the current directory.",
      .run = Run};
}

}  // namespace steelyard::cli
