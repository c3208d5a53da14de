// Reading whole datasets in tests.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/row_block.h"

namespace steelyard::data {

struct ReadOutcome {
  Status status;
  RowBlock rows;
  std::uint64_t bad_rows = 0;
  std::vector<std::pair<Key, std::string>> names;
};

/// Read one shard, `rows_max` rows at a time.
ReadOutcome ReadShard(Dataset& dataset, const Shard& shard, std::size_t rows_max);

/// Read all shards of a fresh dataset; the first error ends it.
ReadOutcome ReadAll(const DatasetOptions& options, std::uint64_t rows_per_shard,
                    std::size_t rows_max = 100);

DatasetOptions OptionsFor(std::vector<std::string> paths);

/// 1 to 50 rows of up to 4 features, numbered from `first_row`.
RowBlock RandomBlock(std::mt19937_64& random, std::uint64_t first_row, bool with_values);

void ExpectSameRows(const RowBlock& a, const RowBlock& b);

}  // namespace steelyard::data
