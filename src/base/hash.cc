#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace steelyard {

Key KeyOfName(std::string_view name) {
  return XXH3_64bits(name.data(), name.size());
}

std::uint64_t HashBytes(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 HashBytes128(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

}  // namespace steelyard
