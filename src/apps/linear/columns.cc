#include "apps/linear/columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steelyard::apps::linear {
namespace {

constexpr std::size_t kPrefetchAhead = 32;

/// Fill in what bounds the second derivatives. @param norm1  [n] sum of each row's absolute values.
void AddBounds(std::span<const double> norm1, Columns& columns) {
  const std::size_t feature_count = columns.starts.size() - 1;
  columns.value_max.resize(feature_count);
  columns.coupling.resize(feature_count);
  for (std::size_t feature = 0; feature < feature_count; ++feature) {
    float value_max = 0.0F;
    double coupling = 0.0;
    for (std::uint64_t i = columns.starts[feature]; i < columns.starts[feature + 1]; ++i) {
      const float size = columns.values.empty() ? 1.0F : std::fabs(columns.values[i]);
      value_max = std::max(value_max, size);
      coupling += size * norm1[columns.rows[i]];
    }
    columns.value_max[feature] = value_max;
    columns.coupling[feature] = static_cast<float>(coupling);
  }
}

}  // namespace

Columns Transpose(const RowsToTranspose& rows, std::size_t feature_count) {
  Columns columns;
  columns.row_count = rows.offsets.size() - 1;
  columns.starts.assign(feature_count + 1, 0);
  for (const std::uint32_t feature : rows.features) ++columns.starts[feature + 1];
  std::partial_sum(columns.starts.begin(), columns.starts.end(), columns.starts.begin());
  columns.rows.resize(rows.features.size());
  columns.values.resize(rows.values.size());
  // An entry goes to a place of its own, which is seldom cached: nothing else is looked up there.
  std::vector<std::uint64_t> next(columns.starts.begin(), columns.starts.end() - 1);
  std::vector<double> norm1(columns.row_count, 0.0);
  for (std::size_t row = 0; row < columns.row_count; ++row) {
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
      if (i + kPrefetchAhead < rows.features.size())
        __builtin_prefetch(&next[rows.features[i + kPrefetchAhead]], 1);
      const std::uint64_t to = next[rows.features[i]]++;
      columns.rows[to] = static_cast<std::uint32_t>(row);
      if (!rows.values.empty()) columns.values[to] = rows.values[i];
      norm1[row] += rows.values.empty() ? 1.0 : std::fabs(rows.values[i]);
    }
  }
  AddBounds(norm1, columns);
  return columns;
}

Columns Join(const Columns& columns, std::size_t rows_kept,
             std::span<const std::uint32_t> feature_of, const Columns& more) {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::vector<std::uint32_t> old_of(more.size(), kNone);
  for (std::size_t i = 0; i < feature_of.size(); ++i)
    old_of[feature_of[i]] = static_cast<std::uint32_t>(i);
  const bool has_values = !columns.values.empty() || !more.values.empty();
  Columns joined;
  joined.row_count = rows_kept + more.row_count;
  joined.starts.reserve(more.size() + 1);
  std::vector<double> norm1(joined.row_count, 0.0);
  const auto append = [&](const Columns& from, std::uint64_t at, std::size_t row) {
    const float value = from.values.empty() ? 1.0F : from.values[at];
    joined.rows.push_back(static_cast<std::uint32_t>(row));
    if (has_values) joined.values.push_back(value);
    norm1[row] += std::fabs(value);
  };
  for (std::size_t feature = 0; feature < more.size(); ++feature) {
    if (const std::uint32_t old = old_of[feature]; old != kNone) {
      const std::uint64_t end = columns.starts[old + std::size_t{1}];
      for (std::uint64_t at = columns.starts[old]; at < end && columns.rows[at] < rows_kept; ++at)
        append(columns, at, columns.rows[at]);
    }
    for (std::uint64_t at = more.starts[feature]; at < more.starts[feature + 1]; ++at)
      append(more, at, rows_kept + more.rows[at]);
    joined.starts.push_back(joined.rows.size());
  }
  AddBounds(norm1, joined);
  return joined;
}

}  // namespace steelyard::apps::linear
