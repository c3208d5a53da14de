// Scanning text many bytes at a time. What is scanned must be followed by kReadAheadBytes readable bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace steelyard::data {

inline constexpr std::ptrdiff_t kScanBytes = 64;
inline constexpr std::size_t kCopyBytes = 16;

/// A bit for each of the 16 bytes at `p` that is one of `wanted`, the first one lowest.
template <char... wanted>
[[gnu::always_inline]] inline std::uint32_t ShortMaskOf(const char* p) {
  std::uint32_t mask = 0;
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i found = (_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted)) | ...);
  mask = static_cast<std::uint32_t>(_mm_movemask_epi8(found));
#else
  for (int i = 0; i < 16; ++i) mask |= static_cast<std::uint32_t>(((p[i] == wanted) || ...)) << i;
#endif
  return mask;
}

/// A bit for each of the kScanBytes bytes at `p` that is one of `wanted`, the first one lowest.
template <char... wanted>
[[gnu::always_inline]] inline std::uint64_t MaskOf(const char* p) {
  std::uint64_t mask = 0;
#pragma GCC unroll 4
  for (int i = 0; i < kScanBytes; i += 16) {
    mask |= static_cast<std::uint64_t>(ShortMaskOf<wanted...>(p + i)) << i;
  }
  return mask;
}

/// Write the offsets from `text` of its bytes that are one of `wanted` to `offsets`, which has room for kScanBytes more.
/// @return how many there are.
template <char... wanted>
[[gnu::always_inline]] inline std::size_t FindAll(const char* text, std::size_t bytes,
                                                  std::uint32_t* offsets) {
  constexpr std::size_t kStep =
      8;  // So many are written at once: a count that cannot be predicted costs more.
  std::uint32_t* out = offsets;
  for (std::size_t at = 0; at < bytes; at += kScanBytes) {
    std::uint64_t mask = MaskOf<wanted...>(text + at);
    if (bytes - at < kScanBytes) mask &= (std::uint64_t{1} << (bytes - at)) - 1;
    const auto count = static_cast<std::size_t>(std::popcount(mask));
    for (std::size_t first = 0; first < count; first += kStep) {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < kStep; ++i) {
        out[first + i] =
            static_cast<std::uint32_t>(at) + static_cast<std::uint32_t>(std::countr_zero(mask));
        mask &= mask - 1;
      }
    }
    out += count;
  }
  return static_cast<std::size_t>(out - offsets);
}

/// How many bytes stand at `p` before the first one of `stops`, which must be there: a line end, for example.
template <char... stops>
std::size_t BytesBefore(const char* p) {
  for (std::size_t count = 0;; count += 16) {
    const std::uint32_t mask = ShortMaskOf<stops...>(p + count);
    if (mask != 0) return count + static_cast<std::size_t>(std::countr_zero(mask));
  }
}

/// Copy `count` bytes, in pieces of kCopyBytes: up to so many bytes more are read and written.
inline void CopyShort(char* to, const char* from, std::size_t count) {
  for (std::size_t at = 0; at < count; at += kCopyBytes)
    std::memcpy(to + at, from + at, kCopyBytes);
}

}  // namespace steelyard::data
