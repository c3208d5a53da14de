// The latency benchmark: one small push or pull at a time, beside a raw socket round trip.
#pragma once

#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct LatencyOptions {
  std::size_t rounds = 5;
};

/// Requests of 1 and 100 keys, one in flight, over TCP and a Unix socket. Errors: as RunPushPull().
Result<std::vector<BenchRow>> RunLatency(const LatencyOptions& options);

}  // namespace steelyard::bench
