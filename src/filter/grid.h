// Grids of powers of two: what the filter `fixed` rounds to and the codec `fixed` finds again.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace steelyard::filter {

/// An integer on a grid takes at most this many bytes; four would be a float.
inline constexpr int kGridBytesMax = 3;
/// Below this neither a step nor one over it would be a normal float.
inline constexpr int kGridExponentMin = -126;

/// The bits of an integer of `bytes` bytes beside its sign.
constexpr int GridBits(int bytes) {
  return 8 * bytes - 1;
}

/// 2^exponent as a float; exponent from -126 to 127.
constexpr float PowerOfTwo(int exponent) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
}

/// The exponent of the finest grid on which every float up to `magnitude` (finite, not negative) lies within
/// (-2^GridBits(bytes), 2^GridBits(bytes)), however it was rounded to less than that.
constexpr int FinestGrid(float magnitude, int bytes) {
  const int top = static_cast<int>(std::bit_cast<std::uint32_t>(magnitude) >> 23) - 127;
  return std::max(kGridExponentMin, top + 1 - GridBits(bytes));
}

/// The exponent of the finest grid on which `magnitude`, rounded up, is at most 2^GridBits(bytes) - 1 steps.
///
/// A float rounded to it is a multiple of the FinestGrid() of any block that it is in; so the codec finds a grid for
/// what the filter rounded, whatever blocks the push was sliced into afterwards.
constexpr int RoundingGrid(float magnitude, int bytes) {
  const int finest = FinestGrid(magnitude, bytes);
  const auto steps_max = static_cast<float>((1 << GridBits(bytes)) - 1);
  return magnitude * PowerOfTwo(-finest) > steps_max ? finest + 1 : finest;
}

}  // namespace steelyard::filter
