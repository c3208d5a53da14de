// steelyard bench: figures of this machine beside those of peers and limits measured in the same run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/near_miss.h"
#include "bench_paper.h"
#include "bench_row.h"
#include "command.h"
#include "filter_traffic_bench.h"
#include "growth_bench.h"
#include "latency_bench.h"
#include "output.h"
#include "push_pull_bench.h"
#include "table_bench.h"
#include "worker_bench.h"

namespace steelyard::cli {
namespace {

constexpr std::array<std::string_view, 7> kNames{"filters",   "growth", "latency", "paper",
                                                 "push-pull", "table",  "workers"};

Result<std::vector<bench::BenchRow>> RunBench(const std::string& name, std::uint64_t keys,
                                              std::uint64_t rounds) {
  if (name == "push-pull") return bench::RunPushPull({.keys = keys, .rounds = rounds});
  if (name == "latency") return bench::RunLatency({.rounds = rounds});
  if (name == "filters") return bench::RunFilterTraffic({.keys = keys});
  if (name == "growth") return bench::RunGrowth({.keys = keys});
  if (name == "table") return bench::RunTable({.keys = keys, .rounds = rounds});
  if (name == "workers") return bench::RunWorkers({.rounds = rounds});
  return Status(StatusCode::kInvalidArgument, fmt::format("no benchmark is called '{}' (known: {})",
                                                          name, fmt::join(kNames, ", ")) +
                                                  DidYouMean(name, kNames));
}

/// Refuse a flag of the other kind of benchmark.
Status CheckFlags(const Values& values) {
  const bool paper = values.Get("name") == "paper";
  if (paper && values.Has("keys")) {
    return Status(
        StatusCode::kInvalidArgument,
        "bench paper has no --keys; its size is that of --data, or --rows and --features");
  }
  for (const Option& option : PaperOptions()) {
    if (paper || !values.Has(option.name)) continue;
    return Status(StatusCode::kInvalidArgument, "--" + option.name + " is for bench paper");
  }
  return {};
}

Status Run(const Values& values) {
  SY_RETURN_IF_ERROR(CheckFlags(values));
  if (values.Get("name") == "paper") return RunBenchPaper(values);
  const auto keys = values.GetCount("keys", 10'000'000, 400'000'000);
  if (!keys.ok()) return keys.status();
  const auto rounds = values.GetCount("rounds", 5, 1000);
  if (!rounds.ok()) return rounds.status();
  if (keys.value() < 300'000 || rounds.value() == 0) {
    return Status(StatusCode::kInvalidArgument,
                  "bench needs --keys of at least 300000 and at least one round");
  }
  const auto rows = RunBench(values.Get("name"), keys.value(), rounds.value());
  if (!rows.ok()) return rows.status();
  const bool printed = PrintOut(values.Switch("json") ? bench::RowsJson(rows.value()) + "\n"
                                                      : bench::FormatRows(rows.value()));
  if (printed) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command BenchCommand() {
  std::vector<Option> options{
      {.name = "name",
       .value = "NAME",
       .help = fmt::format("one of {}", fmt::join(kNames, ", ")),
       .positional = true,
       .required = true},
      {.name = "keys",
       .value = "N",
       .help = "keys in the table",
       .range = "300000 to 400000000",
       .default_text = "10000000"},
      {.name = "rounds",
       .value = "N",
       .help = "times each figure is measured, in turns with its peers' (growth: once)",
       .default_text = "5; paper: 1"},
      {.name = "json", .help = "print one JSON array; paper: one object"}};
  std::ranges::move(PaperOptions(), std::back_inserter(options));
  return {
      .name = "bench",
      .summary = "Measure this machine beside peers and limits",
      .options = std::move(options),
      .examples = {"steelyard bench push-pull", "steelyard bench table --json",
                   "steelyard bench paper --out pictures"},
      .notes =
          "Figures are medians of the rounds; a ratio above 1 is better than the peer. Compare\n"
          "ratios, not figures: machines are shared and their speed changes by the minute.\n\n"
          "paper trains with one server and three workers, the first of them stopped half of the\n"
          "time, and compares A (owlqn, sequential), B (dbpg, sequential, no filter) and ours "
          "(dbpg),\n"
          "dbpg with each delay, and what filters leave of the traffic. It takes minutes.",
      .run = Run};
}

}  // namespace steelyard::cli
