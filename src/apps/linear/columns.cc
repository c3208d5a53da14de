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

Columns Transpose(std::span<const RowsToTranspose> parts, std::size_t feature_count) {
  Columns columns;
  // Counted two places on, entries are then placed by starts[feature + 1], which ends where the next column starts.
  std::vector<std::uint64_t>& starts = columns.starts;
  starts.assign(feature_count + 2, 0);
  bool has_values = false;
  for (const RowsToTranspose& part : parts) {
    for (const std::uint32_t feature : part.features) ++starts[feature + std::size_t{2}];
    columns.row_count += part.offsets.size() - 1;
    has_values = has_values || !part.values.empty();
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  columns.rows.resize(starts.back());
  columns.values.resize(has_values ? starts.back() : 0);
  std::vector<double> norm1(columns.row_count, 0.0);
  std::size_t row = 0;
  for (const RowsToTranspose& part : parts) {
    for (std::size_t in_part = 0; in_part + 1 < part.offsets.size(); ++in_part, ++row) {
      for (std::uint64_t i = part.offsets[in_part]; i < part.offsets[in_part + 1]; ++i) {
        // An entry goes to a place of its own, which is seldom cached: nothing else is looked up there.
        if (i + kPrefetchAhead < part.features.size())
          __builtin_prefetch(&starts[part.features[i + kPrefetchAhead] + std::size_t{1}], 1);
        const float value = part.values.empty() ? 1.0F : part.values[i];
        const std::uint64_t to = starts[part.features[i] + std::size_t{1}]++;
        columns.rows[to] = static_cast<std::uint32_t>(row);
        if (has_values) columns.values[to] = value;
        norm1[row] += std::fabs(value);
      }
    }
  }
  starts.pop_back();
  AddBounds(norm1, columns);
  return columns;
}

Columns Renumber(const Columns& columns, std::span<const std::uint32_t> feature_of,
                 std::size_t feature_count) {
  std::vector<std::uint32_t> old_of(feature_count, kNoColumn);
  for (std::size_t old = 0; old < feature_of.size(); ++old) {
    if (feature_of[old] != kNoColumn) old_of[feature_of[old]] = static_cast<std::uint32_t>(old);
  }
  Columns renumbered;
  renumbered.row_count = columns.row_count;
  renumbered.starts.reserve(feature_count + 1);
  renumbered.rows.reserve(columns.rows.size());
  renumbered.values.reserve(columns.values.size());
  renumbered.value_max.resize(feature_count);
  renumbered.coupling.resize(feature_count);
  for (std::size_t feature = 0; feature < feature_count; ++feature) {
    if (const std::uint32_t old = old_of[feature]; old != kNoColumn) {
      const auto append = [&](const auto& from, auto& to) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(columns.starts[old]);
        const auto end = from.begin() + static_cast<std::ptrdiff_t>(columns.starts[old + 1U]);
        to.insert(to.end(), begin, end);
      };
      append(columns.rows, renumbered.rows);
      if (!columns.values.empty()) append(columns.values, renumbered.values);
      renumbered.value_max[feature] = columns.value_max[old];
      renumbered.coupling[feature] = columns.coupling[old];
    }
    renumbered.starts.push_back(renumbered.rows.size());
  }
  if (renumbered.rows.size() < columns.rows.size()) {  // Rows have become shorter.
    std::vector<double> norm1(columns.row_count, 0.0);
    for (std::size_t i = 0; i < renumbered.rows.size(); ++i) {
      const float value = renumbered.values.empty() ? 1.0F : renumbered.values[i];
      norm1[renumbered.rows[i]] += std::fabs(value);
    }
    AddBounds(norm1, renumbered);
  }
  return renumbered;
}

Columns Join(const Columns& columns, std::size_t rows_kept,
             std::span<const std::uint32_t> feature_of, const Columns& more) {
  std::vector<std::uint32_t> old_of(more.size(), kNoColumn);
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
    if (const std::uint32_t old = old_of[feature]; old != kNoColumn) {
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
