// Whole blocks are looked at without a branch.
#include "base/spans.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/vector_clones.h"

namespace steelyard {
namespace {

/// Are all exponents less than all ones, which NaN and infinity have?
SY_VECTOR_CLONES
bool AllFinite(const float* floats, std::size_t count) {
  constexpr std::uint32_t kExponent = 0x7F800000;
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(floats[i]) & kExponent;
    found |= exponent == kExponent ? 1U : 0U;
  }
  return found == 0;
}

}  // namespace

SY_VECTOR_CLONES
bool StrictlyIncreasing(std::span<const Key> keys) {
  const Key* const key = keys.data();
  std::uint64_t wrong = 0;
  for (std::size_t i = 1; i < keys.size(); ++i) wrong |= key[i - 1] >= key[i] ? 1U : 0U;
  return wrong == 0;
}

std::size_t FirstNotFinite(std::span<const float> floats) {
  constexpr std::size_t kBlock = 1024;
  std::size_t first = 0;
  while (first < floats.size() &&
         AllFinite(floats.data() + first, std::min(kBlock, floats.size() - first))) {
    first = std::min(floats.size(), first + kBlock);
  }
  while (first < floats.size() && std::isfinite(floats[first])) ++first;
  return first;
}

}  // namespace steelyard
