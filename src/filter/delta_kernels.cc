// Portable: a store (load) of 8 bytes a key at a step of `width` bytes, the next one covering what was too much.
// AVX-512 VBMI: one permutation of bytes for 8 keys, and sums of 8 keys in three steps.
#include "filter/delta_kernels.h"

#include <array>
#include <utility>
#include <vector>

#include "filter/raw_bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace steelyard::filter {
namespace {

constexpr std::size_t kKeyBytes = sizeof(Key);
constexpr std::size_t kWidthCount = kKeyBytes + 1;

template <std::size_t kWidth>
void PackWidth(const std::byte* keys, std::size_t count, std::byte* out) {
  for (std::size_t i = 0; i < count; ++i) {
    StoreAt(out + i * kWidth,
            LoadAt<Key>(keys + (i + 1) * kKeyBytes) - LoadAt<Key>(keys + i * kKeyBytes) - 1);
  }
}

template <std::size_t kWidth>
Key UnpackWidth(const std::byte* in, std::size_t count, Key before, std::byte* keys) {
  constexpr Key kMask = kWidth == kKeyBytes ? kKeyMax : (Key{1} << (8 * (kWidth % 8))) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    before += (LoadAt<Key>(in + i * kWidth) & kMask) + 1;
    StoreAt(keys + i * kKeyBytes, before);
  }
  return before;
}

template <typename Function, std::size_t... kWidths>
constexpr auto Tabulate(Function make, std::index_sequence<kWidths...> /*widths*/) {
  return std::array{make(std::integral_constant<std::size_t, kWidths>())...};
}
constexpr auto kWidths = std::make_index_sequence<kWidthCount>();
constexpr auto kPack = Tabulate([](auto width) { return PackWidth<width()>; }, kWidths);
constexpr auto kUnpack = Tabulate([](auto width) { return UnpackWidth<width()>; }, kWidths);

void PackPortable(const std::byte* keys, std::size_t count, std::size_t width, std::byte* out) {
  kPack[width](keys, count, out);
}

Key UnpackPortable(const std::byte* in, std::size_t count, std::size_t width, Key before,
                   std::byte* keys) {
  return kUnpack[width](in, count, before, keys);
}

#if defined(__x86_64__)
/// For each width, where the bytes of 8 packed differences come from, and where those of 8 keys do.
struct ByteOrders {
  std::array<std::array<std::uint8_t, 64>, kWidthCount> pack{};
  std::array<std::array<std::uint8_t, 64>, kWidthCount> unpack{};
  std::array<std::uint64_t, kWidthCount> unpacked{};  ///< A bit for each byte that has a source.
};
constexpr ByteOrders MakeByteOrders() {
  ByteOrders orders;
  for (std::size_t width = 1; width < kWidthCount; ++width) {
    for (std::size_t i = 0; i < 8 * width; ++i) {
      const std::size_t wide = i / width * kKeyBytes + i % width;
      orders.pack[width][i] = static_cast<std::uint8_t>(wide);
      orders.unpack[width][wide] = static_cast<std::uint8_t>(i);
      orders.unpacked[width] |= std::uint64_t{1} << wide;
    }
  }
  return orders;
}
constexpr ByteOrders kOrders = MakeByteOrders();

#define SY_VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))

SY_VBMI void PackVbmi(const std::byte* keys, std::size_t count, std::size_t width, std::byte* out) {
  const __m512i order = _mm512_loadu_si512(kOrders.pack[width].data());
  const __m512i ones = _mm512_set1_epi64(1);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m512i before = _mm512_loadu_si512(keys + i * kKeyBytes);
    const __m512i here = _mm512_loadu_si512(keys + (i + 1) * kKeyBytes);
    const __m512i differences = _mm512_sub_epi64(_mm512_sub_epi64(here, before), ones);
    _mm512_storeu_si512(out + i * width, _mm512_permutexvar_epi8(order, differences));
  }
  PackPortable(keys + i * kKeyBytes, count - i, width, out + i * width);
}

SY_VBMI Key UnpackVbmi(const std::byte* in, std::size_t count, std::size_t width, Key before,
                       std::byte* keys) {
  const __m512i order = _mm512_loadu_si512(kOrders.unpack[width].data());
  const __mmask64 unpacked = kOrders.unpacked[width];
  const __m512i zero = _mm512_setzero_si512();
  const __m512i last = _mm512_set1_epi64(7);
  const __m512i eights = _mm512_set1_epi64(8);
  // Lane j holds the key before the eight, and the j + 1 that the differences left out.
  __m512i base = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(before)),
                                  _mm512_setr_epi64(1, 2, 3, 4, 5, 6, 7, 8));
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    __m512i sums =
        _mm512_maskz_permutexvar_epi8(unpacked, order, _mm512_loadu_si512(in + i * width));
    sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 7));
    sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 6));
    sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 4));
    _mm512_storeu_si512(keys + i * kKeyBytes, _mm512_add_epi64(base, sums));
    base = _mm512_add_epi64(base, _mm512_add_epi64(_mm512_permutexvar_epi64(last, sums), eights));
  }
  if (i > 0) before = LoadAt<Key>(keys + (i - 1) * kKeyBytes);
  return UnpackPortable(in + i * width, count - i, width, before, keys + i * kKeyBytes);
}
#endif

std::vector<DeltaKernels> FindDeltaKernels() {
  std::vector<DeltaKernels> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vbmi") > 0) found.push_back({"vbmi", PackVbmi, UnpackVbmi});
#endif
  found.push_back({"portable", PackPortable, UnpackPortable});
  return found;
}

}  // namespace

std::span<const DeltaKernels> SupportedDeltaKernels() {
  static const std::vector<DeltaKernels> kernels = FindDeltaKernels();
  return kernels;
}

}  // namespace steelyard::filter
