// Digits are cut out of the text as words, then turned into floats eight at a time; numbers of other forms are read one by one.
#include "data/real_run.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/vector_clones.h"
#include "data/number.h"
#include "data/scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SY_REALS_BY_AVX512
#include <immintrin.h>
#endif

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

/// Read the numbers of a block, rounded as ReadReal() and a cast do.
/// @return a bit for each that has another form than CutValues.
/// Source: W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990: the quotient of two numbers that
///         doubles hold exactly is rounded once.
SY_VECTOR_CLONES
std::uint64_t ReadBlockPortable(const RealRun& run, float* values) {
  CutValues cut;
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
  std::uint64_t irregular = 0;
  for (std::size_t i = 0; all != 0 && i < run.count; ++i) {
    irregular |= static_cast<std::uint64_t>(cut.others[i] != 0) << i;
  }
  return irregular;
}

#ifdef SY_REALS_BY_AVX512
#define SY_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,bmi,bmi2,lzcnt,popcnt")))

/// Up to sixteen characters of each number of a block, its last ones at the end and '0' before them.
struct Rows {
  alignas(64) char text[kBlock * 16];
  alignas(64) std::uint64_t sign[kBlock];
};

/// Where row `i` of eight is kept: packing vectors by pairs takes turns between its two halves.
constexpr std::size_t PlaceOf(std::size_t i) {
  return i / 8 * 8 + i % 2 * 4 + i % 8 / 2;
}

/// @return a bit for each that has no characters or too many.
SY_AVX512 std::uint64_t CutRows(const RealRun& run, Rows& rows) {
  const __m128i zeros = _mm_set1_epi8('0');
  std::uint64_t irregular = 0;
  const std::uint32_t* before = run.befores;
  const std::uint32_t* end = run.ends;
  for (std::size_t i = 0; i < run.count; ++i, before += run.stride, end += run.stride) {
    const std::uint32_t start = *before + 1;
    const std::uint64_t negative = run.text[start] == '-' ? 1 : 0;
    const std::uint64_t bytes = *end - start - negative;
    irregular |= static_cast<std::uint64_t>(bytes - 1 > 15) << i;
    const auto mask = static_cast<__mmask16>(0xFFFF0000U >> (bytes & 31));
    // What the mask leaves out is not touched: it may stand before the text.
    const __m128i row = _mm_mask_loadu_epi8(zeros, mask, run.text + *end - 16);
    _mm_store_si128(reinterpret_cast<__m128i*>(rows.text + 16 * PlaceOf(i)), row);
    rows.sign[i] = negative << 63;
  }
  for (std::size_t i = run.count; i % RealRun::kSpare != 0; ++i) {
    _mm_store_si128(reinterpret_cast<__m128i*>(rows.text + 16 * PlaceOf(i)), zeros);
    rows.sign[i] = 0;
  }
  return irregular;
}

/// Four rows as digits, and what is no digit in them.
struct Digits {
  __m512i values;  ///< Of each byte, 0 to 9 where it is a digit.
  __mmask64 points;
  __mmask64 others;
};

SY_AVX512 inline Digits DigitsOf(const char* rows) {
  const __m512i values = _mm512_sub_epi8(_mm512_load_si512(rows), _mm512_set1_epi8('0'));
  const __mmask64 points = _mm512_cmpeq_epi8_mask(values, _mm512_set1_epi8('.' - '0'));
  const __mmask64 others = _mm512_cmpgt_epu8_mask(values, _mm512_set1_epi8(9)) & ~points;
  return {.values = values, .points = points, .others = others};
}

/// Close the gap where the point was, which `to_point` (all bytes up to it) names, and read four digits at a time.
SY_AVX512 inline __m512i FoursOf(const Digits& digits, __mmask64 to_point) {
  const __m512i moved = _mm512_bslli_epi128(digits.values, 1);
  const __m512i closed = _mm512_mask_blend_epi8(to_point, digits.values, moved);
  const __m512i twos = _mm512_maddubs_epi16(closed, _mm512_set1_epi16(10 | 1 << 8));
  return _mm512_madd_epi16(twos, _mm512_set1_epi32(100 | 1 << 16));
}

/// ReadBlockPortable(), for numbers of up to sixteen characters that end in a digit.
SY_AVX512 std::uint64_t ReadBlockAvx512(const RealRun& run, float* values) {
  Rows rows;
  std::uint64_t irregular = CutRows(run, rows);
  const __m512d powers_low = _mm512_loadu_pd(kPowersOfTen);
  const __m512d powers_high = _mm512_loadu_pd(kPowersOfTen + 8);
  for (std::size_t i = 0; i < run.count; i += RealRun::kSpare) {
    const Digits even = DigitsOf(rows.text + 16 * i);
    const Digits odd = DigitsOf(rows.text + 16 * i + 64);
    // Sixteen bits for each number.
    const __m128i points =
        _mm_set_epi64x(static_cast<long long>(odd.points), static_cast<long long>(even.points));
    const __m128i others =
        _mm_set_epi64x(static_cast<long long>(odd.others), static_cast<long long>(even.others));
    const __m128i less = _mm_sub_epi16(points, _mm_set1_epi16(1));
    const __m128i to_point =
        _mm_andnot_si128(_mm_cmpeq_epi16(points, _mm_setzero_si128()), _mm_xor_si128(points, less));
    // A second point, or a point behind which nothing stands.
    const __m128i faults =
        _mm_or_si128(_mm_and_si128(points, _mm_or_si128(less, _mm_set1_epi16(-0x8000))), others);
    const __m128i natural_faults = _mm_unpacklo_epi16(faults, _mm_srli_si128(faults, 8));
    const __m128i natural_points = _mm_unpacklo_epi16(points, _mm_srli_si128(points, 8));

    const __m512i even_fours = FoursOf(even, static_cast<__mmask64>(_mm_cvtsi128_si64(to_point)));
    const __m512i odd_fours = FoursOf(odd, static_cast<__mmask64>(_mm_extract_epi64(to_point, 1)));
    const __m512i eights = _mm512_madd_epi16(_mm512_packus_epi32(even_fours, odd_fours),
                                             _mm512_set1_epi32(10'000 | 1 << 16));
    const __m512i mantissa = _mm512_add_epi64(
        _mm512_mul_epu32(eights, _mm512_set1_epi64(100'000'000)), _mm512_srli_epi64(eights, 32));
    // 48 zeros before the sixteen bits; 64 without a point, which is no digits behind it.
    const __m512i fraction = _mm512_lzcnt_epi64(_mm512_cvtepu16_epi64(natural_points));
    const __m512d power = _mm512_permutex2var_pd(powers_low, fraction, powers_high);
    const __m512d magnitude = _mm512_div_pd(_mm512_cvtepu64_pd(mantissa), power);
    const __m512d number = _mm512_xor_pd(magnitude, _mm512_load_pd(rows.sign + i));
    _mm256_storeu_ps(values + i, _mm512_cvtpd_ps(number));

    const auto large =
        _mm512_cmpge_epu64_mask(mantissa, _mm512_set1_epi64(std::int64_t{1} << kExactBits));
    const std::uint64_t wrong = large | _mm_test_epi16_mask(natural_faults, natural_faults);
    irregular |= wrong << i;
  }
  return irregular;
}

#undef SY_AVX512
#endif

std::uint64_t ReadBlock(RealKernel kernel, const RealRun& block, float* values) {
#ifdef SY_REALS_BY_AVX512
  if (kernel == RealKernel::kAvx512) return ReadBlockAvx512(block, values);
#endif
  (void)kernel;
  return ReadBlockPortable(block, values);
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

bool Runs(RealKernel kernel) {
#ifdef SY_REALS_BY_AVX512
  if (kernel == RealKernel::kAvx512) {
    return __builtin_cpu_supports("avx512bw") > 0 && __builtin_cpu_supports("avx512dq") > 0 &&
           __builtin_cpu_supports("avx512vl") > 0 && __builtin_cpu_supports("avx512cd") > 0;
  }
#endif
  return kernel == RealKernel::kPortable;
}

std::size_t ReadRealsBy(RealKernel kernel, const RealRun& run, float* values) {
  RealRun block = run;
  for (std::size_t first = 0; first < run.count; first += kBlock) {
    block.befores = run.befores + first * run.stride;
    block.ends = run.ends + first * run.stride;
    block.count = std::min(kBlock, run.count - first);
    std::uint64_t irregular = ReadBlock(kernel, block, values + first);
    for (; irregular != 0; irregular &= irregular - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(irregular));
      const std::uint32_t start = block.befores[i * run.stride] + 1;
      const char* const number = run.text + start;
      const char* const end = run.text + block.ends[i * run.stride];
      if (!ReadOne(number, end, values[first + i])) return first + i;
    }
  }
  return run.count;
}

std::size_t ReadReals(const RealRun& run, float* values) {
  static const RealKernel kernel =
      Runs(RealKernel::kAvx512) ? RealKernel::kAvx512 : RealKernel::kPortable;
  return ReadRealsBy(kernel, run, values);
}

}  // namespace steelyard::data
