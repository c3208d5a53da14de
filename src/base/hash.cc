#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace steelyard {

Key KeyOfName(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

Hash128 HashKeys(std::span<const Key> keys) {
  const XXH128_hash_t hash = XXH3_128bits(keys.data(), keys.size_bytes());
  return {.low = hash.low64, .high = hash.high64};
}

std::uint64_t HashBytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace steelyard
