#include "filter/fixed_filter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/vector_clones.h"
#include "filter/grid.h"

namespace steelyard::filter {
namespace {

/// Above, a grid's steps would leave the floats.
constexpr float kMagnitudeMax = 0x1p126F;

/// The largest of the values' bits without their signs: in the order of magnitudes, NaN and infinity last.
SY_VECTOR_CLONES
std::uint32_t MagnitudeBits(const float* values, std::size_t count) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bits = std::max(bits, std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFU);
  }
  return bits;
}

/// 32 bits for the i-th value of a block: the finaliser of MurmurHash3, with half of the block's draw in its middle.
inline std::uint32_t Draw(std::uint64_t block_draw, std::uint32_t i) {
  std::uint32_t x = static_cast<std::uint32_t>(block_draw) + i * 0x9E3779B9U;
  x ^= x >> 16U;
  x *= 0x85EBCA6BU;
  x ^= static_cast<std::uint32_t>(block_draw >> 32U);
  x ^= x >> 13U;
  x *= 0xC2B2AE35U;
  return x ^ (x >> 16U);
}

SY_VECTOR_CLONES
void RoundToGrid(float* values, std::size_t count, int exponent, std::uint64_t draw) {
  const float step = PowerOfTwo(exponent);
  const float inverse = PowerOfTwo(-exponent);
  for (std::uint32_t i = 0; i < count; ++i) {
    const float steps = std::abs(values[i]) * inverse;
    const auto below = static_cast<std::int32_t>(steps);
    const float fraction = steps - static_cast<float>(below);  // Exact.
    const float uniform =
        static_cast<float>(static_cast<std::int32_t>(Draw(draw, i) >> 8U)) * 0x1p-24F;
    const std::int32_t rounded = below + (uniform < fraction ? 1 : 0);
    values[i] = static_cast<float>(values[i] < 0 ? -rounded : rounded) * step;
  }
}

void RoundBlock(float* values, std::size_t count, int bytes, Random& random) {
  const auto magnitude = std::bit_cast<float>(MagnitudeBits(values, count));
  if (!(magnitude < kMagnitudeMax)) return;
  RoundToGrid(values, count, RoundingGrid(magnitude, bytes), random.Next());
}

}  // namespace

void FixedFilter::Apply(PushRows& rows, Random& random) {
  std::array<float, kGridRows> column_block;
  for (std::size_t first = 0; first < rows.size(); first += kGridRows) {
    const std::size_t count = std::min(kGridRows, rows.size() - first);
    float* const block = rows.floats.data() + first * rows.width;
    if (rows.width == 1) {
      RoundBlock(block, count, bytes_, random);
      continue;
    }
    for (std::size_t column = 0; column < rows.width; ++column) {
      for (std::size_t i = 0; i < count; ++i) column_block[i] = block[i * rows.width + column];
      RoundBlock(column_block.data(), count, bytes_, random);
      for (std::size_t i = 0; i < count; ++i) block[i * rows.width + column] = column_block[i];
    }
  }
}

}  // namespace steelyard::filter
