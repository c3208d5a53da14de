// PushRows: the keys and floats of one push while value filters work on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::filter {

/// Shapes: keys [n] strictly increasing; floats [n, width].
struct PushRows {
  std::uint32_t width = 1;
  std::vector<Key> keys = {};
  std::vector<float> floats = {};

  std::size_t size() const { return keys.size(); }
  std::size_t bytes() const { return keys.size() * sizeof(Key) + floats.size() * sizeof(float); }
  std::span<float> row(std::size_t i) { return std::span(floats).subspan(i * width, width); }
  std::span<const float> row(std::size_t i) const {
    return std::span(floats).subspan(i * width, width);
  }
  void Append(Key key, std::span<const float> row);
  /// Move row `from` to `to` <= from; what is filtered in place ends with Truncate().
  void MoveRow(std::size_t from, std::size_t to);
  void Truncate(std::size_t count);
};

/// Add `more`, of the same width, to `rows`: its own keys are inserted, the floats of shared keys summed.
void MergeRows(PushRows& rows, const PushRows& more);

}  // namespace steelyard::filter
