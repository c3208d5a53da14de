// SparseFloats: floats of which many are 0, as a part of messages.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace steelyard::wire {

/// A bit for each float, and those that are not 0: an eighth of a byte for a zero instead of four, and two bytes for the
/// others when the lower half of each is 0. Bits are kept, of -0 too.
struct SparseFloats {
  std::vector<std::uint8_t> present;  ///< First float lowest: it is in `values`.
  std::vector<std::uint8_t>
      values;  ///< Lowest byte first: the upper two or all four of each float.
  template <typename V>
  void Fields(V& v) {
    v(present, values);
  }

  static SparseFloats Of(std::span<const float> floats);
  /// Are these `count` floats?
  bool Fits(std::size_t count) const;
  /// All of them. @param count  that Fits().
  std::vector<float> Expand(std::size_t count) const;
};

}  // namespace steelyard::wire
