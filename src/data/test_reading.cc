// Reading whole datasets in tests.
#include "data/test_reading.h"

#include <gtest/gtest.h>

namespace steelyard::data {

DatasetOptions OptionsFor(std::vector<std::string> paths) {
  DatasetOptions options;
  options.paths = std::move(paths);
  return options;
}

ReadOutcome ReadShard(Dataset& dataset, const Shard& shard, std::size_t rows_max) {
  ReadOutcome outcome;
  Result<std::unique_ptr<RowReader>> reader = dataset.Open(shard);
  if (!reader.ok()) {
    outcome.status = reader.status();
    return outcome;
  }
  for (;;) {
    const std::size_t before = outcome.rows.size();
    outcome.status = reader.value()->Read(rows_max, outcome.rows);
    outcome.bad_rows = reader.value()->bad_rows();
    for (auto& name : reader.value()->TakeNames()) outcome.names.push_back(std::move(name));
    EXPECT_LE(outcome.rows.size(), before + rows_max);
    if (!outcome.status.ok() || outcome.rows.size() == before) return outcome;
  }
}

ReadOutcome ReadAll(const DatasetOptions& options, std::uint64_t rows_per_shard,
                    std::size_t rows_max) {
  ReadOutcome all;
  Result<std::unique_ptr<Dataset>> dataset = OpenDataset(options);
  if (!dataset.ok()) {
    all.status = dataset.status();
    return all;
  }
  const Result<std::vector<Shard>> shards = dataset.value()->Cut(rows_per_shard);
  if (!shards.ok()) {
    all.status = shards.status();
    return all;
  }
  for (const Shard& shard : shards.value()) {
    ReadOutcome one = ReadShard(*dataset.value(), shard, rows_max);
    all.status = one.status;
    all.bad_rows += one.bad_rows;
    for (std::size_t i = 0; i < one.rows.size(); ++i) AppendRow(one.rows, i, all.rows);
    for (auto& name : one.names) all.names.push_back(std::move(name));
    if (!one.status.ok()) break;
  }
  return all;
}

RowBlock RandomBlock(std::mt19937_64& random, std::uint64_t first_row, bool with_values) {
  RowBlock block;
  const std::size_t rows = 1 + random() % 50;
  for (std::size_t i = 0; i < rows; ++i) {
    block.rows.push_back(first_row + i);
    block.labels.push_back(static_cast<float>(random() % 2));
    if (with_values) block.weights.push_back(static_cast<float>(random() % 3));
    for (auto features = random() % 5; features > 0; --features) {
      block.keys.push_back(random());
      if (with_values) block.values.push_back(static_cast<float>(random() % 10));
    }
    block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
  }
  return block;
}

void ExpectSameRows(const RowBlock& a, const RowBlock& b) {
  ASSERT_EQ(a.rows, b.rows);
  ASSERT_EQ(a.labels, b.labels);
  ASSERT_EQ(a.weights, b.weights);
  ASSERT_EQ(a.offsets, b.offsets);
  ASSERT_EQ(a.keys, b.keys);
  ASSERT_EQ(a.values, b.values);
}

}  // namespace steelyard::data
