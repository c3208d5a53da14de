// Copying rows between blocks.
#include "data/row_block.h"

#include <cstddef>

namespace steelyard::data {

void AppendRow(const RowBlock& from, std::size_t index, RowBlock& to) {
  const auto begin = static_cast<std::ptrdiff_t>(from.offsets[index]);
  const auto end = static_cast<std::ptrdiff_t>(from.offsets[index + 1]);
  if (!from.values.empty() && to.values.empty()) to.values.assign(to.keys.size(), 1.0F);
  if (!from.weights.empty() && to.weights.empty()) to.weights.assign(to.size(), 1.0F);
  if (!from.weights.empty() || !to.weights.empty()) to.weights.push_back(from.Weight(index));
  to.rows.push_back(from.rows[index]);
  to.labels.push_back(from.labels[index]);
  to.keys.insert(to.keys.end(), from.keys.begin() + begin, from.keys.begin() + end);
  if (!from.values.empty()) {
    to.values.insert(to.values.end(), from.values.begin() + begin, from.values.begin() + end);
  } else if (!to.values.empty()) {
    to.values.resize(to.keys.size(), 1.0F);
  }
  to.offsets.push_back(static_cast<std::uint32_t>(to.keys.size()));
}

}  // namespace steelyard::data
