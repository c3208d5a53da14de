// Numbers in text: unsigned integers eight digits at a time, and reals that are exact where they can be.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "data/scan.h"

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

/// Not 0 where a byte of `word` is above 9.
inline std::uint64_t NotDigits(std::uint64_t word) {
  return ((word + kNinesToSign) | word) & kSigns;
}

/// The up to eight digits in text[start, stop) as the last bytes of a word; other bytes than digits are 10 or more.
[[gnu::always_inline]] inline std::uint64_t DigitsBetween(const char* text, std::uint32_t start,
                                                          std::uint32_t stop) {
  std::uint64_t word = 0;
  std::memcpy(&word, text + start, sizeof(word));
  return (word ^ kZeros) << (8 * (start - stop) & 63);
}

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

/// The powers of ten that a double holds exactly.
inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
/// Integers of so many bits are doubles.
inline constexpr int kExactBits = 53;

/// Read all of the `bytes` at `p` as up to eight digits, a point and up to eight more, '-' before them or not, as
/// ReadReal() would. False for anything else, and for numbers that take more than one division.
/// Source: W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990: the quotient of two exact numbers is
///         rounded once.
[[gnu::always_inline]] inline bool ReadPlainReal(const char* p, std::size_t bytes, double& value) {
  constexpr std::uint64_t kScales[] = {1,       10,        100,        1000,       10'000,
                                       100'000, 1'000'000, 10'000'000, 100'000'000};
  const bool negative = *p == '-';
  p += negative ? 1 : 0;
  bytes -= negative ? 1 : 0;
  if (bytes - 1 > 16) return false;
  const std::uint32_t end = std::uint32_t{1} << bytes;
  const std::uint32_t points = ShortMaskOf<'.'>(p) & (end - 1);
  const auto whole = static_cast<std::uint32_t>(std::countr_zero(points | end));
  const auto fraction = static_cast<std::uint32_t>(bytes) - whole - (points != 0 ? 1U : 0U);
  if (whole > 8 || fraction > 8 || whole + fraction == 0) return false;
  std::uint64_t before = 0;
  std::uint64_t behind = 0;
  std::memcpy(&before, p, sizeof(before));
  std::memcpy(&behind, p + whole + 1, sizeof(behind));
  // Twice half the shift: all 64 bits go where there is no digit.
  before = (before ^ kZeros) << (32 - 4 * whole) << (32 - 4 * whole);
  behind = (behind ^ kZeros) << (32 - 4 * fraction) << (32 - 4 * fraction);
  const std::uint64_t others = (before + kNinesToSign) | before | (behind + kNinesToSign) | behind;
  const std::uint64_t mantissa = EightDigits(before) * kScales[fraction] + EightDigits(behind);
  if ((others & kSigns) != 0 || mantissa >> kExactBits != 0) return false;
  const double magnitude = static_cast<double>(mantissa) / kPowersOfTen[fraction];
  value = negative ? -magnitude : magnitude;
  return true;
}

/// The whole of `text` as a number, blanks around it allowed.
std::optional<double> ParseReal(std::string_view text);
std::optional<std::int64_t> ParseInteger(std::string_view text);

}  // namespace steelyard::data
