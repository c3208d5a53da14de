// The growth benchmark: one table that takes new keys in small pushes until it is large, and how long a push ever waits.
#pragma once

#include <cstdint>
#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct GrowthBenchOptions {
  std::uint64_t keys = 10'000'000;
};

/// FTRL pushes of 1,000 new sorted keys. The peer, whose memory is added to the table's, takes a tenth of the keys, with
/// its own longest push.
/// Errors: kCorruption  a key is missing in the end, or there are more than were pushed.
Result<std::vector<BenchRow>> RunGrowth(const GrowthBenchOptions& options);

}  // namespace steelyard::bench
