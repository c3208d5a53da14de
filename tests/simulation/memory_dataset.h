// MemoryDataset: rows drawn from a seed, cut and read like files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace steelyard::simulation {

/// What rows are drawn; equal rows for equal values.
struct MemoryRows {
  std::uint64_t seed = 1;
  std::uint64_t count = 4000;
  std::uint64_t features = 300;  ///< Distinct keys, spread over the key space.
  std::uint64_t per_row = 6;
};

/// Draw row `number`.
data::RowBlock DrawRows(const MemoryRows& rows, std::uint64_t first, std::uint64_t count);

/// Cut rows into shards of `rows_per_shard`.
std::vector<data::Shard> CutRows(const MemoryRows& rows, std::uint64_t rows_per_shard);

std::unique_ptr<data::Dataset> MakeMemoryDataset(const MemoryRows& rows);

}  // namespace steelyard::simulation
