// Sums to means, nanoseconds to seconds.
#include "train_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "batch_activity.h"
#include "evaluation_report.h"
#include "job/evaluation_codec.h"
#include "job/scheduler.h"

namespace steelyard::cli {
namespace {

std::uint64_t PassesDone(const wire::JobStatus& status) {
  return std::uint64_t{status.pass} + 1;
}

BatchReport BatchOf(const wire::BatchStatus& status) {
  BatchReport report{.objective = status.objective,
                     .certified = status.certified,
                     .taken_back = status.taken_back};
  if (status.has_gap) report.gap = status.gap;
  report.settled_fraction = SettledFraction(status);
  for (const wire::ShardsMoved& moved : status.moved) {
    report.moved.push_back({.pass = moved.pass,
                            .worker = moved.worker,
                            .shards = moved.shards,
                            .of = moved.of,
                            .times = moved.times});
  }
  return report;
}

void FillProgressive(const wire::JobStatus& status, math::LossKind loss, TrainReport& report) {
  const auto progressive = job::FromWire(status.progressive, loss, /*ranks=*/false);
  if (!progressive.ok()) return;
  report.progressive_log_loss = progressive.value().log_loss();
  if (!report.progressive_log_loss.has_value())
    report.progressive_loss = progressive.value().mean_loss();
}

std::optional<StagesReport> StagesOf(const wire::WorkSums& work) {
  if (work.nonzeros == 0) return std::nullopt;
  const auto each = [&](std::uint64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(work.nonzeros);
  };
  return StagesReport{.parse_ns = each(work.stages.parse_ns),
                      .localise_ns = each(work.stages.localise_ns),
                      .pull_ns = each(work.stages.pull_ns),
                      .compute_ns = each(work.stages.compute_ns),
                      .push_ns = each(work.stages.push_ns)};
}

std::optional<StalenessReport> StalenessOf(const wire::StalenessSums& sums) {
  if (sums.pulls == 0) return std::nullopt;
  StalenessReport report{
      .pulls = sums.pulls, .max = sums.steps_max, .mean = sums.mean(), .counts = {}};
  for (std::size_t b = 0; b < sums.buckets.size(); ++b)
    report.counts.emplace_back(wire::StalenessSums::BucketEnd(b), sums.buckets[b]);
  return report;
}

std::vector<DelayReport> DelaysOf(const wire::JobStatus& status) {
  std::vector<DelayReport> delays;
  for (const wire::DelayChoice& choice : status.delays) {
    std::uint32_t pass = 0;
    while (job::FirstStepOfPass(pass + 1) <= choice.from_step) ++pass;
    const auto step = static_cast<std::uint64_t>(choice.from_step - job::FirstStepOfPass(pass));
    delays.push_back(
        {.pass = pass + 1,
         .step = step,
         .tau = choice.tau == job::Delay::kInfinite ? "inf" : std::to_string(choice.tau)});
  }
  return delays;
}

}  // namespace

TrainReport ReportOf(const job::TrainParameters& parameters, const wire::JobStatus& status) {
  const wire::WorkSums& work = status.earlier;
  TrainReport report;
  if (job::IsBatch(parameters.solver)) {  // Rows are read once.
    report.passes = status.batch.passes;
    report.rows = work.rows;
    report.bad_rows = work.bad_rows;
    report.batch = BatchOf(status.batch);
  } else {
    report.passes = PassesDone(status);
    report.rows = work.rows / report.passes;
    report.bad_rows = work.bad_rows / report.passes;
    report.stopped_early = status.stopped_early;
    if (parameters.tolerance > 0.0) report.kept_pass = std::uint64_t{status.kept_pass} + 1;
  }
  report.read_seconds =
      static_cast<double>(work.read_ns) / 1e9 / static_cast<double>(parameters.worker_count());
  FillProgressive(status, job::LossOf(parameters.task), report);
  if (status.has_valid) {
    const auto valid = job::FromWire(status.valid, job::LossOf(parameters.task), /*ranks=*/true);
    if (valid.ok()) report.valid = ReportOf(valid.value());
  }
  report.pushed_bytes = work.pushed_bytes;
  report.pulled_bytes = work.pulled_bytes;
  report.before_filters_bytes = work.before_filters_bytes;
  for (const wire::FilterSums& sums : work.filters) {
    report.filters.push_back({sums.name, sums.bytes_before, sums.bytes_after});
  }
  const double waited = static_cast<double>(work.idle_ns);
  const double spent = waited + static_cast<double>(work.busy_ns);
  report.idle_fraction = spent > 0.0 ? waited / spent : 0.0;
  report.stages = StagesOf(work);
  report.staleness = StalenessOf(work.staleness);
  report.tau = job::GetParameter(*job::FindTrainParameter("tau"), parameters).front();
  report.delays = DelaysOf(status);
  report.servers = parameters.server_count();
  report.workers = parameters.worker_count();
  report.model = parameters.model;
  return report;
}

void AddPass(const wire::BatchStatus& status, double seconds, std::vector<BatchPass>& history) {
  if (status.passes <= history.size()) return;
  const auto taken_back =
      static_cast<std::uint32_t>(std::ranges::count(history, true, &BatchPass::taken_back));
  history.push_back({.seconds = seconds,
                     .objective = status.objective,
                     .settled_fraction = SettledFraction(status),
                     .taken_back = status.taken_back > taken_back});
}

ProgressSample SampleOf(const job::TrainParameters& parameters, std::uint64_t rows_trained,
                        const wire::JobStatus& status) {
  ProgressSample sample;
  if (status.phase >= wire::Phase::kLoad) {
    sample.activity = BatchActivity(status.phase, status.batch);
    if (status.phase == wire::Phase::kLoad) {
      sample.rows = status.work.rows;
      sample.rows_total = rows_trained;
    }
    return sample;
  }
  const std::string pass =
      std::to_string(PassesDone(status)) + "/" + std::to_string(parameters.passes);
  if (status.state == wire::JobState::kWaiting) {
    sample.activity = "starting";
  } else if (status.phase == wire::Phase::kTrain) {
    sample.activity = "pass " + pass;
    sample.rows_total = rows_trained;
    sample.rows_later = rows_trained * (parameters.passes - PassesDone(status));
  } else {
    sample.activity = status.keep                              ? "keeping " + pass
                      : status.phase == wire::Phase::kValidate ? "validating " + pass
                                                               : "finishing";
  }
  sample.rows = status.phase == wire::Phase::kTrain ? status.work.rows : 0;
  sample.rows_earlier = status.earlier.rows;
  const wire::WorkSums& measured = status.work.weight_sum > 0.0 ? status.work : status.earlier;
  if (measured.weight_sum > 0.0) sample.loss = measured.loss_sum / measured.weight_sum;
  return sample;
}

std::map<std::string, double> MetricsOf(const TrainReport& report) {
  std::map<std::string, double> metrics;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value.has_value()) metrics[name] = *value;
  };
  metrics["rows"] = static_cast<double>(report.rows);
  metrics["passes"] = static_cast<double>(report.passes);
  if (report.kept_pass.has_value()) metrics["kept_pass"] = static_cast<double>(*report.kept_pass);
  if (report.batch.has_value()) {
    metrics["objective"] = report.batch->objective;
    add("gap", report.batch->gap);
  }
  add("progressive_log_loss", report.progressive_log_loss);
  add("progressive_loss", report.progressive_loss);
  if (!report.valid.has_value()) return metrics;
  metrics["valid_rows"] = static_cast<double>(report.valid->rows);
  add("valid_log_loss", report.valid->log_loss);
  add("valid_mean_loss", report.valid->mean_loss);
  add("valid_auc", report.valid->auc);
  add("valid_accuracy", report.valid->accuracy);
  add("valid_calibration", report.valid->calibration);
  add("valid_rmse", report.valid->rmse);
  return metrics;
}

}  // namespace steelyard::cli
