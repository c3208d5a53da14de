// What commands print at their end: reports as JSON objects for scripts and as lines for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard {
struct WorkerProgress;
}  // namespace steelyard

namespace steelyard::cli {

/// Figures of predictions against labels. One that has no meaning for the task is absent.
struct EvaluationReport {
  std::uint64_t rows = 0;
  std::uint64_t bad_rows = 0;
  std::optional<double> log_loss;
  std::optional<double> mean_loss;  ///< hinge and squared hinge.
  std::optional<double> auc;
  std::optional<double> accuracy;
  std::optional<double> calibration;
  std::optional<double> rmse;
};

/// What the stages of training took, in nanoseconds for each non-zero value of the input, over all passes.
///
/// Parsing, localising and computing: time on a processor. Pulling and pushing: from the request to the answer of the
/// servers, which may overlap with other stages and with each other.
struct StagesReport {
  double parse_ns = 0.0;
  double localise_ns = 0.0;
  double pull_ns = 0.0;
  double compute_ns = 0.0;
  double push_ns = 0.0;
};

/// A batch solver after one of its passes.
struct BatchPass {
  double seconds = 0.0;  ///< Since the process began.
  double objective = 0.0;
  double settled_fraction = 0.0;  ///< Of the features: left out.
  bool taken_back = false;
};

/// Where a batch solver ended.
/// A slow worker of a batch solver gave rows away.
struct MovedReport {
  std::uint64_t pass = 0;  ///< After so many.
  std::string worker;
  std::uint64_t shards = 0;
  std::uint64_t of = 0;  ///< Of so many that it had.
  double times = 0.0;    ///< A row took it so many times as long as the others.
};

struct BatchReport {
  double objective = 0.0;
  std::optional<double>
      gap{};  ///< Objective minus the best dual value known; where the loss has one here.
  bool certified = false;        ///< Within the tolerance of the optimum, and no feature disagrees.
  std::uint64_t taken_back = 0;  ///< Passes that made the objective worse and were undone.
  double settled_fraction = 0.0;  ///< Of the features: left out by the last pass.
  std::vector<BatchPass> history{};
  std::vector<MovedReport> moved{};  ///< From slow workers to others.
};

/// How many steps the pulls of several workers were behind their own step (docs/consistency.md).
struct StalenessReport {
  std::uint64_t pulls = 0;
  std::uint64_t max = 0;
  double mean = 0.0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>>
      counts;  ///< (at most so many steps, and more than the entry before; pulls).
};

/// The delay and since when: its first step is the `step`-th of the pass, from 0.
struct DelayReport {
  std::uint64_t pass = 0;  ///< From 1.
  std::uint64_t step = 0;
  std::string tau;  ///< "4", "inf".
};

/// What one of --filters was given and what it left.
struct FilterReport {
  std::string name;
  std::uint64_t before_bytes = 0;
  std::uint64_t after_bytes = 0;
};

/// One training run.
struct TrainReport {
  std::uint64_t rows = 0;      ///< Trained rows of one pass.
  std::uint64_t bad_rows = 0;  ///< Refused under --bad-rows-max, of one pass.
  std::uint64_t features = 0;  ///< Distinct keys seen.
  std::uint64_t passes = 0;
  bool stopped_early = false;
  std::optional<std::uint64_t> kept_pass;  ///< Whose weights are saved, from 1; with --tolerance.
  double seconds = 0.0;  ///< Process start to model saved; 0: another process began it.
  double read_seconds = 0.0;
  std::optional<double> progressive_log_loss;
  std::optional<double>
      progressive_loss;  ///< Mean of the task's own loss, where it is not log loss.
  std::uint64_t nonzeros = 0;
  std::optional<BatchReport> batch{};
  std::optional<EvaluationReport> valid;
  std::uint64_t pushed_bytes = 0;
  std::uint64_t pulled_bytes = 0;
  std::uint64_t before_filters_bytes = 0;
  std::vector<FilterReport> filters;
  double idle_fraction = 0.0;
  std::optional<StagesReport> stages;
  std::optional<StalenessReport> staleness;
  std::string tau;                  ///< As asked for: "1", "inf", "auto".
  std::vector<DelayReport> delays;  ///< The first one and every change.
  std::uint64_t peak_memory_bytes = 0;
  std::uint64_t servers = 0;
  std::uint64_t workers = 0;
  std::string model;
  std::string format;           ///< "libsvm": how the input was read.
  bool format_guessed = false;  ///< By its content, because neither --format nor its name said so.
};

/// A row as it was parsed.
struct ShownRow {
  std::uint64_t row = 0;
  double label = 0.0;
  double weight = 1.0;
  std::size_t feature_count = 0;
  std::vector<std::pair<std::string, double>> features{};  ///< The first ones: name or id, value.
};

/// What a training run would do.
struct DryRunReport {
  std::vector<std::string> files;
  std::vector<std::string> valid;  ///< As named by --valid.
  std::string format;
  std::optional<std::uint64_t> rows;           ///< Absent when only reading would tell.
  std::optional<std::uint64_t> rows_held_out;  ///< About so many of them.
  std::uint64_t sampled_rows = 0;
  std::uint64_t bad_rows = 0;  ///< Of the sample.
  double nonzeros_per_row = 0.0;
  std::uint64_t features = 0;  ///< Estimated distinct keys; of the sample where `rows` is absent.
  std::vector<ShownRow> first_rows;
  std::string task;
  std::string solver;
  std::uint64_t passes = 0;
  std::uint64_t minibatch = 0;  ///< Of an online solver.
  bool holds_rows = false;      ///< A batch solver's workers do.
  bool in_process = false;
  std::uint64_t servers = 0;
  std::uint64_t workers = 0;
  std::uint64_t shards = 0;
  std::uint64_t server_bytes = 0;  ///< Estimated memory of each server.
  std::uint64_t worker_bytes = 0;
  std::string model;
};

/// Rows that were generated from a planted model.
struct GeneratedReport {
  std::uint64_t rows = 0;
  std::uint64_t positive_rows = 0;
  std::optional<double> log_loss;  ///< Of the planted model on these rows.
};

/// Rows that were written in another format.
struct ConvertedReport {
  std::uint64_t rows = 0;
  std::uint64_t bad_rows = 0;
  std::string from;  ///< "csv".
  std::string to;
  std::string out;
};

/// One feature of a model.
struct FeatureReport {
  std::string name;  ///< The feature's name or id.
  Key key = 0;
  double weight = 0.0;
};

/// A saved model.
struct ModelReport {
  std::string model;
  std::string task;
  std::string solver;
  std::uint64_t rows = 0;  ///< Rows of the table, zeros included.
  std::uint64_t nonzeros = 0;
  bool keys_are_ids = false;
  bool has_names = false;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::pair<std::string, double>> metrics;
  std::vector<FeatureReport> top;
};

std::string ErrorJson(int code, std::string_view message, std::string_view where);
std::string TrainJson(const TrainReport& report);
std::string EvaluationJson(const EvaluationReport& report);
std::string ModelJson(const ModelReport& report);
std::string DryRunJson(const DryRunReport& report);
std::string GeneratedJson(const GeneratedReport& report);
std::string ConvertedJson(const ConvertedReport& report);

/// Lines for people, each with its line feed.
std::string TrainText(const TrainReport& report);
std::string EvaluationText(const EvaluationReport& report);
std::string ModelText(const ModelReport& report);
std::string DryRunText(const DryRunReport& report);
std::string GeneratedText(const GeneratedReport& report);
std::string ConvertedText(const ConvertedReport& report);

/// 1234567 -> "1,234,567".
std::string Grouped(std::uint64_t number);

/// "1 row", "2,000 rows", "3 passes".
std::string Counted(std::uint64_t count, std::string_view what);

/// 1536 -> "1.5 KB": powers of 1000, three digits at most.
std::string Bytes(std::uint64_t bytes);

/// 75.2 -> "1 min 15 s"; below ten seconds with one decimal.
std::string Seconds(double seconds);

/// PrintOut() as a command's last deed. Errors: kIoError.
Status PrintResult(std::string_view text);

/// Print `text` on standard output, all of it. A reader that went away (| head) is no failure.
/// @return false when standard output cannot be written (disk full); errno says why.
bool PrintOut(std::string_view text);

/// Where a worker is; what has no value yet is absent.
std::string WorkerProgressJson(const WorkerProgress& progress);
/// What the workers of a job answered, by number.
std::string AnswersJson(const std::vector<std::pair<std::uint32_t, std::string>>& answers);

}  // namespace steelyard::cli
