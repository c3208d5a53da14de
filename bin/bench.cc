// steelyard bench: figures of this machine beside those of peers and limits measured in the same run.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/near_miss.h"
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

constexpr std::array<std::string_view, 6> kNames{"filters",   "growth", "latency",
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

Status Run(const Values& values) {
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
  return {
      .name = "bench",
      .summary = "Measure this machine beside peers and limits",
      .options = {{.name = "name",
                   .value = "NAME",
                   .help = "filters, growth, latency, push-pull, table or workers",
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
                   .default_text = "5"},
                  {.name = "json", .help = "print one JSON array"}},
      .examples = {"steelyard bench push-pull", "steelyard bench table --json"},
      .notes =
          "Figures are medians of the rounds; a ratio above 1 is better than the peer. Compare\n"
          "ratios, not figures: machines are shared and their speed changes by the minute.",
      .run = Run};
}

}  // namespace steelyard::cli
