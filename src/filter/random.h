// The random source that filters are handed: a seed in, the same numbers on every machine.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace steelyard::filter {

/// SplitMix64: one word of state, any seed is good.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    const std::uint64_t number = KeyOfId(state_);
    state_ += 0x9E3779B97F4A7C15ULL;
    return number;
  }

 private:
  std::uint64_t state_;
};

}  // namespace steelyard::filter
