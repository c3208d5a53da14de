// Keys and floats that codecs are tried on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "filter/grid.h"
#include "steelyard/types.h"

namespace steelyard::filter {

/// Counts around the blocks of codecs (64 floats, 128 keys) and the vectors of kernels.
inline const std::vector<std::size_t> kCounts{
    0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130, 136, 257, 513, 5000};

/// Strictly increasing; steps of at most 2^`step_bits`, 0: consecutive ones.
inline std::vector<Key> SteppedKeys(std::size_t count, unsigned step_bits, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Key> keys(count);
  Key key = random() >> 40U;
  for (Key& each : keys) {
    each = key;
    key += 1 + (step_bits == 0 ? 0 : random() >> (64U - step_bits));
  }
  return keys;
}

/// Uniform over all keys, with the smallest and the largest one when there are two.
inline std::vector<Key> SpreadKeys(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Key> keys(count);
  for (Key& key : keys) key = random();
  std::ranges::sort(keys);
  if (count > 1) {
    keys.front() = 0;
    keys.back() = kKeyMax;
  }
  return keys;
}

inline std::vector<float> NormalFloats(std::size_t count, double zeros, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::bernoulli_distribution zero(zeros);
  std::vector<float> floats(count);
  for (float& value : floats) value = zero(random) ? 0.0F : normal(random);
  return floats;
}

/// Integers of `bytes` bytes times a power of two.
inline std::vector<float> GridFloats(std::size_t count, int bytes, int exponent,
                                     std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::int64_t most = (std::int64_t{1} << GridBits(bytes)) - 1;
  std::uniform_int_distribution<std::int64_t> steps(-most, most);
  std::vector<float> floats(count);
  for (float& value : floats) value = static_cast<float>(steps(random)) * PowerOfTwo(exponent);
  return floats;
}

/// What arithmetic would change: both zeros, NaNs with payloads, infinities, subnormals, the extremes.
inline std::vector<float> OddFloats(std::size_t count) {
  using Limits = std::numeric_limits<float>;
  const std::vector<float> odd{0.0F,
                               -0.0F,
                               Limits::quiet_NaN(),
                               std::bit_cast<float>(0xFFC12345U),
                               Limits::infinity(),
                               -Limits::infinity(),
                               Limits::denorm_min(),
                               -Limits::denorm_min(),
                               Limits::min(),
                               Limits::max(),
                               Limits::lowest(),
                               1.0F};
  std::vector<float> floats(count);
  for (std::size_t i = 0; i < count; ++i) floats[i] = odd[i * i % odd.size()];
  return floats;
}

}  // namespace steelyard::filter
