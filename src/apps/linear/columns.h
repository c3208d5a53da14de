// Columns: a worker's part of the data, feature by feature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/team.h"

namespace steelyard::apps::linear {

/// n rows and m features in compressed sparse column form; column j's entries are [starts[j], starts[j + 1]).
struct Columns {
  std::size_t row_count = 0;
  std::vector<std::uint64_t> starts{0};  ///< [m + 1]
  std::vector<std::uint32_t> rows;       ///< [nnz] increasing within a column.
  std::vector<float> values;             ///< [nnz]; empty when every value is 1.
  std::vector<float> value_max;          ///< [m] the largest |value| of the column.
  std::vector<float>
      coupling;  ///< [m] sum over the column's entries of |value| x (its row's sum of |values|).

  std::size_t size() const { return starts.size() - 1; }
};

/// Instead of a feature's number: it has no column.
inline constexpr std::uint32_t kNoColumn = ~std::uint32_t{0};

/// Rows in compressed sparse row form over features 0 to m - 1, to be transposed.
struct RowsToTranspose {
  std::span<const std::uint32_t> offsets;  ///< [n + 1]
  std::span<const std::uint32_t>
      features;                   ///< [nnz]; a feature that stands twice in a row counts twice.
  std::span<const float> values;  ///< [nnz], or empty when every value is 1.
};

/// @param parts  the rows, one part behind another.
/// @param team   shares the work where there is enough of it; borrowed, nullptr for none. Bits do not depend on it.
/// Cost: two passes over the entries; peak memory twice theirs, and 8 bytes a feature for each thread that has as many
///       entries as there are features.
Columns Transpose(std::span<const RowsToTranspose> parts, std::size_t feature_count,
                  runtime::Team* team = nullptr);

/// The same rows with other numbers for their features.
/// @param feature_of  [columns.size()] each number below `feature_count` at most once; or kNoColumn: that column goes.
/// @param team        as of Transpose().
/// Cost: a copy of the entries; where features are left out, one pass over them more.
Columns Renumber(const Columns& columns, std::span<const std::uint32_t> feature_of,
                 std::size_t feature_count, runtime::Team* team = nullptr);

/// The first `rows_kept` rows of `columns`, whose features get other numbers, and the rows of `more` behind them.
/// @param feature_of  [columns.size()] each number below more.size() at most once.
/// Cost: one pass over the entries of both; peak memory twice theirs.
Columns Join(const Columns& columns, std::size_t rows_kept,
             std::span<const std::uint32_t> feature_of, const Columns& more);

}  // namespace steelyard::apps::linear
