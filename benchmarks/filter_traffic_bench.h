// The traffic benchmark of filters: bytes a key between a client and a server, with filters beside none.
#pragma once

#include <cstdint>
#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct FilterTrafficOptions {
  std::uint64_t keys = 10'000'000;  ///< That lists are drawn from.
};

/// One server process and one client process over TCP, a table that adds, lists of 10,000 and 100,000 keys: the same
/// ones again and again, or new ones. Frames are counted whole, requests and answers. The values of all contestants are
/// compared first. Bytes do not depend on the machine.
///
/// Run it in a process of one thread: servers are forked.
/// Errors: kCorruption  two contestants' values differ; kUnavailable  a server process ended.
Result<std::vector<BenchRow>> RunFilterTraffic(const FilterTrafficOptions& options);

}  // namespace steelyard::bench
