#include "apps/linear/columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steelyard::apps::linear {

Columns Transpose(const RowsToTranspose& rows, std::size_t feature_count) {
  Columns columns;
  columns.row_count = rows.offsets.size() - 1;
  columns.starts.assign(feature_count + 1, 0);
  for (const std::uint32_t feature : rows.features) ++columns.starts[feature + 1];
  std::partial_sum(columns.starts.begin(), columns.starts.end(), columns.starts.begin());
  columns.rows.resize(rows.features.size());
  columns.values.resize(rows.values.size());
  columns.value_max.assign(feature_count, 0.0F);
  std::vector<double> coupling(feature_count, 0.0);
  std::vector<std::uint64_t> next(columns.starts.begin(), columns.starts.end() - 1);
  for (std::size_t row = 0; row < columns.row_count; ++row) {
    const auto value_at = [&](std::uint64_t i) {
      return rows.values.empty() ? 1.0F : rows.values[i];
    };
    double norm1 = 0.0;
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i)
      norm1 += std::fabs(value_at(i));
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
      const std::uint32_t feature = rows.features[i];
      const float size = std::fabs(value_at(i));
      const std::uint64_t to = next[feature]++;
      columns.rows[to] = static_cast<std::uint32_t>(row);
      if (!rows.values.empty()) columns.values[to] = rows.values[i];
      columns.value_max[feature] = std::max(columns.value_max[feature], size);
      coupling[feature] += size * norm1;
    }
  }
  columns.coupling.assign(coupling.begin(), coupling.end());
  return columns;
}

}  // namespace steelyard::apps::linear
