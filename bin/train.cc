// steelyard train: a model from files, in this process or with servers and workers of its own.
#include <chrono>
#include <utility>

#include "command.h"
#include "initial_model.h"
#include "interruption.h"
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

job::JobPlan PlanOf(const job::TrainParameters& parameters, const TrainInput& input,
                    const job::Learner& learner) {
  return {.parameters = parameters,
          .table = {.name = kWeightsTable, .width = 1, .updater = learner.updater()},
          .row_floats = static_cast<std::uint32_t>(learner.row_floats()),
          .servers_min = static_cast<std::uint32_t>(parameters.server_count()),
          .slot_count = static_cast<std::uint32_t>(parameters.worker_count()),
          .rows_total = input.rows_total,
          .shards = input.shards,
          .valid_shards = input.valid_shards};
}

Result<TrainReport> RunTrain(job::TrainParameters parameters) {
  SY_RETURN_IF_ERROR(ModelSaver::CheckPlace(parameters.model));
  Result<InitialModel> initial = InitialModel::Load(parameters);
  if (!initial.ok()) return initial.status();
  Result<TrainInput> input = OpenTrainInput(parameters);
  if (!input.ok()) return input.status();
  SY_RETURN_IF_ERROR(initial.value().CheckKeys(input.value().keys_are_ids));
  const Result<std::unique_ptr<job::Learner>> learner = MakeLearner(parameters);
  if (!learner.ok()) return learner.status();

  job::JobPlan plan = PlanOf(parameters, input.value(), *learner.value());
  ModelSaver saver(parameters.model, plan.table);
  SY_RETURN_IF_ERROR(saver.AddNames(initial.value().names()));
  Progress progress(parameters.quiet);
  TrainRun run({.parameters = &parameters,
                .input = &input.value(),
                .initial = &initial.value(),
                .saver = &saver,
                .on_status =
                    [&](const wire::JobStatus& status) {
                      progress.Show(SampleOf(parameters, input.value(), status));
                    }},
               std::move(plan));
  const Result<TrainOutcome> outcome = run.Run();
  progress.Clear();
  if (!outcome.ok()) return outcome.status();

  TrainReport report = ReportOf(parameters, outcome.value().status);
  report.format = job::FormatName(input.value().format);
  report.format_guessed = input.value().format_guessed;
  checkpoint::ModelManifest manifest =
      ManifestOf(parameters, input.value().format, input.value().keys_are_ids);
  manifest.metrics = MetricsOf(report);
  IgnoreSignals();  // What is done is saved.
  SY_RETURN_IF_ERROR(saver.Commit(std::move(manifest)));
  EndOnSignals(parameters.json);
  report.features = saver.row_count();
  report.nonzeros = saver.nonzeros();
  report.peak_memory_bytes = outcome.value().peak_memory_bytes;
  report.seconds = std::chrono::duration<double>(Clock::now() - kProcessStart).count();
  return report;
}

Status Run(const Values& values) {
  const Result<job::TrainParameters> parameters = ReadTrainParameters(values);
  if (!parameters.ok()) return parameters.status();
  SY_RETURN_IF_ERROR(job::ValidateTrainParameters(parameters.value()));
  const Result<TrainReport> report = RunTrain(parameters.value());
  if (!report.ok()) return report.status();
  const bool json = parameters.value().json;
  if (PrintOut(json ? TrainJson(report.value()) + "\n" : TrainText(report.value()))) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command TrainCommand() {
  return {
      .name = "train",
      .summary = "Train a sparse linear model and save it",
      .options = TrainOptions(),
      .examples = {"steelyard train clicks.svm --holdout every",
                   "steelyard train 'day-*.svm.gz' --valid today.svm --passes 5 --tolerance 0.001 "
                   "--model clicks",
                   "steelyard train flights.parquet --schema flights.toml --keep-names --servers 2 "
                   "--workers 2",
                   "steelyard train --config job.toml --json"},
      .notes = "Relative paths, also those in a --config file, start from the current directory.",
      .run = Run};
}

}  // namespace steelyard::cli
