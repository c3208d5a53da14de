// The push and pull benchmark: keys a second through a server process, beside the yardsticks.
#pragma once

#include <cstdint>
#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct PushPullOptions {
  std::uint64_t keys = 10'000'000;  ///< In the table, before the timing.
  std::size_t rounds = 5;           ///< Of each figure, in turns with its peers'.
};

/// One server process and one client process over TCP, FTRL, uniform requests, 16 in flight.
///
/// Run it in a process of one thread: servers are forked. The values of all contestants are compared first.
/// Errors: kCorruption  two contestants' values differ; kUnavailable  a server process ended.
Result<std::vector<BenchRow>> RunPushPull(const PushPullOptions& options);

}  // namespace steelyard::bench
