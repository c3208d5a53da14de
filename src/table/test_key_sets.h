// Key sets for tests of tables: spread, dense, clustered, ascending, descending, exponential.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "steelyard/types.h"

namespace steelyard::table {

inline constexpr std::size_t kKeySetSize = 20'000;

struct KeySet {
  std::string name;
  std::vector<Key> keys;  // In order of arrival; may repeat.
};

/// Sets of kKeySetSize keys of every kind of distribution that users bring.
inline std::vector<KeySet> KeySets() {
  std::mt19937_64 random(20141006);
  std::vector<KeySet> sets;
  const auto add = [&](std::string name, auto&& key_at) {
    KeySet set{std::move(name), {}};
    for (std::size_t i = 0; i < kKeySetSize; ++i) set.keys.push_back(key_at(i));
    sets.push_back(std::move(set));
  };
  add("spread", [&](std::size_t) { return random(); });
  add("repeated", [&](std::size_t) { return KeyOfId(random() % 5000); });
  add("dense ascending", [](std::size_t i) { return Key{i}; });
  add("dense descending", [](std::size_t i) { return kKeyMax - i; });
  add("dense shuffled", [&](std::size_t) { return random() % kKeySetSize; });
  add("spread ascending", [](std::size_t i) { return Key{i} * (kKeyMax / kKeySetSize); });
  add("clusters", [&](std::size_t) { return (random() % 40) << 57 | random() % 4000; });
  add("tight clusters", [&](std::size_t) { return KeyOfId(random() % 500) + random() % 200; });
  add("exponential", [&](std::size_t) { return random() >> (random() % 64); });
  add("spread and one dense run",
      [&](std::size_t i) { return i % 2 == 0 ? random() : (Key{1} << 63) + i; });
  add("groups in the high bits", [](std::size_t i) { return (Key{i % 7} << 56) | i; });
  return sets;
}

}  // namespace steelyard::table
