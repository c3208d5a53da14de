// Numbers in text: unsigned integers eight digits at a time, and reals that are exact where they can be.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace steelyard::data {

/// Text that ReadUnsigned() reads must be followed by this many readable bytes.
inline constexpr std::size_t kReadAheadBytes = 64;

static_assert(std::endian::native == std::endian::little,
              "ReadUnsigned() loads eight digits at once");

/// Add the digits at `p` to `value`; nullptr when it passes 2^64 - 1.
const char* ReadMoreDigits(const char* p, std::uint64_t& value);

/// Eight bytes that were digits, XORed with kZeros, are 0 to 9; any other byte is 10 or more.
inline constexpr std::uint64_t kZeros = 0x3030303030303030ULL;
/// Added to such bytes, it sets the sign bit (kSigns) of those above 9.
inline constexpr std::uint64_t kNinesToSign = 0x7676767676767676ULL;
inline constexpr std::uint64_t kSigns = 0x8080808080808080ULL;

/// The number whose digits 0 to 9 are the bytes of `word`, the first one lowest.
/// Source: the three multiplications are those of D. Lemire, "Quickly parsing eight digits", 2018.
inline std::uint64_t EightDigits(std::uint64_t word) {
  word = word * 10 + (word >> 8);
  return (((word & 0x000000FF000000FFULL) * 0x000F424000000064ULL) +
          (((word >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL)) >>
         32;
}

/// Read the run of digits at `p` into `value`. Return its end: `p` when there is no digit, nullptr when the number is
/// larger than 2^64 - 1.
inline const char* ReadUnsigned(const char* p, std::uint64_t& value) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof(word));
  word ^= kZeros;
  const std::uint64_t others = ((word + kNinesToSign) | word) & kSigns;
  if (others & 0x80) return p;
  const int digits = std::countr_zero(others) >> 3;  // 8 when no byte is marked.
  value = EightDigits(word << (64 - 8 * digits));
  return digits < 8 ? p + digits : ReadMoreDigits(p + 8, value);
}

/// Read a real number at [p, end): sign, digits, fraction, exponent, "inf", "nan"; rounded to the nearest double.
/// Return its end, or `p` when there is none. Too large becomes infinite.
const char* ReadReal(const char* p, const char* end, double& value);

/// The whole of `text` as a number, blanks around it allowed.
std::optional<double> ParseReal(std::string_view text);
std::optional<std::int64_t> ParseInteger(std::string_view text);

}  // namespace steelyard::data
