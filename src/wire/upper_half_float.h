// Upper bounds as the upper half of a float (bfloat16).
#pragma once

#include <bit>
#include <cstdint>

namespace steelyard::wire {

/// The least number of eight significant bits that is not below `bound`, as the upper 16 bits of a float. @param bound
/// not negative, not NaN.
constexpr std::uint16_t UpperHalfOf(float bound) {
  return static_cast<std::uint16_t>((std::uint64_t{std::bit_cast<std::uint32_t>(bound)} + 0xffff) >>
                                    16);
}

constexpr float FloatOfUpperHalf(std::uint16_t half) {
  return std::bit_cast<float>(std::uint32_t{half} << 16);
}

/// Is it neither negative, infinite nor NaN?
constexpr bool IsUpperBound(std::uint16_t half) {
  return half < 0x7f80;
}

}  // namespace steelyard::wire
