// Goal: a list that comes again gets the slots it left, never of another generation nor what nobody filled, and memory
// stays bounded.
#include "table/slot_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/hash.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

std::vector<Key> Keys(Key first, std::size_t count) {
  std::vector<Key> keys(count);
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

/// Is the list remembered? From now on it is.
bool Remembered(SlotMemory& memory, std::span<const Key> keys, std::uint64_t generation = 1) {
  const SlotHints hints = memory.For(keys, generation);
  const bool usable = hints.usable();
  std::ranges::fill(hints.slots, kNoSlot);
  hints.SetFilled();
  return usable;
}

TEST(SlotMemory, AListThatComesAgainHasItsSlots) {
  SlotMemory memory;
  const std::vector<Key> keys = Keys(10, 3);
  EXPECT_FALSE(memory.For(keys, 1).usable());
  const SlotHints hints = memory.For(keys, 1);
  EXPECT_FALSE(hints.usable()) << "nobody filled it";
  ASSERT_EQ(hints.slots.size(), 3u);
  std::byte place{};
  hints.slots[1] = &place;
  hints.SetFilled();
  EXPECT_FALSE(Remembered(memory, Keys(10, 4)));
  EXPECT_FALSE(Remembered(memory, Keys(11, 3)));
  const SlotHints again = memory.For(keys, 1);
  EXPECT_TRUE(again.usable());
  EXPECT_EQ(again.slots[1], &place);
  EXPECT_EQ(memory.recalled(), 1u);
  EXPECT_FALSE(Remembered(memory, keys, 2)) << "the memory they point into may be gone";
  EXPECT_TRUE(Remembered(memory, keys, 2));
}

TEST(SlotMemory, IsBounded) {
  SlotMemory memory;
  EXPECT_TRUE(memory.For(Keys(0, SlotMemory::kKeysMax + 1), 1).slots.empty());
  EXPECT_TRUE(memory.For({}, 1).slots.empty());
  const std::vector<Key> small = Keys(5, 10);
  (void)Remembered(memory, small);
  for (Key i = 0; i < 7; ++i) (void)Remembered(memory, Keys(100 + i, 10));
  EXPECT_TRUE(Remembered(memory, small));
  (void)Remembered(memory, Keys(200, 10));
  EXPECT_FALSE(Remembered(memory, small)) << "eight lists came since";
  const std::vector<Key> large = Keys(0, SlotMemory::kKeysMax);
  EXPECT_TRUE(memory.For(large, 1).slots.empty()) << "a long list came once";
  (void)Remembered(memory, Keys(200, 10));
  EXPECT_FALSE(Remembered(memory, large));
  EXPECT_TRUE(Remembered(memory, large));
  EXPECT_FALSE(Remembered(memory, Keys(200, 10))) << "it had to make room";
  EXPECT_FALSE(Remembered(memory, large)) << "so had the large one";
}

TEST(SlotMemory, ListsKeepTheirOwnSlots) {
  SlotMemory memory;
  std::vector<std::byte> places(SlotMemory::kKeysMax);
  std::mt19937_64 random(1);
  std::size_t recalled = 0;
  for (std::size_t round = 0; round < 2000; ++round) {
    const std::size_t id = random() % 10;
    const std::vector<Key> keys = Keys(id * 100'000, 1000 + id * 700);
    const SlotHints hints = memory.For(keys, 1);
    if (hints.slots.empty()) continue;
    ASSERT_EQ(hints.slots.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); i += 99) {
      ASSERT_TRUE(!hints.usable() || hints.slots[i] == &places[id * 1000 + i]);
    }
    recalled += hints.usable() ? 1 : 0;
    for (std::size_t i = 0; i < keys.size(); ++i) hints.slots[i] = &places[id * 1000 + i];
    hints.SetFilled();
  }
  EXPECT_EQ(memory.recalled(), recalled);
  EXPECT_GT(recalled, 100u);
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
        const SlotHints hints = remembered.For(list, table.generation());
        hinted += hints.usable() ? 1 : 0;
        if (hints.usable() && round % 3 == 0) std::ranges::reverse(hints.slots);
        std::size_t found = 0;
        table.Update(list, hints, [&](std::size_t first, std::span<const Slot> at) {
          for (std::size_t i = 0; i < at.size(); ++i) {
            ASSERT_EQ(KeyOf(at[i]), list[first + i]);
            ASSERT_EQ(RowOf(at[i], row_floats), table.Find(list[first + i]));
          }
          found += at.size();
        });
        ASSERT_EQ(found, list.size());
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
