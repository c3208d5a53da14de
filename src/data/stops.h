// FindStops(): where the delimiters of a text are, in the widest vectors that the processor has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define SY_STOPS_BY_VECTORS
#include <immintrin.h>
#endif

namespace steelyard::data {

/// The ways there are to find stops; all find the same ones.
enum class StopKernel : std::uint8_t {
  kPortable,
  kAvx2,  ///< The portable code, compiled for its instructions.
  kVbmi2  ///< AVX-512: 64 offsets are squeezed at once.
};

/// Can this processor run `kernel`?
inline bool Runs(StopKernel kernel) {
#ifdef SY_STOPS_BY_VECTORS
  if (kernel == StopKernel::kVbmi2) {
    return __builtin_cpu_supports("avx512vbmi2") > 0 && __builtin_cpu_supports("avx512bw") > 0;
  }
  if (kernel == StopKernel::kAvx2) {
    return __builtin_cpu_supports("avx2") > 0 && __builtin_cpu_supports("bmi") > 0;
  }
#endif
  return kernel == StopKernel::kPortable;
}

#ifdef SY_STOPS_BY_VECTORS

template <char... wanted>
__attribute__((target("avx2,bmi,popcnt"))) std::size_t FindStopsAvx2(const char* text,
                                                                     std::size_t bytes,
                                                                     std::uint32_t* offsets) {
  return FindAll<wanted...>(text, bytes, offsets);
}

#define SY_VBMI2 __attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt,bmi2")))

// GCC 12 takes what the forms without a mask leave undefined for a fault.
inline constexpr std::uint8_t kFourLanes = 0xF;
inline constexpr std::uint16_t kAllLanes = 0xFFFF;

SY_VBMI2 inline void StoreOffsets(std::size_t start, __m128i steps, std::uint32_t* out) {
  const __m512i offsets = _mm512_maskz_cvtepu8_epi32(kAllLanes, steps);
  _mm512_storeu_si512(out, _mm512_add_epi32(offsets, _mm512_set1_epi32(static_cast<int>(start))));
}

/// Source: vpcompressb as the last step of an index of structural characters: Langdale and Lemire, "Parsing gigabytes of JSON
///         per second", VLDB Journal 2019, has the index; the instruction came later.
template <char... wanted>
SY_VBMI2 std::size_t FindStopsVbmi2(const char* text, std::size_t bytes, std::uint32_t* offsets) {
  alignas(64) static constexpr char kSteps[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i steps = _mm512_load_si512(kSteps);
  std::uint32_t* out = offsets;
  for (std::size_t at = 0; at < bytes; at += kScanBytes) {
    const __m512i block = _mm512_loadu_si512(text + at);
    std::uint64_t mask = (_mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(wanted)) | ...);
    if (bytes - at < kScanBytes) mask = _bzhi_u64(mask, static_cast<unsigned>(bytes - at));
    const auto count = static_cast<std::size_t>(_mm_popcnt_u64(mask));
    const __m512i found = _mm512_maskz_compress_epi8(mask, steps);
    StoreOffsets(at, _mm512_maskz_extracti32x4_epi32(kFourLanes, found, 0), out);
    if (count > 16)
      StoreOffsets(at, _mm512_maskz_extracti32x4_epi32(kFourLanes, found, 1), out + 16);
    if (count > 32) {
      StoreOffsets(at, _mm512_maskz_extracti32x4_epi32(kFourLanes, found, 2), out + 32);
      StoreOffsets(at, _mm512_maskz_extracti32x4_epi32(kFourLanes, found, 3), out + 48);
    }
    out += count;
  }
  return static_cast<std::size_t>(out - offsets);
}

#undef SY_VBMI2
#endif

/// FindStops() by one kernel, which Runs().
template <char... wanted>
std::size_t FindStopsBy(StopKernel kernel, const char* text, std::size_t bytes,
                        std::uint32_t* offsets) {
#ifdef SY_STOPS_BY_VECTORS
  if (kernel == StopKernel::kVbmi2) return FindStopsVbmi2<wanted...>(text, bytes, offsets);
  if (kernel == StopKernel::kAvx2) return FindStopsAvx2<wanted...>(text, bytes, offsets);
#endif
  return FindAll<wanted...>(text, bytes, offsets);
}

/// Write the offsets from `text` of its bytes that are one of `wanted` to `offsets`, which has room for kScanBytes more than
/// there are. kScanBytes behind the text are readable.
/// @return how many there are.
template <char... wanted>
std::size_t FindStops(const char* text, std::size_t bytes, std::uint32_t* offsets) {
  static const StopKernel kernel = Runs(StopKernel::kVbmi2)  ? StopKernel::kVbmi2
                                   : Runs(StopKernel::kAvx2) ? StopKernel::kAvx2
                                                             : StopKernel::kPortable;
  return FindStopsBy<wanted...>(kernel, text, bytes, offsets);
}

/// FindStops() of a text of any length, written to `stops` from `first` on; `stops` grows by what is found, never shrinks, and
/// has room for kScanBytes more.
template <char... wanted>
std::size_t FindStops(std::string_view text, std::size_t first, std::vector<std::uint32_t>& stops) {
  // Piece by piece: room for as many stops as a long row has bytes would be four times its size.
  constexpr std::size_t kPieceBytes = 16 << 10;
  std::size_t count = first;
  for (std::size_t at = 0; at < text.size() || at == 0; at += kPieceBytes) {
    const std::size_t bytes = std::min(kPieceBytes, text.size() - at);
    const std::size_t room = count + bytes + 2 * kScanBytes;
    if (stops.size() < room) stops.resize(2 * room);
    std::uint32_t* const found = stops.data() + count;
    const std::size_t more = FindStops<wanted...>(text.data() + at, bytes, found);
    for (std::size_t i = 0; at > 0 && i < more; ++i) found[i] += static_cast<std::uint32_t>(at);
    count += more;
  }
  return count - first;
}

}  // namespace steelyard::data
