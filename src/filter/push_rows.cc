#include "filter/push_rows.h"

#include <algorithm>

#include "base/check.h"

namespace steelyard::filter {

void PushRows::Append(Key key, std::span<const float> row) {
  keys.push_back(key);
  floats.insert(floats.end(), row.begin(), row.end());
}

void PushRows::MoveRow(std::size_t from, std::size_t to) {
  if (from == to) return;
  keys[to] = keys[from];
  std::copy_n(floats.begin() + static_cast<std::ptrdiff_t>(from * width), width,
              floats.begin() + static_cast<std::ptrdiff_t>(to * width));
}

void PushRows::Truncate(std::size_t count) {
  keys.resize(count);
  floats.resize(count * width);
}

void MergeRows(PushRows& rows, const PushRows& more) {
  if (more.size() == 0) return;
  SY_CHECK(rows.width == more.width);
  PushRows merged{.width = rows.width};
  merged.keys.reserve(rows.size() + more.size());
  merged.floats.reserve(rows.floats.size() + more.floats.size());
  for (std::size_t i = 0, j = 0; i < rows.size() || j < more.size();) {
    if (j == more.size() || (i < rows.size() && rows.keys[i] < more.keys[j])) {
      merged.Append(rows.keys[i], rows.row(i));
      ++i;
      continue;
    }
    merged.Append(more.keys[j], more.row(j));
    if (i < rows.size() && rows.keys[i] == more.keys[j]) {
      const std::span<float> sum = merged.row(merged.size() - 1);
      for (std::size_t column = 0; column < sum.size(); ++column)
        sum[column] += rows.row(i)[column];
      ++i;
    }
    ++j;
  }
  rows = std::move(merged);
}

}  // namespace steelyard::filter
