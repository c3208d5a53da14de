#include "memory_dataset.h"

#include <algorithm>
#include <random>

#include "base/hash.h"

namespace steelyard::simulation {
namespace {

class MemoryReader final : public data::RowReader {
 public:
  MemoryReader(const MemoryRows& rows, const data::Shard& shard)
      : rows_(rows), next_(shard.first_row), end_(shard.first_row + shard.row_count) {}

  Status Read(std::size_t rows_max, data::RowBlock& block) override {
    const std::uint64_t count = std::min<std::uint64_t>(rows_max, end_ - next_);
    const data::RowBlock drawn = DrawRows(rows_, next_, count);
    for (std::size_t i = 0; i < drawn.size(); ++i) data::AppendRow(drawn, i, block);
    next_ += count;
    return {};
  }
  std::uint64_t bad_rows() const override { return 0; }
  std::vector<std::pair<Key, std::string>> TakeNames() override { return {}; }

 private:
  MemoryRows rows_;
  std::uint64_t next_;
  std::uint64_t end_;
};

class MemoryDataset final : public data::Dataset {
 public:
  explicit MemoryDataset(const MemoryRows& rows) : rows_(rows) {}
  const std::vector<std::string>& files() const override { return files_; }
  data::Format format() const override { return data::Format::kLibsvm; }
  bool keys_are_ids() const override { return true; }
  Result<std::uint64_t> CountRows() override { return rows_.count; }
  Result<std::vector<data::Shard>> Cut(std::uint64_t rows_per_shard) override {
    return CutRows(rows_, rows_per_shard);
  }
  Result<std::unique_ptr<data::RowReader>> Open(const data::Shard& shard) override {
    return std::unique_ptr<data::RowReader>(std::make_unique<MemoryReader>(rows_, shard));
  }

 private:
  MemoryRows rows_;
  std::vector<std::string> files_ = {"memory"};
};

}  // namespace

data::RowBlock DrawRows(const MemoryRows& rows, std::uint64_t first, std::uint64_t count) {
  data::RowBlock block;
  for (std::uint64_t row = first; row < first + count; ++row) {
    std::mt19937_64 random(rows.seed * 1'000'003 + row);
    block.rows.push_back(row);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < rows.per_row; ++i) {
      // The smaller of two draws: low ids are popular.
      const std::uint64_t id = std::min(random() % rows.features, random() % rows.features);
      sum += id % 7;
      block.keys.push_back(KeyOfId(id));
    }
    block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
    block.labels.push_back(sum + random() % 6 > 3 * rows.per_row ? 1.0F : 0.0F);
  }
  return block;
}

std::vector<data::Shard> CutRows(const MemoryRows& rows, std::uint64_t rows_per_shard) {
  std::vector<data::Shard> shards;
  for (std::uint64_t first = 0; first < rows.count; first += rows_per_shard) {
    shards.push_back({.file = 0,
                      .first_byte = 0,
                      .byte_count = 0,
                      .first_row = first,
                      .row_count = std::min(rows_per_shard, rows.count - first)});
  }
  return shards;
}

std::unique_ptr<data::Dataset> MakeMemoryDataset(const MemoryRows& rows) {
  return std::make_unique<MemoryDataset>(rows);
}

}  // namespace steelyard::simulation
