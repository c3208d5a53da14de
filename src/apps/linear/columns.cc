#include "apps/linear/columns.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace steelyard::apps::linear {
namespace {

constexpr std::size_t kPrefetchAhead = 32;
/// Fewer entries are not worth waking a thread.
constexpr std::size_t kEntriesShared = std::size_t{1} << 18;

std::size_t ThreadsFor(std::size_t entries, const runtime::Team* team) {
  return team == nullptr || entries < kEntriesShared ? 1 : team->size();
}

/// Call visit(first, end) for ranges that cover all features, of about equally many entries each.
void ForFeatures(std::span<const std::uint64_t> starts, runtime::Team* team,
                 const std::function<void(std::size_t first, std::size_t end)>& visit) {
  const std::size_t features = starts.size() - 1;
  const std::uint64_t entries = starts.back() - starts.front();
  const std::size_t threads = ThreadsFor(entries, team);
  const std::size_t ranges = threads == 1 ? 1 : 4 * threads;
  const auto bound = [&](std::size_t range) {
    if (range == ranges) return features;
    const std::uint64_t at = starts.front() + entries * range / ranges;
    return static_cast<std::size_t>(std::ranges::lower_bound(starts, at) - starts.begin());
  };
  runtime::ForEach(team, ranges, [&](std::size_t range) { visit(bound(range), bound(range + 1)); });
}

/// Fill in what bounds the second derivatives. @param norm1  [n] sum of each row's absolute values.
void AddBounds(std::span<const double> norm1, Columns& columns, runtime::Team* team) {
  const std::size_t feature_count = columns.starts.size() - 1;
  columns.value_max.resize(feature_count);
  columns.coupling.resize(feature_count);
  ForFeatures(columns.starts, team, [&](std::size_t first, std::size_t end) {
    for (std::size_t feature = first; feature < end; ++feature) {
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
  });
}

/// Consecutive parts of the rows, for one thread.
struct Strip {
  std::span<const RowsToTranspose> parts;
  std::size_t first_row = 0;
  std::vector<std::uint64_t>
      next;  ///< [m] how many entries a feature has here; then where the next one goes.

  void Count(std::size_t feature_count) {
    next.assign(feature_count, 0);
    for (const RowsToTranspose& part : parts) {
      for (const std::uint32_t feature : part.features) ++next[feature];
    }
  }

  /// Put the entries into their columns, and their rows' sums of absolute values into `norm1`.
  void Place(Columns& columns, std::span<double> norm1) {
    std::size_t row = first_row;
    for (const RowsToTranspose& part : parts) {
      for (std::size_t in_part = 0; in_part + 1 < part.offsets.size(); ++in_part, ++row) {
        for (std::uint64_t i = part.offsets[in_part]; i < part.offsets[in_part + 1]; ++i) {
          // An entry goes to a place of its own, which is seldom cached: nothing else is looked up there.
          if (i + kPrefetchAhead < part.features.size())
            __builtin_prefetch(&next[part.features[i + kPrefetchAhead]], 1);
          const float value = part.values.empty() ? 1.0F : part.values[i];
          const std::uint64_t to = next[part.features[i]]++;
          columns.rows[to] = static_cast<std::uint32_t>(row);
          if (!columns.values.empty()) columns.values[to] = value;
          norm1[row] += std::fabs(value);
        }
      }
    }
  }
};

/// As many strips as threads, of about equally many entries; fewer where there are many features.
std::vector<Strip> CutStrips(std::span<const RowsToTranspose> parts, std::size_t entries,
                             std::size_t feature_count, const runtime::Team* team) {
  const std::size_t count = std::clamp<std::size_t>(
      entries / std::max<std::size_t>(feature_count, 1), 1, ThreadsFor(entries, team));
  std::vector<Strip> strips;
  std::size_t first = 0;
  std::size_t first_row = 0;
  std::size_t row = 0;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    taken += parts[i].features.size();
    row += parts[i].offsets.size() - 1;
    if (i + 1 < parts.size() && taken * count < entries * (strips.size() + 1)) continue;
    strips.push_back(
        {.parts = parts.subspan(first, i + 1 - first), .first_row = first_row, .next = {}});
    first = i + 1;
    first_row = row;
  }
  return strips;
}

}  // namespace

Columns Transpose(std::span<const RowsToTranspose> parts, std::size_t feature_count,
                  runtime::Team* team) {
  Columns columns;
  std::size_t entries = 0;
  bool has_values = false;
  for (const RowsToTranspose& part : parts) {
    entries += part.features.size();
    columns.row_count += part.offsets.size() - 1;
    has_values = has_values || !part.values.empty();
  }
  std::vector<Strip> strips = CutStrips(parts, entries, feature_count, team);
  runtime::ForEach(team, strips.size(), [&](std::size_t i) { strips[i].Count(feature_count); });
  columns.starts.resize(feature_count + 1);
  std::uint64_t at = 0;
  for (std::size_t feature = 0; feature < feature_count; ++feature) {
    columns.starts[feature] = at;
    for (Strip& strip : strips) at += std::exchange(strip.next[feature], at);
  }
  columns.starts[feature_count] = at;
  columns.rows.resize(entries);
  columns.values.resize(has_values ? entries : 0);
  std::vector<double> norm1(columns.row_count, 0.0);
  runtime::ForEach(team, strips.size(), [&](std::size_t i) { strips[i].Place(columns, norm1); });
  strips.clear();
  AddBounds(norm1, columns, team);
  return columns;
}

Columns Renumber(const Columns& columns, std::span<const std::uint32_t> feature_of,
                 std::size_t feature_count, runtime::Team* team) {
  std::vector<std::uint32_t> old_of(feature_count, kNoColumn);
  for (std::size_t old = 0; old < feature_of.size(); ++old) {
    if (feature_of[old] != kNoColumn) old_of[feature_of[old]] = static_cast<std::uint32_t>(old);
  }
  Columns renumbered;
  renumbered.row_count = columns.row_count;
  renumbered.starts.resize(feature_count + 1);
  for (std::size_t feature = 0; feature < feature_count; ++feature) {
    const std::uint32_t old = old_of[feature];
    const std::uint64_t size =
        old == kNoColumn ? 0 : columns.starts[old + std::size_t{1}] - columns.starts[old];
    renumbered.starts[feature + 1] = renumbered.starts[feature] + size;
  }
  renumbered.rows.resize(renumbered.starts.back());
  renumbered.values.resize(columns.values.empty() ? 0 : renumbered.starts.back());
  renumbered.value_max.resize(feature_count);
  renumbered.coupling.resize(feature_count);
  ForFeatures(renumbered.starts, team, [&](std::size_t first, std::size_t end) {
    for (std::size_t feature = first; feature < end; ++feature) {
      const std::uint32_t old = old_of[feature];
      if (old == kNoColumn) continue;
      const auto copy = [&](const auto& from, auto& to) {
        std::copy(from.data() + columns.starts[old],
                  from.data() + columns.starts[old + std::size_t{1}],
                  to.data() + renumbered.starts[feature]);
      };
      copy(columns.rows, renumbered.rows);
      if (!columns.values.empty()) copy(columns.values, renumbered.values);
      renumbered.value_max[feature] = columns.value_max[old];
      renumbered.coupling[feature] = columns.coupling[old];
    }
  });
  if (renumbered.rows.size() < columns.rows.size()) {  // Rows have become shorter.
    std::vector<double> norm1(columns.row_count, 0.0);
    for (std::size_t i = 0; i < renumbered.rows.size(); ++i) {
      const float value = renumbered.values.empty() ? 1.0F : renumbered.values[i];
      norm1[renumbered.rows[i]] += std::fabs(value);
    }
    AddBounds(norm1, renumbered, team);
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
  AddBounds(norm1, joined, nullptr);
  return joined;
}

}  // namespace steelyard::apps::linear
