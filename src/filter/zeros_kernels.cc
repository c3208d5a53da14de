// AVX-512 has an instruction for each direction; AVX2 looks the permutation of 8 floats up.
#include "filter/zeros_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "filter/raw_bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace steelyard::filter {
namespace {

constexpr std::size_t kFloatBytes = 4;

std::size_t SqueezePortable(const std::byte* floats, std::size_t count, std::byte* bitmap,
                            std::byte* nonzeros) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count;) {
    const std::size_t end = std::min(count, i + 8);
    unsigned bits = 0;
    for (unsigned bit = 0; i < end; ++i, ++bit) {
      const auto value = LoadAt<std::uint32_t>(floats + i * kFloatBytes);
      StoreAt(nonzeros + kept * kFloatBytes, value);  // Overwritten by the next one if it is zero.
      const unsigned one = (value | (0 - value)) >> 31U;  // No branch: nobody could foretell it.
      bits |= one << bit;
      kept += one;
    }
    *bitmap++ = static_cast<std::byte>(bits);
  }
  return kept;
}

void SpreadPortable(const std::byte* bitmap, const std::byte* nonzeros, std::size_t nonzero_count,
                    std::size_t count, std::byte* floats) {
  if (count > 0) std::memset(floats, 0, count * kFloatBytes);
  if (nonzero_count == 0) return;
  for (std::size_t first = 0; first < count; first += 8, ++bitmap) {
    for (auto bits = std::to_integer<unsigned>(*bitmap); bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
      StoreAt(floats + (first + bit) * kFloatBytes, LoadAt<std::uint32_t>(nonzeros));
      nonzeros += kFloatBytes;
    }
  }
}

#if defined(__x86_64__)
#define SY_AVX512 __attribute__((target("avx512f,popcnt")))

// Four vectors at a time: where each one goes is counted from the start of the four, so that no count waits for
// another.
SY_AVX512 std::size_t SqueezeAvx512(const std::byte* floats, std::size_t count, std::byte* bitmap,
                                    std::byte* nonzeros) {
  std::byte* out = nonzeros;
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const std::byte* const in = floats + i * kFloatBytes;
    std::uint64_t bits = 0;
    std::byte* at = out;
#pragma GCC unroll 4
    for (unsigned vector = 0; vector < 4; ++vector) {
      const __m512i values = _mm512_loadu_si512(in + vector * sizeof(__m512i));
      const __mmask16 mask = _mm512_test_epi32_mask(values, values);
      // Not the form that stores itself: AMD's processors take 100 cycles for that one.
      _mm512_storeu_si512(at, _mm512_maskz_compress_epi32(mask, values));
      bits |= static_cast<std::uint64_t>(_cvtmask16_u32(mask)) << (16 * vector);
      at = out + kFloatBytes * static_cast<std::size_t>(std::popcount(bits));
    }
    StoreAt(bitmap + i / 8, bits);
    out = at;
  }
  const auto kept = static_cast<std::size_t>(out - nonzeros) / kFloatBytes;
  return kept + SqueezePortable(floats + i * kFloatBytes, count - i, bitmap + i / 8, out);
}

SY_AVX512 void SpreadAvx512(const std::byte* bitmap, const std::byte* nonzeros,
                            std::size_t nonzero_count, std::size_t count, std::byte* floats) {
  const std::byte* in = nonzeros;
  const std::byte* const in_end = nonzeros + nonzero_count * kFloatBytes;
  std::size_t i = 0;
  // Whole vectors are loaded, wherever they begin, while there are four.
  for (; i + 64 <= count && in_end - in >= static_cast<std::ptrdiff_t>(4 * sizeof(__m512i));
       i += 64) {
    const auto bits = LoadAt<std::uint64_t>(bitmap + i / 8);
    std::byte* const out = floats + i * kFloatBytes;
#pragma GCC unroll 4
    for (unsigned vector = 0; vector < 4; ++vector) {
      const std::uint64_t before = bits & ((std::uint64_t{1} << (16 * vector)) - 1);
      const auto mask = static_cast<__mmask16>(bits >> (16 * vector));
      const __m512i values =
          _mm512_loadu_si512(in + kFloatBytes * static_cast<std::size_t>(std::popcount(before)));
      _mm512_storeu_si512(out + vector * sizeof(__m512i), _mm512_maskz_expand_epi32(mask, values));
    }
    in += kFloatBytes * static_cast<std::size_t>(std::popcount(bits));
  }
  SpreadPortable(bitmap + i / 8, in, static_cast<std::size_t>(in_end - in) / kFloatBytes, count - i,
                 floats + i * kFloatBytes);
}

/// For each mask of 8 bits the lanes of a permutation, one byte each. Squeezing: the places of the ones. Spreading: the
/// rank of each one, and -1 for a zero.
struct LaneTables {
  std::array<std::array<std::int8_t, 8>, 256> squeeze{};
  std::array<std::array<std::int8_t, 8>, 256> spread{};
};
constexpr LaneTables MakeLaneTables() {
  LaneTables tables;
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::int8_t rank = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      const bool one = (mask >> bit & 1U) != 0;
      tables.spread[mask][bit] = one ? rank : std::int8_t{-1};
      if (one) tables.squeeze[mask][static_cast<unsigned>(rank++)] = static_cast<std::int8_t>(bit);
    }
  }
  return tables;
}
constexpr LaneTables kLanes = MakeLaneTables();

__attribute__((target("avx2"))) inline __m256i Lanes(const std::array<std::int8_t, 8>& lanes) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(lanes.data())));
}

__attribute__((target("avx2,popcnt"))) std::size_t SqueezeAvx2(const std::byte* floats,
                                                               std::size_t count, std::byte* bitmap,
                                                               std::byte* nonzeros) {
  std::size_t kept = 0;
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i values =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(floats + i * kFloatBytes));
    const __m256i zero = _mm256_cmpeq_epi32(values, _mm256_setzero_si256());
    const auto mask = static_cast<std::uint8_t>(~_mm256_movemask_ps(_mm256_castsi256_ps(zero)));
    bitmap[i / 8] = static_cast<std::byte>(mask);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(nonzeros + kept * kFloatBytes),
                        _mm256_permutevar8x32_epi32(values, Lanes(kLanes.squeeze[mask])));
    kept += static_cast<std::size_t>(std::popcount(mask));
  }
  return kept + SqueezePortable(floats + i * kFloatBytes, count - i, bitmap + i / 8,
                                nonzeros + kept * kFloatBytes);
}

__attribute__((target("avx2,popcnt"))) void SpreadAvx2(const std::byte* bitmap,
                                                       const std::byte* nonzeros,
                                                       std::size_t nonzero_count, std::size_t count,
                                                       std::byte* floats) {
  std::size_t used = 0;
  std::size_t i = 0;
  for (; i + 8 <= count && used + 8 <= nonzero_count; i += 8) {
    const auto mask = std::to_integer<std::uint8_t>(bitmap[i / 8]);
    const __m256i values =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(nonzeros + used * kFloatBytes));
    const __m256i lanes = Lanes(kLanes.spread[mask]);
    const __m256i spread = _mm256_permutevar8x32_epi32(values, lanes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(floats + i * kFloatBytes),
                        _mm256_andnot_si256(_mm256_srai_epi32(lanes, 31), spread));
    used += static_cast<std::size_t>(std::popcount(mask));
  }
  SpreadPortable(bitmap + i / 8, nonzeros + used * kFloatBytes, nonzero_count - used, count - i,
                 floats + i * kFloatBytes);
}
#endif

std::vector<ZeroKernels> FindZeroKernels() {
  std::vector<ZeroKernels> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") > 0)
    found.push_back({"avx512", SqueezeAvx512, SpreadAvx512});
  if (__builtin_cpu_supports("avx2") > 0) found.push_back({"avx2", SqueezeAvx2, SpreadAvx2});
#endif
  found.push_back({"portable", SqueezePortable, SpreadPortable});
  return found;
}

}  // namespace

std::span<const ZeroKernels> SupportedZeroKernels() {
  static const std::vector<ZeroKernels> kernels = FindZeroKernels();
  return kernels;
}

}  // namespace steelyard::filter
