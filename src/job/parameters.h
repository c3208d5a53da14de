// TrainParameters: everything a training job can be told, and the one table from which flags, configuration keys,
// the job's frame and the reference page are made.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/byte_size.h"
#include "data/dataset.h"
#include "data/holdout.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "table/updater.h"

namespace steelyard::job {

enum class Task : std::uint8_t { kLogistic, kSquared, kHinge, kSquaredHinge };
enum class Solver : std::uint8_t { kFtrl, kSgd, kAdagrad, kAdam, kDbpg, kOwlqn };

/// In the order of help.
inline constexpr Solver kSolvers[] = {Solver::kFtrl, Solver::kSgd,  Solver::kAdagrad,
                                      Solver::kAdam, Solver::kDbpg, Solver::kOwlqn};

/// Does it go over all rows in each step of its own, instead of learning from one row after another?
constexpr bool IsBatch(Solver solver) {
  return solver == Solver::kDbpg || solver == Solver::kOwlqn;
}

/// Some of the solvers; by default all.
class SolverSet {
 public:
  constexpr SolverSet() = default;
  constexpr SolverSet(std::initializer_list<Solver> solvers) : bits_(0) {
    for (const Solver solver : solvers) bits_ |= BitOf(solver);
  }
  constexpr bool contains(Solver solver) const { return (bits_ & BitOf(solver)) != 0; }
  bool operator==(const SolverSet&) const = default;

 private:
  static constexpr std::uint32_t BitOf(Solver solver) {
    return 1U << static_cast<unsigned>(solver);
  }
  std::uint32_t bits_ = ~0U;
};

/// The updater of a batch solver's table.
constexpr std::string_view UpdaterOf(Solver solver) {
  return solver == Solver::kOwlqn ? table::kQuasiNewtonUpdater : table::kProximalUpdater;
}

/// The --filters of dbpg, which sends no keys: leave out settled features.
inline constexpr std::string_view kKktFilter = "kkt";

using data::HoldoutRule;

/// How many rows may be refused before the job fails: a number, or a share of the rows read.
struct BadRowsLimit {
  std::uint64_t rows = 0;
  double percent = 0.0;
  bool operator==(const BadRowsLimit&) const = default;
};

/// How many steps a worker may be ahead of the slowest one.
struct Delay {
  static constexpr Step kInfinite = std::numeric_limits<Step>::max();
  Step steps = 1;          ///< The first, when automatic.
  bool automatic = false;  ///< The scheduler changes it as the job goes.
  bool operator==(const Delay&) const = default;
};

/// TrainParameters::cache where rows are parsed in every pass.
inline constexpr std::string_view kNoCache = "none";
/// TrainParameters::rebalance.
inline constexpr std::string_view kRebalances[] = {"auto", "on", "off"};

/// The specification of one training job. Plain values with the command line's defaults.
struct TrainParameters {
  // Data
  std::vector<std::string> data;   ///< Files or globs in input order; "-" is standard input.
  std::vector<std::string> valid;  ///< Held-out rows in files of their own; excludes `holdout`.
  HoldoutRule holdout;
  data::Format format = data::Format::kAuto;
  std::string schema;       ///< The schema file's path, for messages.
  std::string schema_text;  ///< Its content; read by whoever submits the job, travels with it.
  std::string label;        ///< "> 15", ">= 1", "== 2", "!= 0"; empty: labels as they are.
  std::string weight;       ///< Column of importance weights; empty: every row weighs 1.
  BadRowsLimit bad_rows_max;
  bool keep_names = false;
  std::string cache{kNoCache};  ///< Folder for parsed rows, on the worker's machine.

  // Learning
  Task task = Task::kLogistic;
  Solver solver = Solver::kFtrl;
  std::uint64_t passes = 1;
  std::uint64_t minibatch = 0;  ///< Rows; 0: what suits the number of workers.
  double alpha = 0.1;
  double beta = 1.0;
  double l1 = 1.0;
  double l2 = 0.0;
  bool intercept = false;
  double tolerance =
      0.0;  ///< Stop after a pass whose held-out loss improved by less than this share; 0: never.
  std::uint64_t seed = 1;
  std::string init;  ///< Directory of the model to continue from; empty: from nothing.

  // Processes
  Delay tau;
  bool aggregate = false;        ///< Servers apply the sum of a step's pushes, once.
  std::string filters = "none";  ///< As filter::ParseFilterList() reads it.
  std::string rebalance{
      kRebalances[0]};        ///< May a slow worker of a batch solver give rows to others?
  std::uint64_t servers = 0;  ///< 0: everything in the calling process.
  std::uint64_t workers = 0;  ///< 0: everything in the calling process.
  std::uint64_t threads =
      0;  ///< Of each process that works; 0: as many as processors it may use. Stays with the caller.
  ByteSize
      memory_max;  ///< Of the tables of all servers of this command; 0: by default. Stays with the caller.
  std::string cluster;  ///< Address of a running head; empty: none.
  bool detach = false;  ///< Leave the job to the cluster.

  // Output
  std::string model = "./steelyard-model";
  bool json = false;     ///< Stays with the caller; not part of the job.
  bool quiet = false;    ///< Likewise.
  std::string config;    ///< Likewise.
  bool dry_run = false;  ///< Likewise.

  bool operator==(const TrainParameters&) const = default;

  /// Where a solver's defaults differ from the others', they are set.
  static TrainParameters DefaultsOf(Solver solver);

  /// True when the caller's process does everything.
  bool in_process() const { return servers == 0 && workers == 0 && cluster.empty(); }
  std::uint64_t server_count() const { return servers == 0 ? 1 : servers; }
  std::uint64_t worker_count() const { return workers == 0 ? 1 : workers; }
  /// Rows per pull and push. One worker learns the same at any size, but for rounding, and a large one costs less a row;
  /// several learn from rows that are tau minibatches old, so theirs are smaller.
  std::uint64_t minibatch_rows(std::uint64_t of_workers) const {
    if (minibatch != 0) return minibatch;
    return of_workers == 1 ? 512 : 128;
  }
  /// May rows of a batch solver move between workers? Unless told, not where the same bits are promised in every run.
  bool moves_rows() const;
  bool has_validation() const { return !valid.empty() || holdout.kind != HoldoutRule::Kind::kNone; }
};

/// Return the name as typed and shown: "squared_hinge".
std::string_view TaskName(Task task);
std::string_view SolverName(Solver solver);
std::string_view FormatName(data::Format format);
/// One row of the table.
struct Parameter {
  /// Where the value lives; its type says how text becomes a value.
  using Field = std::variant<bool TrainParameters::*, std::uint64_t TrainParameters::*,
                             double TrainParameters::*, std::string TrainParameters::*,
                             std::vector<std::string> TrainParameters::*, Task TrainParameters::*,
                             Solver TrainParameters::*, data::Format TrainParameters::*,
                             HoldoutRule TrainParameters::*, BadRowsLimit TrainParameters::*,
                             Delay TrainParameters::*, ByteSize TrainParameters::*>;
  /// Where a parameter may be said and whether the job carries it.
  enum class Scope : std::uint8_t {
    kJob,    ///< Flag, configuration key, and part of the job.
    kLocal,  ///< Flag and configuration key; concerns the caller's own output only.
    kFlag,   ///< Flag only.
    kFrame,  ///< Part of the job only; no flag.
  };
  /// The numbers accepted.
  struct Bounds {
    double min = 0.0;
    double max = std::numeric_limits<double>::infinity();
    bool min_excluded = false;
    bool max_excluded = false;
  };

  std::string_view
      name{};  ///< "bad-rows-max": the flag is "--bad-rows-max", the configuration key the same word.
  std::string_view value{};  ///< What stands for the value in help: "N|P%"; empty for a switch.
  std::string_view group{};  ///< Heading in help and in the reference page.
  Field field{};
  Bounds bounds{};
  Scope scope = Scope::kJob;
  bool positional = false;  ///< Given without a flag (DATA...).
  std::string_view
      default_note{};   ///< Shown instead of the default's text where that says too little.
  SolverSet solvers{};  ///< Those that look at it; it is refused beside the others.
  std::string_view
      elsewhere{};             ///< The value that the others have, and take; empty: they take none.
  std::string_view why_not{};  ///< Why the others do without, for the refusal.
  std::string_view help{};     ///< One line.
};

/// Every parameter, in the order of help; the entries live as long as the program.
std::span<const Parameter> TrainParameterTable();

/// Return the entry called `name`, or nullptr.
const Parameter* FindTrainParameter(std::string_view name);

/// The names that a person may type, for near-miss messages.
std::span<const std::string_view> TrainParameterNames();

/// Set `parameter` from text. Lists grow by one element; a switch takes "true" or "false".
/// Errors: kInvalidArgument  not a number, out of range, not one of the choices; the message names the flag.
Status SetParameter(const Parameter& parameter, std::string_view text, TrainParameters& parameters);

/// Return the value as text that SetParameter() accepts: one element, or one per element of a list.
std::vector<std::string> GetParameter(const Parameter& parameter,
                                      const TrainParameters& parameters);

/// Return the accepted values as help shows them: "> 0", "1 to 1024", "ftrl | sgd | adagrad"; may be empty.
std::string ParameterRange(const Parameter& parameter);

/// Return the default as help shows it; empty when there is none.
std::string ParameterDefault(const Parameter& parameter);

/// Return which solvers a parameter is for, as help shows it: "ftrl, adagrad only", "not adam"; empty: all.
std::string ParameterSolvers(const Parameter& parameter);

/// Check that the solver looks at a parameter that was said, or does what was said anyway.
/// Errors: kInvalidArgument  it would have no effect; the message says why, and which solvers it is for.
Status CheckConcerns(const Parameter& parameter, const TrainParameters& parameters);

/// Check what no single parameter can: no data, --valid with --holdout, standard input read twice.
/// Errors: kInvalidArgument.
Status ValidateTrainParameters(const TrainParameters& parameters);

/// A parameter's name and one value, as a job's frame carries them. A list is several pairs of one name.
using ParameterPair = std::pair<std::string, std::string>;

/// Return the job's pairs: every value that differs from its default, in table order.
std::vector<ParameterPair> ToPairs(const TrainParameters& parameters);

/// Rebuild and validate a job's parameters from pairs that came from elsewhere.
/// Errors: kInvalidArgument  an unknown or repeated name, a bad value, or ValidateTrainParameters() refuses.
Result<TrainParameters> FromPairs(std::span<const ParameterPair> pairs);

}  // namespace steelyard::job
