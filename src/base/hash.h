// Hashes: the id bijection, string keys (XXH3) and CRC32C checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "steelyard/types.h"

namespace steelyard {

/// Map a numeric feature id to the key it is stored under; a bijection of uint64, so that ids that are dense or
/// grouped spread evenly over the key space and IdOfKey() can print the file's own id again.
/// Source: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
constexpr Key KeyOfId(std::uint64_t id) {
  std::uint64_t z = id + 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// Inverse of KeyOfId().
constexpr std::uint64_t IdOfKey(Key key) {
  const auto unshift = [](std::uint64_t x, int by) {
    std::uint64_t y = x;
    for (int done = by; done < 64; done += by) y = x ^ (y >> by);
    return y;
  };
  std::uint64_t z = unshift(key, 31) * 0x319642B2D24D8EC3ULL;
  z = unshift(z, 27) * 0x96DE1B173F119089ULL;
  return unshift(z, 30) - 0x9E3779B97F4A7C15ULL;
}

/// The intercept of a linear model: a feature of value 1 in every row. No feature of the data may have its id.
inline constexpr std::uint64_t kInterceptId = ~std::uint64_t{0};
inline constexpr Key kInterceptKey = KeyOfId(kInterceptId);

/// The key of a feature name: XXH3, 64 bits.
Key KeyOfName(std::string_view name);

/// XXH3 of 64 bits over bytes, for file and content fingerprints.
std::uint64_t HashBytes(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// 128 bits: two different inputs of one hash are not to be expected, however many there are.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

/// XXH3 of 128 bits over bytes. Not against forgers: who hashes what others name must hash it himself.
Hash128 HashBytes128(std::span<const std::byte> bytes);

/// CRC32C of `bytes`, continuing from `crc` (0 to start).
std::uint32_t Crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

}  // namespace steelyard
