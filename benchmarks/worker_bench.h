// The workers benchmark: what a message costs a server that one worker talks to, or many.
#pragma once

#include <cstddef>
#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct WorkerBenchOptions {
  std::size_t rounds = 5;
};

/// Processor time of one server a message, with 1, 4, 16 and 64 workers of one group over TCP: pushes and pulls of 100
/// keys, 16 of each worker in flight; and what a worker takes of the server's memory by attaching.
///
/// Run it in a process of one thread: servers are forked. All workers share one loop of the calling thread.
/// Errors: kUnavailable  a server process ended.
Result<std::vector<BenchRow>> RunWorkers(const WorkerBenchOptions& options);

}  // namespace steelyard::bench
