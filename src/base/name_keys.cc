// Most names have 4 to 16 bytes, for which XXH3 has two formulas of a few multiplications: both are computed for all names, in
// vectors, and one is taken. The few others are hashed one by one.
#include "base/name_keys.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/hash.h"
#include "base/vector_clones.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace steelyard {
namespace {

constexpr std::size_t kLanes = NameSlots::kLanes;
constexpr std::size_t kBlock = 64;  // Names on their way at a time.

/// The first and the last eight bytes of names, and their product: processors multiply 64 bits by 64, their vectors do not.
struct Ends {  // Arrays whose indices are not checked: the loop over them becomes vectors.
  std::uint64_t first[kBlock];
  std::uint64_t last[kBlock];
  std::uint64_t product
      [kBlock];  ///< Of both, flipped for names of 9 to 16 bytes; its halves are folded into one.
};

[[gnu::always_inline]] inline std::uint64_t Rotated(std::uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

/// What XXH3 mixes into names of 4 to 8 and of 9 to 16 bytes.
struct Flips {
  std::uint64_t four;
  std::uint64_t nine_first;
  std::uint64_t nine_last;
};

Flips FlipsOfXxh3() {
  const auto pair = [](std::size_t at) {
    return XXH_readLE64(XXH3_kSecret + at) ^ XXH_readLE64(XXH3_kSecret + at + 8);
  };
  return {.four = pair(8), .nine_first = pair(24), .nine_last = pair(40)};
}

/// The keys of names of 4 to 16 bytes; of others, anything.
/// Source: XXH3 of 64 bits, seed 0, doc/xxhash_spec.md of xxHash 0.8.
SY_VECTOR_CLONES
void MixEnds(const Ends& ends, const std::uint32_t* sizes, std::size_t count, const Flips& flips,
             Key* __restrict keys) {
  constexpr std::uint64_t kMixOne = 0x165667919E3779F9ULL;
  constexpr std::uint64_t kMixTwo = 0x9FB21C651E98DF25ULL;
  const Flips flip = flips;
  for (std::size_t i = 0; i < count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t first = ends.first[i + lane];
      const std::uint64_t last = ends.last[i + lane];
      const std::uint64_t size = sizes[i + lane];
      std::uint64_t four = ((last >> 32) + (first << 32)) ^ flip.four;
      four = (four ^ Rotated(four, 49) ^ Rotated(four, 24)) * kMixTwo;
      four = (four ^ ((four >> 35) + size)) * kMixTwo;
      four ^= four >> 28;
      const std::uint64_t low = first ^ flip.nine_first;
      const std::uint64_t high = last ^ flip.nine_last;
      std::uint64_t nine = size + __builtin_bswap64(low) + high + ends.product[i + lane];
      nine = (nine ^ (nine >> 37)) * kMixOne;
      nine ^= nine >> 32;
      keys[i + lane] = size > 8 ? nine : four;
    }
  }
}

}  // namespace

void KeysOfNames(const NameSlots& names, Key* keys) {
  static const Flips constants = FlipsOfXxh3();
  const Flips flips = constants;
  Ends ends;
  for (std::size_t start = 0; start < names.count; start += kBlock) {
    const std::size_t count = std::min(kBlock, names.count - start);
    const std::size_t whole = (count + kLanes - 1) / kLanes * kLanes;
    const char* const text = names.text + start * NameSlots::kBytes;
    const std::uint32_t* const sizes = names.sizes + start;
    std::array<std::uint32_t, kBlock + 1> others;
    std::size_t other_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char* const name = text + i * NameSlots::kBytes;
      std::uint64_t first = 0;
      std::uint64_t last = 0;
      std::memcpy(&first, name, sizeof(first));
      std::memcpy(&last, name + sizes[i] - sizeof(last), sizeof(last));
      ends.first[i] = first;
      ends.last[i] = last;
      ends.product[i] = XXH3_mul128_fold64(first ^ flips.nine_first, last ^ flips.nine_last);
      others[other_count] = static_cast<std::uint32_t>(i);
      other_count += sizes[i] - 4 > 12 ? 1 : 0;
    }
    for (std::size_t i = count; i < whole; ++i) ends.first[i] = ends.last[i] = ends.product[i] = 0;
    MixEnds(ends, sizes, whole, flips, keys + start);
    for (std::size_t i = 0; i < other_count; ++i) {
      const std::uint32_t other = others[i];
      keys[start + other] = KeyOfName({text + other * NameSlots::kBytes, sizes[other]});
    }
  }
}

}  // namespace steelyard
