// Reports as lines for people, and how numbers read well.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "output.h"

namespace steelyard::cli {
namespace {

std::string Figures(const EvaluationReport& report) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& value, int decimals) {
    if (!value.has_value() || !std::isfinite(*value)) return;
    text += fmt::format("{}{} {:.{}f}", text.empty() ? "" : ", ", name, *value, decimals);
  };
  add("log loss", report.log_loss, 6);
  add("mean loss", report.mean_loss, 6);
  add("RMSE", report.rmse, 6);
  add("AUC", report.auc, 5);
  add("accuracy", report.accuracy, 4);
  add("calibration", report.calibration, 4);
  return text.empty() ? "no labelled row" : text;
}

std::string ShownText(const ShownRow& row) {
  std::string text = fmt::format("  row {}   label {:.7g}", row.row, row.label);
  if (row.weight != 1.0) text += fmt::format(" weight {:.7g}", row.weight);
  text += ':';
  for (const auto& [name, value] : row.features) {
    text += ' ' + name;
    if (value != 1.0) text += fmt::format(":{:.7g}", value);
  }
  if (row.features.size() < row.feature_count)
    text += fmt::format(" and {} more", row.feature_count - row.features.size());
  return text + '\n';
}

/// How far pulls were behind, and what became of an automatic delay; empty for one worker.
std::string DelayText(const TrainReport& report) {
  if (!report.staleness.has_value()) return {};
  std::string text = fmt::format(
      "delay {}: pulls missed {:.2f} steps of the slowest worker on average, {} at most",
      report.tau, report.staleness->mean, Grouped(report.staleness->max));
  constexpr std::size_t kShown = 8;
  const std::size_t changes = report.delays.empty() ? 0 : report.delays.size() - 1;
  if (report.tau == "auto" && !report.delays.empty()) {
    text += "; tau " + report.delays.front().tau;
    for (std::size_t i = 1; i <= std::min(changes, kShown); ++i)
      text += ", " + report.delays[i].tau;
    if (changes > kShown)
      text +=
          fmt::format(" and {} more changes, last {}", changes - kShown, report.delays.back().tau);
  }
  return text + '\n';
}

}  // namespace

std::string Grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string Counted(std::uint64_t count, std::string_view what) {
  const std::string_view ending = count == 1 ? "" : what.ends_with('s') ? "es" : "s";
  return fmt::format("{} {}{}", Grouped(count), what, ending);
}

std::string Bytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 99.95 ? 0 : 1;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string Seconds(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

namespace {

std::string BatchText(const BatchReport& report) {
  std::string text = fmt::format("objective {:.4f}", report.objective);
  if (report.gap.has_value()) text += fmt::format(", duality gap {:.3g}", *report.gap);
  text += report.certified ? "; within --tolerance of the optimum\n"
                           : "; stopped by --passes before the optimum was within --tolerance\n";
  if (report.settled_fraction > 0.0) {
    text += fmt::format("the last pass left out {:.1f} % of the features\n",
                        100.0 * report.settled_fraction);
  }
  if (report.taken_back > 0)
    text +=
        fmt::format("{} made the objective worse and {} undone\n",
                    Counted(report.taken_back, "pass"), report.taken_back == 1 ? "was" : "were");
  for (const MovedReport& moved : report.moved) {
    text += fmt::format(
        "{} gave {} of its {} shards to others after pass {}: its rows took {:.1f} times as long\n",
        moved.worker, moved.shards, moved.of, moved.pass, moved.times);
  }
  return text;
}

}  // namespace

std::string TrainText(const TrainReport& report) {
  const double rows = static_cast<double>(report.rows) * static_cast<double>(report.passes);
  const std::string speed =
      report.seconds > 0.0 ? fmt::format(" in {}: {} rows/s", Seconds(report.seconds),
                                         Grouped(static_cast<std::uint64_t>(rows / report.seconds)))
                           : std::string();
  std::string text =
      fmt::format("{} x {}{}, {}, {} other than 0\n", Counted(report.rows, "row"),
                  Counted(report.passes, "pass"), speed, Counted(report.features, "feature"),
                  Counted(report.nonzeros, "weight"));
  if (report.batch.has_value()) text += BatchText(*report.batch);
  if (report.format_guessed)
    text += fmt::format("read as {}, by its content; --format overrides\n", report.format);
  if (report.stopped_early)
    text += "stopped early: the held-out loss no longer fell by --tolerance\n";
  if (report.kept_pass.has_value() && *report.kept_pass != report.passes)
    text += fmt::format("kept the weights of pass {}, the best one\n", *report.kept_pass);
  if (report.bad_rows > 0)
    text += fmt::format("{} bad rows skipped in each pass\n", Grouped(report.bad_rows));
  text += fmt::format("pushed {}, pulled {}, peak memory {}, workers idle {:.1f} % of the time\n",
                      Bytes(report.pushed_bytes), Bytes(report.pulled_bytes),
                      Bytes(report.peak_memory_bytes), 100.0 * report.idle_fraction);
  text += DelayText(report);
  if (!report.filters.empty()) {
    text += fmt::format(
        "filters left {} of {} on the wire:", Bytes(report.pushed_bytes + report.pulled_bytes),
        Bytes(report.before_filters_bytes));
    for (const FilterReport& filter : report.filters) {
      text += fmt::format(" {} {} of {};", filter.name, Bytes(filter.after_bytes),
                          Bytes(filter.before_bytes));
    }
    text.back() = '\n';
  }
  if (report.stages.has_value()) {
    text += fmt::format("per non-zero: parse {:.1f} ns, localise {:.1f} ns",
                        report.stages->parse_ns, report.stages->localise_ns);
    if (!report.batch.has_value()) {
      text +=
          fmt::format(", compute {:.1f} ns; pull {:.1f} ns and push {:.1f} ns until answered",
                      report.stages->compute_ns, report.stages->pull_ns, report.stages->push_ns);
    }
    text += '\n';
  }
  if (report.progressive_log_loss.has_value()) {
    text += fmt::format("progressive log loss {:.6f} (each row before it is learned, first pass)\n",
                        *report.progressive_log_loss);
  } else if (report.progressive_loss.has_value()) {
    text +=
        fmt::format("progressive mean loss {:.6f} (each row before it is learned, first pass)\n",
                    *report.progressive_loss);
  }
  if (report.valid.has_value()) {
    text +=
        fmt::format("held-out {} rows: {}\n", Grouped(report.valid->rows), Figures(*report.valid));
  }
  return text + fmt::format("model saved in {}\n", report.model);
}

std::string EvaluationText(const EvaluationReport& report) {
  std::string text = fmt::format("{} rows: {}\n", Grouped(report.rows), Figures(report));
  if (report.bad_rows > 0) text += fmt::format("{} bad rows skipped\n", Grouped(report.bad_rows));
  return text;
}

std::string ModelText(const ModelReport& report) {
  const char* kind = report.keys_are_ids ? "feature ids"
                     : report.has_names  ? "names"
                                         : "hashes of names";
  std::string text = fmt::format(
      "model     {}\ntask      {}, solver {}\nkeys      {} ({}), {} weights other than 0\n",
      report.model, report.task, report.solver, Grouped(report.rows), kind,
      Grouped(report.nonzeros));
  std::string joined;
  for (const auto& [name, value] : report.metrics)
    joined += fmt::format("{}{} {:.6g}", joined.empty() ? "" : ", ", name, value);
  if (!joined.empty()) text += "measured  " + joined + "\n";
  joined.clear();
  for (const auto& [name, value] : report.parameters)
    joined += fmt::format("{}{} {}", joined.empty() ? "" : ", ", name, value);
  if (!joined.empty()) text += "trained   " + joined + "\n";
  if (!report.top.empty()) text += fmt::format("\n{:>12}  feature\n", "weight");
  for (const FeatureReport& feature : report.top) {
    text += fmt::format("{:>+12.6f}  {}\n", feature.weight, feature.name);
  }
  return text;
}

Status PrintResult(std::string_view text) {
  if (PrintOut(text)) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

bool PrintOut(std::string_view text) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written || errno == EPIPE;
}

std::string DryRunText(const DryRunReport& report) {
  constexpr std::size_t kShownFiles = 4;
  std::string files;
  for (std::size_t i = 0; i < std::min(report.files.size(), kShownFiles); ++i)
    files += (i == 0 ? "" : ", ") + report.files[i];
  if (report.files.size() > kShownFiles)
    files += fmt::format(", and {} more", report.files.size() - kShownFiles);
  std::string text = fmt::format("files     {}, read as {}\n", files, report.format);
  text += report.rows.has_value() ? fmt::format("rows      {}", Grouped(*report.rows))
                                  : std::string("rows      known when they are read");
  if (report.rows_held_out.has_value())
    text += fmt::format(", about {} of them held out", Grouped(*report.rows_held_out));
  text += fmt::format(", {:.1f} features each\n", report.nonzeros_per_row);
  for (const ShownRow& row : report.first_rows) text += ShownText(row);
  if (report.bad_rows > 0)
    text += fmt::format("          {} bad rows among {}\n", Grouped(report.bad_rows),
                        Grouped(report.sampled_rows + report.bad_rows));
  const bool all = report.rows.has_value() && *report.rows <= report.sampled_rows + report.bad_rows;
  text += fmt::format("features  {}{} distinct{}\n", all ? "" : "about ", Grouped(report.features),
                      report.rows.has_value()
                          ? ""
                          : fmt::format(" in the first {} rows", Grouped(report.sampled_rows)));
  const std::string minibatches =
      report.holds_rows ? "" : fmt::format(", minibatches of {}", report.minibatch);
  text += fmt::format("plan      {} by {}, {}{}, {}\n", report.task, report.solver,
                      Counted(report.passes, "pass"), minibatches, Counted(report.shards, "shard"));
  text += report.in_process
              ? fmt::format("memory    about {} in this process",
                            Bytes(report.server_bytes + report.worker_bytes))
              : fmt::format("memory    about {} in each of {}, {} in each of {}",
                            Bytes(report.server_bytes), Counted(report.servers, "server"),
                            Bytes(report.worker_bytes), Counted(report.workers, "worker"));
  text += report.holds_rows && !report.rows.has_value() ? " for these rows alone\n" : "\n";
  return text + fmt::format("model     {}\nnothing was trained (--dry-run)\n", report.model);
}

std::string GeneratedText(const GeneratedReport& report) {
  if (!report.log_loss.has_value()) return "0 rows\n";
  const double share = static_cast<double>(report.positive_rows) / static_cast<double>(report.rows);
  return fmt::format("{} rows, {:.2f} % positive, log loss {:.6f} by the planted model\n",
                     Grouped(report.rows), 100.0 * share, *report.log_loss);
}

std::string ConvertedText(const ConvertedReport& report) {
  std::string text = fmt::format("{} rows of {} written as {} in {}\n", Grouped(report.rows),
                                 report.from, report.to, report.out);
  if (report.bad_rows > 0) text += fmt::format("{} bad rows left out\n", Grouped(report.bad_rows));
  return text;
}

}  // namespace steelyard::cli
