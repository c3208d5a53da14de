// Runs in turns, answers compared before anything is handed out.
#include "paper_bench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

#include "bench_row.h"

namespace steelyard::bench {
namespace {

constexpr double kTolerance = 1e-4;
constexpr std::uint64_t kWorkers = 3;
constexpr std::uint64_t kKeyBytes = 8;
constexpr std::uint64_t kWeightBytes = 4;
/// Gradient and curvature.
constexpr std::uint64_t kFloatsBytes = 8;
/// What a step of dbpg pushes of them.
constexpr std::uint64_t kPushedBytes = 6;
constexpr const char* kFtrlStacks[] = {"none", "key-cache", "key-cache,delta,zeros,lz4",
                                       "key-cache,delta,zeros,lz4,fixed:2",
                                       "key-cache,delta,zeros,lz4,fixed:1"};

using Flags = std::vector<std::string>;

/// What takes part in the comparison, and its runs so far.
struct Contestant {
  std::string name;
  Flags flags;
  bool certifies = true;
  std::vector<PaperRun> runs = {};
};

/// The systems, then ours with each delay and with rows that stay where they are: what the delay alone does.
constexpr std::size_t kSystems = 3;
std::vector<Contestant> Contestants(const std::vector<std::string>& delays) {
  std::vector<Contestant> all{
      {.name = "A", .flags = {"--solver", "owlqn"}, .certifies = false},
      {.name = "B", .flags = {"--solver", "dbpg", "--tau", "0", "--filters", "none"}},
      {.name = "ours", .flags = {"--solver", "dbpg"}},
      {.name = "tau 0", .flags = {"--solver", "dbpg", "--tau", "0"}}};
  for (const std::string& tau : delays) {
    if (tau == "0") continue;
    all.push_back(
        {.name = "tau " + tau, .flags = {"--solver", "dbpg", "--tau", tau, "--rebalance", "off"}});
  }
  return all;
}

/// The round of median time, with the spread of all.
PaperRun Median(std::vector<PaperRun> rounds) {
  std::ranges::sort(rounds, {}, [](const PaperRun& run) { return run.report.seconds; });
  std::vector<double> seconds;
  for (const PaperRun& run : rounds) seconds.push_back(run.report.seconds);
  PaperRun& median = rounds[rounds.size() / 2];
  median.spread = SpreadOf(seconds);
  return std::move(median);
}

class PaperBench {
 public:
  PaperBench(const PaperOptions& options, const PaperWorld& world)
      : options_(options),
        world_(world),
        contestants_(Contestants(options.delays)),
        runs_total_(contestants_.size() * options.rounds + std::size(kFtrlStacks)) {}

  Result<PaperFigures> Run() {
    SY_RETURN_IF_ERROR(FindData());
    for (std::uint64_t round = 0; round < options_.rounds; ++round) {
      for (Contestant& contestant : contestants_) SY_RETURN_IF_ERROR(Solve(contestant));
    }
    PaperFigures figures = FiguresOfSolvers();
    SY_RETURN_IF_ERROR(CompareDbpg(figures));
    SY_RETURN_IF_ERROR(CompareFtrl(figures));
    return figures;
  }

 private:
  Status FindData() {
    data_ = options_.data;
    if (!data_.empty()) return {};
    data_ = options_.scratch + "/rows.svm";
    described_ = fmt::format("datagen --rows {} --features {}", options_.rows, options_.features);
    world_.say(described_);
    const Result<std::string> made =
        world_.run({"datagen", "--rows", std::to_string(options_.rows), "--features",
                    std::to_string(options_.features), "--out", data_, "--quiet"},
                   nullptr);
    return made.ok() ? Status() : made.status();
  }

  Result<TrainingReport> Train(const std::string& name, const Flags& flags, std::uint64_t* stops) {
    world_.say(
        fmt::format("{} of {}: {}, {}", ++runs_begun_, runs_total_, name, fmt::join(flags, " ")));
    std::vector<std::string> arguments{
        "train", data_, "--servers", "1", "--workers", std::to_string(kWorkers), "--threads", "1"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(),
                     {"--model", options_.scratch + "/model", "--json", "--quiet"});
    const Result<std::string> printed = world_.run(arguments, stops);
    if (!printed.ok()) return printed.status();
    return ParseTrainingReport(printed.value());
  }

  Status Solve(Contestant& contestant) {
    Flags flags = contestant.flags;
    flags.insert(flags.end(), {"--l1", options_.l1, "--tolerance", fmt::format("{}", kTolerance)});
    PaperRun run{.name = contestant.name,
                 .flags = fmt::format("{}", fmt::join(contestant.flags, " ")),
                 .report = {}};
    Result<TrainingReport> report = Train(contestant.name, flags, &run.stops);
    if (!report.ok()) return report.status();
    run.report = std::move(report.value());
    if (contestant.certifies && !run.report.certified) {
      return Status(StatusCode::kCorruption, "its end is not certified to be the optimum",
                    "train " + run.flags);
    }
    if (run.stops == 0) {
      return Status(StatusCode::kInvalidArgument,
                    "the run was over before its straggler was stopped once; take more rows",
                    "train " + run.flags);
    }
    contestant.runs.push_back(std::move(run));
    return {};
  }

  double BestObjective() const {
    double best = INFINITY;
    for (const Contestant& contestant : contestants_) {
      for (const PaperRun& run : contestant.runs) best = std::min(best, run.report.objective);
    }
    return best;
  }

  PaperFigures FiguresOfSolvers() const {
    PaperFigures figures{.data = options_.data.empty() ? described_ : data_,
                         .tolerance = kTolerance,
                         .workers = kWorkers,
                         .rounds = options_.rounds,
                         .best_objective = BestObjective(),
                         .systems = {},
                         .delays = {},
                         .dbpg = {},
                         .ftrl = {}};
    std::from_chars(options_.l1.data(), options_.l1.data() + options_.l1.size(), figures.l1);
    for (const Contestant& contestant : contestants_) {
      auto& runs = figures.systems.size() < kSystems ? figures.systems : figures.delays;
      runs.push_back(Median(contestant.runs));
    }
    return figures;
  }

  static Status CompareDbpg(PaperFigures& figures) {
    const TrainingReport& unfiltered = figures.systems[1].report;
    const TrainingReport& filtered = figures.delays[0].report;
    const auto kkt = std::ranges::find(filtered.filtered_bytes, "kkt",
                                       &std::pair<std::string, std::uint64_t>::first);
    if (kkt == filtered.filtered_bytes.end())
      return Status(StatusCode::kBadData, "train --solver dbpg reports no filter kkt");
    // The filter was given every worker's features in every pass.
    const std::uint64_t sent = kkt->second / kPushedBytes;
    figures.dbpg = {{"dbpg", "key and value pairs", sent * (kKeyBytes + kFloatsBytes),
                     sent * (kKeyBytes + kWeightBytes)},
                    {"dbpg", "keys sent once", unfiltered.pushed_bytes, unfiltered.pulled_bytes},
                    {"dbpg", "keys sent once, kkt", filtered.pushed_bytes, filtered.pulled_bytes}};
    return {};
  }

  Status CompareFtrl(PaperFigures& figures) {
    for (const char* const stack : kFtrlStacks) {
      const Result<TrainingReport> report = Train("traffic", {"--filters", stack}, nullptr);
      if (!report.ok()) return report.status();
      figures.ftrl.push_back(
          {"ftrl", stack, report.value().pushed_bytes, report.value().pulled_bytes});
    }
    return {};
  }

  const PaperOptions& options_;
  const PaperWorld& world_;
  std::vector<Contestant> contestants_;
  std::size_t runs_total_;
  std::size_t runs_begun_ = 0;
  std::string data_;
  std::string described_;
};

}  // namespace

Result<PaperFigures> RunPaper(const PaperOptions& options, const PaperWorld& world) {
  return PaperBench(options, world).Run();
}

}  // namespace steelyard::bench
