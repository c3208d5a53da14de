#include "worker_bench.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "child_server.h"
#include "table_contestant.h"

namespace steelyard::bench {
namespace {

constexpr std::array<std::size_t, 4> kWorkers{1, 4, 16, 64};
constexpr std::uint64_t kKeys = 100'000;
constexpr std::size_t kListKeys = 100;
constexpr std::size_t kMessages = 16'384;  // Of all workers together.

using Servers = std::array<std::unique_ptr<ServedContestant>, kWorkers.size()>;

/// Microseconds of the server's processor a message, one value a round, for each number of workers.
Result<std::array<std::vector<double>, kWorkers.size()>> Measure(const Servers& servers,
                                                                 const Load& load,
                                                                 std::size_t rounds) {
  std::array<std::vector<double>, kWorkers.size()> costs;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const double before = servers[i]->server().CpuSeconds();
      const auto seconds = servers[i]->Run(load);
      if (!seconds.ok()) return seconds.status();
      costs[i].push_back((servers[i]->server().CpuSeconds() - before) /
                         static_cast<double>(load.requests) * 1e6);
    }
  }
  return costs;
}

}  // namespace

Result<std::vector<BenchRow>> RunWorkers(const WorkerBenchOptions& options) {
  UpdaterOptions ftrl;
  ftrl.name = "ftrl";
  Servers servers;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    servers[i] = MakeTableContestant({.name = "bench", .updater = ftrl}, {.workers = kWorkers[i]});
  }
  PinToProcessor(1);
  const std::vector<KeyList> every = EveryKey(kKeys, kListKeys);
  for (const auto& server : servers) {
    const auto filled = server->Run({.lists = every, .requests = every.size()});
    if (!filled.ok()) return filled.status();
  }
  const auto lists = UniformLists(kKeys, kListKeys, 1'000, 13);
  std::vector<BenchRow> rows;
  for (const Load::Kind kind : {Load::Kind::kPush, Load::Kind::kPull}) {
    auto costs =
        Measure(servers, {.kind = kind, .lists = lists, .requests = kMessages}, options.rounds);
    if (!costs.ok()) return costs.status();
    for (std::size_t i = 0; i < servers.size(); ++i) {
      BenchRow& row = rows.emplace_back();
      row.name =
          fmt::format("{} of {} keys, {} worker{}", kind == Load::Kind::kPush ? "push" : "pull",
                      kListKeys, kWorkers[i], kWorkers[i] == 1 ? "" : "s");
      row.value = MedianOf(costs.value()[i]);
      row.unit = "us";
      row.spread = SpreadOf(costs.value()[i]);
      if (i == 0) continue;
      row.peer = "1 worker";
      row.peer_value = MedianOf(costs.value()[0]);
      row.target = 0.9;
    }
  }
  rows.push_back({.name = "memory of the server, each worker more",
                  .value = servers.back()->BytesPerWorker() / 1000,
                  .unit = "KB",
                  .peer = {},
                  .peer_value = {},
                  .target = {}});
  return rows;
}

}  // namespace steelyard::bench
