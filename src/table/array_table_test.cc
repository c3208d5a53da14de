// Goal: a frozen table holds exactly the rows that stay, in order, whatever its keys and the size of a slice; requests
// read and change them as on the table that it was. Method: std::map beside it, over keys of every distribution.
#include "table/array_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "table/freezer.h"
#include "table/hash_table.h"
#include "table/row_batches.h"
#include "table/slot_memory.h"
#include "table/test_key_sets.h"
#include "table/updater.h"

namespace steelyard::table {
namespace {

constexpr KeyRange kAll{0, kKeyMax};
using Oracle = std::map<Key, std::vector<float>>;

std::unique_ptr<ArrayTable> Frozen(const Rows& from, PageMemory& memory,
                                   const Freezer::Keep& keep = {}, std::size_t slice = 1000) {
  Freezer freezer(&from, keep, &memory);
  std::size_t slices = 1;
  while (!freezer.Continue(slice)) ++slices;
  EXPECT_GE(slices * slice, (keep ? 2 : 1) * from.size());
  return freezer.Take();
}

void ExpectSame(const Rows& rows, const Oracle& oracle, Key first = 0) {
  auto expected = oracle.lower_bound(first);
  std::size_t wrong = 0;
  EXPECT_TRUE(rows.Scan(first, [&](Key key, std::span<const float> row) {
    wrong += expected == oracle.end() || expected->first != key ||
             !std::ranges::equal(expected->second, row);
    if (expected != oracle.end()) ++expected;
    return true;
  }));
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(expected == oracle.end());
}

// A table of a key set, whose second float tells the keys apart.
struct Made {
  PageMemory memory;
  HashTable hash;
  Oracle oracle;
  std::vector<Key> keys;

  Made(const std::vector<Key>& arrived, std::size_t width) : hash(kAll, width, memory) {
    for (const Key key : arrived) {
      float* row = hash.FindOrInsert(key);
      row[0] += 1.0F;
      row[width - 1] += static_cast<float>(key % 1000);
      oracle[key].assign(row, row + width);
    }
    for (const auto& [key, row] : oracle) keys.push_back(key);
  }
};

TEST(ArrayTable, HoldsTheRowsThatStayForKeysOfAnyDistribution) {
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    Made made(set.keys, 3);
    for (const float at_least : {0.0F, 2.0F, 1e9F}) {
      const auto keep = [&](Key, std::span<const float> row) { return row[0] >= at_least; };
      // Where every row stays, nobody asks.
      const auto table =
          Frozen(made.hash, made.memory, at_least == 0.0F ? Freezer::Keep() : keep, 777);
      Oracle kept = made.oracle;
      std::erase_if(kept, [&](const auto& entry) { return !keep(entry.first, entry.second); });
      ASSERT_EQ(table->size(), kept.size());
      ExpectSame(*table, kept);
      ASSERT_EQ(table->Span().has_value(), !kept.empty());
      if (!kept.empty()) {
        EXPECT_EQ(table->Span()->first, kept.begin()->first);
        EXPECT_EQ(table->Span()->last, kept.rbegin()->first);
      }
      ExpectSame(*table, kept, made.keys[made.keys.size() / 2] + 1);
      EXPECT_LT(table->memory_bytes(), 2 * 22 * kept.size() + (96 << 10));
      std::size_t rank = 0;
      for (const auto& [key, row] : kept) {
        ASSERT_EQ(table->keys()[rank], key);
        ASSERT_EQ(table->column(2)[rank], row[2]);
        ++rank;
      }
    }
  }
}

TEST(ArrayTable, FindsKeysAndRangesOfAnyDistribution) {
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    Made made(set.keys, 1);
    const auto table = Frozen(made.hash, made.memory);
    std::mt19937_64 random(5);
    std::vector<Key> asked{0, kKeyMax};
    for (int i = 0; i < 3000; ++i) {
      asked.push_back(i % 3 == 0 ? random() : made.keys[random() % made.keys.size()] + i % 2);
    }
    std::ranges::sort(asked);
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    std::vector<ArrayTable::Rank> ranks(asked.size());
    const std::size_t absent = table->FindRanks(asked, ranks);
    std::size_t expected_absent = 0;
    std::size_t first_absent = asked.size();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const bool there = made.oracle.contains(asked[i]);
      expected_absent += there ? 0 : 1;
      if (!there) first_absent = std::min(first_absent, i);
      ASSERT_EQ(ranks[i] != ArrayTable::kNoRank, there) << asked[i];
      ASSERT_TRUE(!there || table->keys()[ranks[i]] == asked[i]);
    }
    EXPECT_EQ(absent, expected_absent);
    EXPECT_EQ(table->FirstAbsent(asked), first_absent);
    EXPECT_EQ(table->FirstAbsent(made.keys), made.keys.size());
    for (int i = 0; i < 200; ++i) {
      KeyRange range{asked[random() % asked.size()], asked[random() % asked.size()]};
      if (range.first > range.last) std::swap(range.first, range.last);
      const auto first = std::ranges::lower_bound(made.keys, range.first);
      const auto end = std::ranges::upper_bound(made.keys, range.last);
      ASSERT_EQ(table->RanksOf(range).first, static_cast<std::size_t>(first - made.keys.begin()));
      ASSERT_EQ(table->RanksOf(range).count, static_cast<std::size_t>(end - first));
    }
  }
}

// Requests of random keys leave a frozen table and the one it was equal, with and without hints.
TEST(ArrayTable, UpdatersChangeAndReadItAsTheTableItWas) {
  std::size_t requests = 0;
  for (const char* name : {"ftrl", "adagrad", "sgd", "adam", "add", "assign", "max"}) {
    for (const std::size_t width : {1U, 3U, 400U}) {
      SCOPED_TRACE(name + std::string(" of width ") + std::to_string(width));
      const auto updater = MakeUpdater({.name = name}, width);
      ASSERT_TRUE(updater.ok());
      const auto& rule = *updater.value();
      std::mt19937_64 random(width);
      std::vector<Key> all(2000);
      for (Key& key : all) key = random();
      Made made(all, rule.row_floats());
      const auto table = Frozen(made.hash, made.memory);
      SlotMemory memory;
      for (int i = 0; i < 24; ++i, ++requests) {
        std::vector<Key> keys;
        const auto one_in = 1 + random() % 40;
        for (const Key key : made.keys) {
          if (random() % one_in == 0) keys.push_back(key);
        }
        std::vector<float> pushed(keys.size() * width);
        for (float& value : pushed) value = static_cast<float>(random() % 100) * 0.01F;
        for (int repeat = 0; repeat < 2; ++repeat) {
          rule.ApplyBatch(made.hash, keys, pushed);
          rule.ApplyBatch(*table, keys, pushed, memory.For(keys, table->generation()));
        }
        if (i % 3 == 0) keys.push_back(made.keys.back() + 1);  // Absent: reads as zeros.
        std::vector<float> expected(keys.size() * width, -1.0F);
        std::vector<float> found(keys.size() * width, -2.0F);
        rule.ReadBatch(made.hash, keys, expected);
        rule.ReadBatch(*table, keys, found, memory.For(keys, table->generation()));
        ASSERT_EQ(found, expected);
        std::vector<float> rows(keys.size() * rule.row_floats());
        std::vector<float> frozen_rows(rows.size());
        CopyRows(made.hash, keys, rows);
        CopyRows(*table, keys, frozen_rows);
        ASSERT_EQ(frozen_rows, rows);
      }
      EXPECT_GT(memory.recalled(), 20u);
    }
  }
  EXPECT_EQ(requests, 7u * 3u * 24u);
}

// Lists are told apart by their ends and their length: hints may be those of another one.
TEST(ArrayTable, AListThatOnlyLooksTheSameGetsItsOwnRows) {
  const auto updater = MakeUpdater({.name = "add"}, 1);
  ASSERT_TRUE(updater.ok());
  const auto& rule = *updater.value();
  std::vector<Key> all(100);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i * 1'000'003;
  std::vector<Key> one = all;
  std::vector<Key> other = all;
  one.erase(one.begin() + 30);
  other.erase(other.begin() + 70);
  Made made(all, rule.row_floats());
  const auto frozen = Frozen(made.hash, made.memory);
  for (Rows* const rows : {static_cast<Rows*>(&made.hash), static_cast<Rows*>(frozen.get())}) {
    std::vector<float> expected(all.size());
    rule.ReadBatch(*rows, all, expected);
    for (std::size_t i = 0; i < all.size(); ++i)
      expected[i] += (i == 30 ? 0.0F : 2.0F) + (i == 70 ? 0.0F : 1.0F);
    SlotMemory memory;
    for (const std::vector<Key>* keys : {&one, &one, &other}) {
      const std::vector<float> ones(keys->size(), 1.0F);
      rule.ApplyBatch(*rows, *keys, ones, memory.For(*keys, rows->generation()));
    }
    EXPECT_EQ(memory.recalled(), 2u) << "of the first list, twice";
    std::vector<float> found(all.size());
    rule.ReadBatch(*rows, all, found);
    EXPECT_EQ(found, expected);
  }
}

// All keys of a range are not searched for: so are lists of as many keys between the same two, one of which is another.
TEST(ArrayTable, ListsOfAllKeysOfARangeAreThoseKeysAlone) {
  const auto updater = MakeUpdater({.name = "add"}, 1);
  ASSERT_TRUE(updater.ok());
  const auto& rule = *updater.value();
  std::size_t changed = 0;
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    Made made(set.keys, rule.row_floats());
    const auto frozen = Frozen(made.hash, made.memory);
    std::mt19937_64 random(6);
    SlotMemory memory;
    for (const std::size_t length : {std::size_t{127}, std::size_t{128}, std::size_t{129},
                                     std::size_t{1000}, made.keys.size()}) {
      if (length > made.keys.size()) continue;
      const std::size_t first = random() % (made.keys.size() - length + 1);
      std::vector<Key> block(made.keys.begin() + static_cast<std::ptrdiff_t>(first),
                             made.keys.begin() + static_cast<std::ptrdiff_t>(first + length));
      std::vector<ArrayTable::Rank> ranks(length);
      EXPECT_EQ(frozen->FindRanks(block, ranks), 0u);
      for (std::size_t i = 0; i < length; ++i) ASSERT_EQ(ranks[i], first + i);
      EXPECT_EQ(frozen->FirstAbsent(block), length);
      std::vector<float> deltas(length);
      for (float& delta : deltas) delta = static_cast<float>(random() % 100);
      for (int time = 0; time < 3; ++time) {  // The last time with hints.
        const SlotHints hints = time == 0 ? SlotHints() : memory.For(block, frozen->generation());
        rule.ApplyBatch(*frozen, block, deltas, hints);
        rule.ApplyBatch(made.hash, block, deltas);
      }
      std::vector<float> found(length);
      std::vector<float> expected(length);
      rule.ReadBatch(*frozen, block, found);
      rule.ReadBatch(made.hash, block, expected);
      ASSERT_EQ(found, expected);
      changed += length;

      const std::size_t at = length / 2;
      if (block[at] + 1 == block[at + 1]) continue;  // There is no other key between them.
      ++block[at];
      EXPECT_EQ(frozen->FirstAbsent(block), at);
      EXPECT_EQ(frozen->FindRanks(block, ranks), 1u);
      EXPECT_EQ(ranks[at], ArrayTable::kNoRank);
      rule.ReadBatch(*frozen, block, found);
      expected[at] = 0.0F;
      ASSERT_EQ(found, expected);
    }
  }
  EXPECT_GT(changed, 10'000u);
}

TEST(ArrayTable, MayBeEmptyOrHoldTheEndsOfTheKeySpace) {
  PageMemory memory;
  HashTable none(kAll, 2, memory);
  const auto empty = Frozen(none, memory);
  EXPECT_EQ(empty->size(), 0u);
  ExpectSame(*empty, {});
  EXPECT_EQ(empty->FirstAbsent(std::vector<Key>{0, 7, kKeyMax}), 0u);
  EXPECT_EQ(empty->RanksOf(kAll).count, 0u);
  Made ends({0, kKeyMax}, 1);
  const auto table = Frozen(ends.hash, ends.memory);
  ExpectSame(*table, ends.oracle);
  EXPECT_EQ(table->FirstAbsent(std::vector<Key>{0, kKeyMax}), 2u);
  EXPECT_EQ(table->FirstAbsent(std::vector<Key>{0, 1, kKeyMax}), 1u);
  EXPECT_EQ(table->RanksOf(kAll).count, 2u);
}

}  // namespace
}  // namespace steelyard::table
