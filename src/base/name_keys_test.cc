// Goal: names hashed eight at a time have the keys of names hashed one by one. Method: KeyOfName() as the oracle; every length,
// every number of names around the multiples of the lanes and of a block.
#include "base/name_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/hash.h"

namespace steelyard {
namespace {

/// Hash `count` names of random bytes, whose lengths are drawn from [least, most], and compare.
void Compare(std::mt19937_64& random, std::size_t count, std::size_t least, std::size_t most) {
  const std::size_t whole = (count + NameSlots::kLanes - 1) / NameSlots::kLanes * NameSlots::kLanes;
  std::vector<char> text(NameSlots::kFrontBytes + whole * NameSlots::kBytes);
  for (char& c : text) c = static_cast<char>(random());
  std::vector<std::uint32_t> sizes(whole);
  for (std::uint32_t& size : sizes) {
    size = static_cast<std::uint32_t>(least + random() % (most - least + 1));
  }
  std::vector<Key> keys(whole);
  const char* const slots = text.data() + NameSlots::kFrontBytes;
  KeysOfNames({.text = slots, .sizes = sizes.data(), .count = count}, keys.data());
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(keys[i], KeyOfName({slots + i * NameSlots::kBytes, sizes[i]}))
        << "name " << i << " of " << count << ", " << sizes[i] << " bytes";
  }
}

TEST(NameKeys, OfEveryLengthAreThoseOfTheNamesAlone) {
  std::mt19937_64 random(3);
  for (std::size_t size = 1; size <= NameSlots::kBytes; ++size) Compare(random, 100, size, size);
}

TEST(NameKeys, OfMixedLengthsAreThoseOfTheNamesAlone) {
  std::mt19937_64 random(4);
  for (std::size_t count = 0; count <= 200; ++count) {
    Compare(random, count, 1, NameSlots::kBytes);
    Compare(random, count, 4, 16);
  }
}

}  // namespace
}  // namespace steelyard
