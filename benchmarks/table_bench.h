// The table benchmark: FTRL updates and pulls of one thread on the hash table, beside general hash maps.
#pragma once

#include <cstdint>
#include <vector>

#include "bench_row.h"
#include "steelyard/status.h"

namespace steelyard::bench {

struct TableBenchOptions {
  std::uint64_t keys = 10'000'000;
  std::size_t rounds = 5;
};

/// Requests of 100,000 sorted keys, uniform and repeated. Errors: kCorruption  two tables' values differ.
Result<std::vector<BenchRow>> RunTable(const TableBenchOptions& options);

}  // namespace steelyard::bench
