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

/// A bit for each of the kScanBytes bytes at `p` that is `wanted`, the first one lowest.
inline std::uint64_t MaskOf(const char* p, char wanted) {
  std::uint64_t mask = 0;
#ifdef __SSE2__
  const __m128i pattern = _mm_set1_epi8(wanted);
  const auto quarter = [&](int i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
    const auto found =
        static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, pattern)));
    return static_cast<std::uint64_t>(found) << (16 * i);
  };
  mask = quarter(0) | quarter(1) | quarter(2) | quarter(3);
#else
  for (int i = 0; i < kScanBytes; ++i) mask |= static_cast<std::uint64_t>(p[i] == wanted) << i;
#endif
  return mask;
}

/// How many bytes stand at `p` before the first one of `stops`, which must be there: a line end, for example.
template <char... stops>
std::size_t BytesBefore(const char* p) {
  std::size_t count = 0;
#ifdef __SSE2__
  for (;; count += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + count));
    const __m128i found = (_mm_cmpeq_epi8(bytes, _mm_set1_epi8(stops)) | ...);
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(found));
    if (mask != 0) return count + static_cast<std::size_t>(std::countr_zero(mask));
  }
#else
  while (!((p[count] == stops) || ...)) ++count;
#endif
  return count;
}

/// Copy `count` bytes, in pieces of kCopyBytes: up to so many bytes more are read and written.
inline void CopyShort(char* to, const char* from, std::size_t count) {
  for (std::size_t at = 0; at < count; at += kCopyBytes)
    std::memcpy(to + at, from + at, kCopyBytes);
}

}  // namespace steelyard::data
