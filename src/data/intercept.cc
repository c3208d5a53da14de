// Rows are read as they are, then moved apart to make room for one more feature each.
#include "data/intercept.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "data/wrapped_dataset.h"

namespace steelyard::data {
namespace {

/// Give the rows from `first_row` on their last feature.
void AppendToRows(RowBlock& block, std::size_t first_row) {
  const std::size_t added = block.size() - first_row;
  const bool has_values = !block.values.empty();
  block.keys.resize(block.keys.size() + added);
  if (has_values) block.values.resize(block.keys.size());
  // From the last row to the first, so that nothing is overwritten before it has moved.
  for (std::size_t row = block.size(); row > first_row; --row) {
    const std::size_t shift = row - 1 - first_row;
    const auto first = static_cast<std::ptrdiff_t>(block.offsets[row - 1]);
    const auto end = static_cast<std::ptrdiff_t>(block.offsets[row]);
    const auto to = end + static_cast<std::ptrdiff_t>(shift);
    const auto move_up = [&](auto& entries, auto last) {
      std::move_backward(entries.begin() + first, entries.begin() + end, entries.begin() + to);
      entries[static_cast<std::size_t>(to)] = last;
    };
    move_up(block.keys, kInterceptKey);
    if (has_values) move_up(block.values, 1.0F);
    block.offsets[row] += static_cast<std::uint32_t>(shift + 1);
  }
}

class InterceptReader final : public RowReader {
 public:
  InterceptReader(std::unique_ptr<RowReader> reader, std::string file, bool ids)
      : reader_(std::move(reader)), file_(std::move(file)), ids_(ids) {}

  Status Read(std::size_t rows_max, RowBlock& block) override {
    const std::size_t first_row = block.size();
    SY_RETURN_IF_ERROR(reader_->Read(rows_max, block));
    const auto first = block.keys.begin() + static_cast<std::ptrdiff_t>(block.offsets[first_row]);
    const auto taken = std::find(first, block.keys.end(), kInterceptKey);
    if (taken != block.keys.end()) return Taken(block, taken - block.keys.begin());
    AppendToRows(block, first_row);
    return {};
  }
  std::uint64_t bad_rows() const override { return reader_->bad_rows(); }
  std::vector<std::pair<Key, std::string>> TakeNames() override { return reader_->TakeNames(); }

 private:
  Status Taken(const RowBlock& block, std::ptrdiff_t at) const {
    const auto after = std::ranges::upper_bound(block.offsets, static_cast<std::uint32_t>(at)) - 1;
    const std::uint64_t row = block.rows[static_cast<std::size_t>(after - block.offsets.begin())];
    const std::string feature =
        ids_ ? fmt::format("feature {}", kInterceptId)
             : fmt::format("a feature whose name has the key {}", kInterceptKey);
    return {
        StatusCode::kBadData,
        fmt::format("row {} (the first is 0) has {}, which is the intercept's own; give it another "
                    "or leave --intercept out",
                    row, feature),
        file_};
  }

  std::unique_ptr<RowReader> reader_;
  std::string file_;
  bool ids_;
};

class InterceptDataset final : public WrappedDataset {
 public:
  using WrappedDataset::WrappedDataset;

  Result<std::unique_ptr<RowReader>> Open(const Shard& shard) override {
    auto reader = dataset()->Open(shard);
    if (!reader.ok()) return reader;
    const bool named = shard.file < files().size();
    return std::unique_ptr<RowReader>(std::make_unique<InterceptReader>(
        std::move(reader.value()), named ? files()[shard.file] : std::string(), keys_are_ids()));
  }
};

}  // namespace

std::unique_ptr<Dataset> WithIntercept(std::unique_ptr<Dataset> dataset) {
  return std::make_unique<InterceptDataset>(std::move(dataset));
}

}  // namespace steelyard::data
