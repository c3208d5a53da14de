// The p50 of a round is the mean of its requests' times unless a request is timed alone: so each one is.
#include "latency_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bare_contestant.h"
#include "child_server.h"
#include "table_contestant.h"

namespace steelyard::bench {
namespace {

constexpr std::size_t kRequestsPerRound = 3'000;
constexpr std::size_t kKeys = 100'000;
constexpr runtime::Duration kSpin = std::chrono::microseconds(50);

struct Percentiles {
  double p50 = 0;
  double p99 = 0;
};

/// Microseconds of single requests.
Result<Percentiles> Measure(Contestant& contestant, const std::vector<KeyList>& lists) {
  std::vector<double> times;
  const auto seconds = contestant.Run({.kind = Load::Kind::kPush,
                                       .lists = lists,
                                       .requests = kRequestsPerRound,
                                       .in_flight = 1,
                                       .request_seconds = &times});
  if (!seconds.ok()) return seconds.status();
  std::ranges::sort(times);
  return Percentiles{.p50 = times[times.size() / 2] * 1e6,
                     .p99 = times[times.size() * 99 / 100] * 1e6};
}

}  // namespace

Result<std::vector<BenchRow>> RunLatency(const LatencyOptions& options) {
  UpdaterOptions ftrl;
  ftrl.name = "ftrl";
  std::vector<std::unique_ptr<Contestant>> contestants;
  const TableOptions table{.name = "bench", .updater = ftrl};
  for (const Wiring& wiring : {Wiring{}, Wiring{.unix_socket = true}, Wiring{.spin = kSpin},
                               Wiring{.unix_socket = true, .spin = kSpin}}) {
    contestants.push_back(MakeTableContestant(table, wiring));
  }
  contestants.push_back(MakeBareContestant(ftrl));
  const std::size_t bare = contestants.size() - 1;
  PinToProcessor(1);
  std::vector<BenchRow> rows;
  for (const std::size_t list_keys : {std::size_t{1}, std::size_t{100}}) {
    const auto lists = UniformLists(kKeys, list_keys, 1000, list_keys);
    std::vector<std::vector<double>> p50(contestants.size());
    std::vector<std::vector<double>> p99(contestants.size());
    for (std::size_t round = 0; round < options.rounds; ++round) {
      for (std::size_t i = 0; i < contestants.size(); ++i) {
        const auto measured = Measure(*contestants[i], lists);
        if (!measured.ok()) return measured.status();
        p50[i].push_back(measured.value().p50);
        p99[i].push_back(measured.value().p99);
      }
    }
    const std::string peer = "blocking TCP sockets";
    for (std::size_t i = 0; i < bare; ++i) {
      const std::string what = fmt::format("{} of {} keys", contestants[i]->name(), list_keys);
      rows.push_back({.name = what + ", p50",
                      .value = MedianOf(p50[i]),
                      .unit = "us",
                      .peer = peer,
                      .peer_value = MedianOf(p50[bare]),
                      .target = 1 / 1.1,
                      .spread = SpreadOf(p50[i])});
      rows.push_back({.name = what + ", p99",
                      .value = MedianOf(p99[i]),
                      .unit = "us",
                      .peer = peer,
                      .peer_value = MedianOf(p99[bare]),
                      .target = 0.5,
                      .spread = SpreadOf(p99[i])});
    }
  }
  return rows;
}

}  // namespace steelyard::bench
