// The paper's comparison: batch solvers with a straggler, the delay, the filters.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "steelyard/status.h"
#include "training_report.h"

namespace steelyard::bench {

struct PaperOptions {
  std::string data = {};  ///< A file; empty: rows are generated.
  std::uint64_t rows = 50'000;
  std::uint64_t features = 50'000;
  std::string l1 = "4";
  std::vector<std::string> delays = {"0", "1", "2", "4", "8", "16"};  ///< Beside 0.
  std::uint64_t rounds =
      1;                ///< Each run is repeated so often, in turns; that of median time counts.
  std::string scratch;  ///< A folder for rows and models.
};

/// What the benchmark does to the world around it.
struct PaperWorld {
  /// Run `steelyard ARGUMENTS...` to its end and return what it printed on standard output.
  ///
  /// @param stops  if not null, its first worker, the straggler, is stopped half of the time: 20 ms stopped, 20 ms running;
  ///               set to how often.
  using RunCommand = std::function<Result<std::string>(const std::vector<std::string>& arguments,
                                                       std::uint64_t* stops)>;
  RunCommand run;
  /// Told what is being done: "3 of 15: ours, --solver dbpg".
  std::function<void(const std::string& what)> say;
};

/// A solver with its flags, and what came of it.
struct PaperRun {
  std::string name;   ///< "A", "B", "ours", "tau 4".
  std::string flags;  ///< "--solver dbpg --tau 4".
  TrainingReport report;
  double spread = 0.0;      ///< Of the rounds' seconds: (largest - smallest) / median.
  std::uint64_t stops = 0;  ///< Of the straggler.
};

/// What was sent with a stack of filters, over a whole run.
struct PaperTraffic {
  std::string solver;
  std::string stack;
  std::uint64_t workers_bytes = 0;  ///< Sent by all workers.
  std::uint64_t servers_bytes = 0;
};

struct PaperFigures {
  std::string data;
  double l1 = 0.0;
  double tolerance = 0.0;
  std::uint64_t workers = 0;
  std::uint64_t rounds = 0;
  double best_objective = 0.0;    ///< Of all runs.
  std::vector<PaperRun> systems;  ///< A, B, ours.
  std::vector<PaperRun> delays;   ///< Ours with each delay, and rows that stay; the first is 0.
  std::vector<PaperTraffic>
      dbpg;  ///< First with a key beside the values of every feature, in every block and pass.
  std::vector<PaperTraffic> ftrl;  ///< First without filters.

  /// How far above the best objective a run ended, relative.
  double AboveBest(const PaperRun& run) const { return run.report.objective / best_objective - 1; }
};

/// One server and three workers as processes. Batch solvers have a straggler and stop at a tolerance of 1e-4:
///   A     owlqn, quasi-Newton, sequential
///   B     dbpg with tau 0 and without a filter
///   ours  dbpg as it is by default: the straggler gives rows away
///   and dbpg with each of the delays, without that.
/// Final objectives are compared: what ends further from the best than the tolerance is said, not refused. dbpg's must be
/// certified. Then traffic: dbpg with tau 0, which
/// sends the same bytes in every run, without its filter (B) and with it, beside key and value pairs, which are computed: of
/// workers 8 bytes for the key and 8 for gradient and curvature of each of its features in each pass of the run with the
/// filter; of servers 8 for the key and 4 for the weight of each; and one pass of ftrl with stacks of filters.
///
/// Errors: kCorruption  an end is not certified; kInvalidArgument  the data is too small to have a
///         straggler; what `run` returns.
Result<PaperFigures> RunPaper(const PaperOptions& options, const PaperWorld& world);

}  // namespace steelyard::bench
