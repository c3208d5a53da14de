// Digits are cut out of the text as words, then turned into floats eight at a time; numbers of other forms are read one by one.
#include "data/real_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/vector_clones.h"
#include "data/number.h"
#include "data/scan.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kBlock = 64;       // Numbers on their way at a time.
constexpr std::size_t kFractionMax = 8;  // Digits.

/// Values of up to eight digits, a point and eight more, cut out of the text. The digits wait for vectors.
struct CutValues {
  std::uint64_t before[kBlock];   ///< The point.
  std::uint64_t behind[kBlock];   ///< It.
  std::uint64_t divisor[kBlock];  ///< Index into kDivisors.
  std::uint64_t others[kBlock];   ///< Not 0: the number has another form.
};

/// 10^0 to 10^8, and negative ones from kNegative on. Digits that are too many lead to the places between.
constexpr std::size_t kNegative = 16;
constexpr double kDivisors[2 * kNegative] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1, 1, 1, 1, 1, 1, 1,
    -1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7, -1e8, 1, 1, 1, 1, 1, 1, 1};
constexpr std::uint64_t kScales[kNegative] = {
    1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1, 1, 1, 1, 1, 1, 1};

/// Cut number `lane` out of text[start, end).
[[gnu::always_inline]] inline void CutValue(const char* text, std::uint32_t start,
                                            std::uint32_t end, CutValues& cut, std::size_t lane) {
  const std::uint32_t negative = text[start] == '-' ? 1 : 0;
  start += negative;
  const std::uint32_t bytes = end - start;
  const std::uint64_t past = std::uint64_t{1} << (bytes & 63);
  const std::uint64_t points = ShortMaskOf<'.'>(text + start) & (past - 1);
  const auto whole = static_cast<std::uint32_t>(std::countr_zero(points | past));
  const std::uint32_t fraction = bytes - whole - (points != 0 ? 1U : 0U);
  cut.before[lane] = DigitsBetween(text, start, start + whole);
  // All 64 bits must go where nothing stands behind the point: half of the shift, twice.
  const std::uint32_t half = 32 - 4 * (fraction & 15);
  std::uint64_t behind = 0;
  std::memcpy(&behind, text + start + whole + 1, sizeof(behind));
  cut.behind[lane] = (behind ^ kZeros) << (half & 63) << (half & 63);
  cut.divisor[lane] = (fraction & 15) + kNegative * negative;
  cut.others[lane] = static_cast<std::uint64_t>(whole - 1 > 7) |
                     static_cast<std::uint64_t>(fraction > kFractionMax);
}

/// Read the numbers of a block, rounded as ReadReal() and a cast do. Not 0 when one has another form than CutValues.
/// Source: W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990: the quotient of two numbers that
///         doubles hold exactly is rounded once.
SY_VECTOR_CLONES
std::uint64_t ReadBlock(const RealRun& run, CutValues& cut, float* values) {
  const std::uint32_t* before = run.befores;
  const std::uint32_t* end = run.ends;
  for (std::size_t i = 0; i < run.count; ++i, before += run.stride, end += run.stride) {
    CutValue(run.text, *before + 1, *end, cut, i);
  }
  for (std::size_t i = run.count; i % RealRun::kSpare != 0; ++i)
    cut.before[i] = cut.behind[i] = cut.divisor[i] = cut.others[i] = 0;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < run.count; i += RealRun::kSpare) {
    for (std::size_t lane = 0; lane < RealRun::kSpare; ++lane) {
      const std::uint64_t before_point = cut.before[i + lane];
      const std::uint64_t behind = cut.behind[i + lane];
      const std::uint64_t divisor = cut.divisor[i + lane];
      const std::uint64_t mantissa =
          EightDigits(before_point) * kScales[divisor % kNegative] + EightDigits(behind);
      const std::uint64_t others = NotDigits(before_point) | NotDigits(behind) |
                                   (mantissa >> kExactBits) | cut.others[i + lane];
      cut.others[i + lane] = others;
      all |= others;
      values[i + lane] = static_cast<float>(
          static_cast<double>(static_cast<std::int64_t>(mantissa)) / kDivisors[divisor]);
    }
  }
  return all;
}

/// Read one number of any form. False when it is none that is finite as a float.
bool ReadOne(const char* number, const char* end, float& value) {
  double exact = 0;
  if (number == end || ReadReal(number, end, exact) != end) return false;
  if (!(std::abs(exact) <= std::numeric_limits<float>::max())) return false;
  value = static_cast<float>(exact);
  return true;
}

}  // namespace

std::size_t ReadReals(const RealRun& run, float* values) {
  CutValues cut;
  RealRun block = run;
  for (std::size_t first = 0; first < run.count; first += kBlock) {
    block.befores = run.befores + first * run.stride;
    block.ends = run.ends + first * run.stride;
    block.count = std::min(kBlock, run.count - first);
    if (ReadBlock(block, cut, values + first) == 0) continue;
    for (std::size_t i = 0; i < block.count; ++i) {
      if (cut.others[i] == 0) continue;
      const char* const number = run.text + block.befores[i * run.stride] + 1;
      const char* const end = run.text + block.ends[i * run.stride];
      if (!ReadOne(number, end, values[first + i])) return first + i;
    }
  }
  return run.count;
}

}  // namespace steelyard::data
