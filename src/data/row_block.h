// RowBlock: parsed rows in compressed sparse row form; what readers produce and learners consume.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::data {

/// n rows, nnz features. Row i's features are [offsets[i], offsets[i + 1]) of keys and values, in file order.
struct RowBlock {
  std::vector<std::uint64_t>
      rows;  ///< [n] 0-based number of each row in the whole input, increasing.
  std::vector<float>
      labels;  ///< [n] as the learner wants them (0/1 for logistic); NaN when absent.
  std::vector<float> weights;             ///< [n] importance; empty when every row weighs 1.
  std::vector<std::uint32_t> offsets{0};  ///< [n + 1]
  std::vector<Key> keys;                  ///< [nnz]
  std::vector<float> values;              ///< [nnz]; empty when every value is 1.

  std::size_t size() const { return rows.size(); }
  bool empty() const { return rows.empty(); }
  std::span<const Key> RowKeys(std::size_t i) const {
    return std::span<const Key>(keys).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
  float Value(std::size_t index) const { return values.empty() ? 1.0F : values[index]; }
  float Weight(std::size_t i) const { return weights.empty() ? 1.0F : weights[i]; }
  void Clear() {
    rows.clear();
    labels.clear();
    weights.clear();
    offsets.assign(1, 0);
    keys.clear();
    values.clear();
  }
};

/// Append row `index` of `from` to `to`.
void AppendRow(const RowBlock& from, std::size_t index, RowBlock& to);

}  // namespace steelyard::data
