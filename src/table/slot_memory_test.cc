// Goal: a list that comes again gets the slots it left, never one of another generation, and memory stays bounded.
#include "table/slot_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/hash.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

std::vector<Key> Keys(Key first, std::size_t count) {
  std::vector<Key> keys(count);
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

TEST(SlotMemory, AListThatComesAgainHasItsSlots) {
  SlotMemory memory;
  const std::vector<Key> keys = Keys(10, 3);
  const SlotHints hints = memory.For(keys, 1);
  ASSERT_EQ(hints.slots.size(), 3u);
  EXPECT_FALSE(hints.filled);
  std::byte place{};
  hints.slots[1] = &place;
  EXPECT_FALSE(memory.For(Keys(10, 4), 1).filled);
  EXPECT_FALSE(memory.For(Keys(11, 3), 1).filled);
  const SlotHints again = memory.For(keys, 1);
  EXPECT_TRUE(again.filled);
  EXPECT_EQ(again.slots[1], &place);
  EXPECT_EQ(memory.recalled(), 1u);
  EXPECT_FALSE(memory.For(keys, 2).filled) << "the memory they point into may be gone";
  EXPECT_TRUE(memory.For(keys, 2).filled);
}

TEST(SlotMemory, IsBounded) {
  SlotMemory memory;
  EXPECT_TRUE(memory.For(Keys(0, SlotMemory::kKeysMax + 1), 1).slots.empty());
  EXPECT_TRUE(memory.For({}, 1).slots.empty());
  const std::vector<Key> small = Keys(5, 10);
  (void)memory.For(small, 1);
  for (Key i = 0; i < 7; ++i) (void)memory.For(Keys(100 + i, 10), 1);
  EXPECT_TRUE(memory.For(small, 1).filled);
  (void)memory.For(Keys(200, 10), 1);
  EXPECT_FALSE(memory.For(small, 1).filled) << "eight lists came since";
  const std::vector<Key> large = Keys(0, SlotMemory::kKeysMax);
  (void)memory.For(large, 1);
  EXPECT_TRUE(memory.For(large, 1).filled);
  EXPECT_FALSE(memory.For(Keys(200, 10), 1).filled) << "it had to make room";
}

// Hints that are right, outdated or nonsense: the slots are the same.
TEST(SlotMemory, HintsChangeNothingButTheCost) {
  for (const std::size_t row_floats : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
    PageMemory memory;
    HashTable table({0, kKeyMax}, row_floats, memory);
    std::vector<Key> keys;
    for (std::uint64_t id = 0; id < 3000; ++id) keys.push_back(KeyOfId(id));
    std::ranges::sort(keys);
    SlotMemory remembered;
    std::size_t hinted = 0;
    for (std::uint64_t round = 0; round < 200; ++round) {
      std::vector<Key> list;
      for (std::size_t i = round % 7; i < keys.size(); i += 6 + round % 50) list.push_back(keys[i]);
      for (int again = 0; again < 2; ++again) {
        const auto [slots, filled] = remembered.For(list, table.generation());
        if (filled && round % 3 == 0) std::ranges::reverse(slots);
        std::size_t found = 0;
        table.Update(list, {slots, filled}, [&](std::size_t first, std::span<const Slot> at) {
          for (std::size_t i = 0; i < at.size(); ++i) {
            ASSERT_EQ(KeyOf(at[i]), list[first + i]);
            ASSERT_EQ(RowOf(at[i], row_floats), table.Find(list[first + i]));
          }
          found += at.size();
        });
        ASSERT_EQ(found, list.size());
        hinted += filled ? 1 : 0;
      }
      if (round % 5 == 0) {
        for (std::size_t i = 0; i < list.size(); i += 3) ASSERT_TRUE(table.Erase(list[i]));
      }
    }
    EXPECT_GT(hinted, 100u);
    EXPECT_GT(table.size(), 1000u);
  }
}

}  // namespace
}  // namespace steelyard::table
