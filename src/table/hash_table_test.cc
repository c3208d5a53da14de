// Goal: the table is an ordered map for any keys, and stays small and shallow. Method: std::map beside it, over keys
// that are spread, dense, clustered, ascending, descending, exponential, and at the range's ends.
#include "table/hash_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/hash.h"
#include "table/test_key_sets.h"

namespace steelyard::table {
namespace {

constexpr KeyRange kAll{0, kKeyMax};
constexpr std::size_t kWidth = 37;  // Floats of a wide row.
using Oracle = std::map<Key, std::vector<float>>;

void ExpectSame(const HashTable& table, const Oracle& oracle, Key first = 0) {
  auto expected = oracle.lower_bound(first);
  std::size_t wrong = 0;
  const bool finished = table.Scan(first, [&](Key key, std::span<const float> row) {
    wrong += expected == oracle.end() || expected->first != key ||
             !std::ranges::equal(expected->second, row);
    if (expected != oracle.end()) ++expected;
    return true;
  });
  EXPECT_TRUE(finished);
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(expected == oracle.end());
  const auto span = table.Span();
  ASSERT_EQ(span.has_value(), !oracle.empty());
  if (!span) return;
  EXPECT_EQ(span->first, oracle.begin()->first);
  EXPECT_EQ(span->last, oracle.rbegin()->first);
}

TEST(HashTable, EqualsAnOrderedMapForKeysOfAnyDistribution) {
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    PageMemory memory;
    HashTable table(kAll, 2, memory);
    Oracle oracle;
    for (const Key key : set.keys) {
      float* row = table.FindOrInsert(key);
      ASSERT_NE(row, nullptr);
      auto& expected = oracle.try_emplace(key, 2, 0.0F).first->second;
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), row)) << key;
      row[0] += static_cast<float>(key % 1000);
      row[1] += 1.0F;
      expected.assign(row, row + 2);
    }
    EXPECT_EQ(table.size(), oracle.size());
    ExpectSame(table, oracle);
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
      const Key key = i % 2 == 0 ? random() : set.keys[random() % set.keys.size()] + i % 3;
      const float* row = table.Find(key);
      ASSERT_EQ(row != nullptr, oracle.contains(key)) << key;
      if (row != nullptr) {
        ASSERT_EQ(row[1], oracle[key][1]);
      }
    }
  }
}

TEST(HashTable, ErasesKeysOfAnyDistributionAndTakesThemBack) {
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    PageMemory memory;
    HashTable table(kAll, 2, memory);
    Oracle oracle;
    std::mt19937_64 random(3);
    std::size_t erased = 0;
    for (const Key key : set.keys) {
      float* row = table.FindOrInsert(key);
      row[0] += 1.0F;
      auto& expected = oracle.try_emplace(key, 2, 0.0F).first->second;
      expected[0] += 1.0F;
      const Key victim = random() % 2 == 0 ? key : set.keys[random() % set.keys.size()];
      if (random() % 2 == 0) continue;
      ASSERT_EQ(table.Erase(victim), oracle.erase(victim) > 0) << victim;
      ASSERT_EQ(table.Find(victim), nullptr);
      ++erased;
    }
    EXPECT_GT(erased, kKeySetSize / 3);
    EXPECT_EQ(table.size(), oracle.size());
    ExpectSame(table, oracle);
  }
}

TEST(HashTable, StaysCompactForKeysOfAnyDistribution) {
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    PageMemory memory;
    HashTable table(kAll, 2, memory);
    for (const Key key : set.keys) table.FindOrInsert(key);
    EXPECT_LT(table.memory_bytes(), 100 * table.size() + 4096);
    EXPECT_LT(table.page_count(), table.size() / 16 + 3);
  }
}

TEST(HashTable, ManySpreadKeysTakeFewLargePages) {
  PageMemory memory;
  HashTable table(kAll, 2, memory);
  for (std::uint64_t id = 0; id < 300'000; ++id) table.FindOrInsert(KeyOfId(id));
  EXPECT_LT(table.page_count(), 64u);
  EXPECT_LT(table.memory_bytes(), 72 * table.size());
}

enum class Ask : std::uint8_t { kNothing, kRemembered, kAhead };

// Look the batch up, then add to its rows, comparing with the oracle at each key.
void CheckBatch(std::span<const Key> batch, Ask ask, HashTable& table, Oracle& oracle) {
  const std::size_t width = table.row_floats();
  const bool remember = ask == Ask::kRemembered;
  std::vector<Slot> slots(remember ? batch.size() : 0);
  std::size_t visited = 0;
  bool filled = false;
  std::array<std::byte*, Rows::kPrefetchMax> scratch;
  const SlotHints hints{
      .slots = slots,
      .filled = remember ? &filled : nullptr,
      .homes = ask == Ask::kAhead ? table.Prefetch(batch, scratch) : HomeBuckets()};
  ASSERT_EQ(hints.homes.buckets.size(),
            ask == Ask::kAhead ? std::min(batch.size(), Rows::kPrefetchMax) : 0);
  table.Read(batch, hints, [&](std::size_t first, std::span<const Slot> at) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      const auto expected = oracle.find(batch[first + i]);
      ASSERT_EQ(at[i] != kNoSlot, expected != oracle.end());
      ASSERT_TRUE(at[i] == kNoSlot || RowOf(at[i], width)[0] == expected->second[0]);
    }
    visited += at.size();
  });
  ASSERT_EQ(visited, batch.size());
  const auto first_absent =
      std::ranges::find_if(batch, [&](Key key) { return !oracle.contains(key); });
  ASSERT_EQ(table.FirstAbsent(batch), static_cast<std::size_t>(first_absent - batch.begin()));
  ASSERT_EQ(filled, remember);
  table.Update(batch, hints, [&](std::size_t first, std::span<const Slot> at) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      auto& expected = oracle.try_emplace(batch[first + i], width, 0.0F).first->second;
      float& value = RowOf(at[i], width)[0];
      ASSERT_EQ(KeyOf(at[i]), batch[first + i]);
      ASSERT_EQ(value, expected[0]);
      expected[0] = value += static_cast<float>(first + i + 1);
    }
  });
}

// A batch is several runs: one rebuilds pages while the memory has been asked for the buckets of the next.
TEST(HashTable, BatchesSeeAndInsertWhatSingleCallsDo) {
  constexpr std::size_t kBatch = 11 * HashTable::kRunMax + 5;
  for (const KeySet& set : KeySets()) {
    SCOPED_TRACE(set.name);
    PageMemory memory;
    HashTable table(kAll, set.name.size() % 2 + 1, memory);
    Oracle oracle;
    for (std::size_t start = 0; start < kKeySetSize;
         start += kBatch / 2) {  // Half of each are new.
      const auto arrived =
          std::span(set.keys).subspan(start, std::min<std::size_t>(kBatch, kKeySetSize - start));
      std::vector<Key> batch(arrived.begin(), arrived.end());
      std::ranges::sort(batch);
      batch.erase(std::unique(batch.begin(), batch.end()), batch.end());
      CheckBatch(batch, static_cast<Ask>(start / kBatch % 3), table, oracle);
      const std::span<const Key> few(batch.data(), std::min<std::size_t>(batch.size(), 3));
      CheckBatch(few, Ask::kAhead, table, oracle);
    }
    EXPECT_GT(table.generation(), 3u) << "pages were rebuilt";
    EXPECT_EQ(table.size(), oracle.size());
    ExpectSame(table, oracle);
  }
}

// What was asked for ahead holds for the pages that there were: others may have come since.
TEST(HashTable, HomesOfPagesThatWereRebuiltAreNotLookedAt) {
  PageMemory memory;
  HashTable table(kAll, 2, memory);
  const std::vector<Key> keys = {Key{1} << 60U, Key{1} << 61U};
  for (const Key key : keys) table.FindOrInsert(key)[0] = static_cast<float>(key >> 60U);
  std::array<std::byte*, Rows::kPrefetchMax> scratch;
  const SlotHints hints{.homes = table.Prefetch(keys, scratch)};
  const std::uint64_t generation = table.generation();
  for (std::uint64_t id = 0; id < 100'000; ++id) table.FindOrInsert(KeyOfId(id));
  ASSERT_GT(table.generation(), generation + 10);
  std::size_t visited = 0;
  table.Read(keys, hints, [&](std::size_t first, std::span<const Slot> at) {
    for (std::size_t i = 0; i < at.size(); ++i, ++visited) {
      ASSERT_NE(at[i], kNoSlot);
      EXPECT_EQ(RowOf(at[i], 2)[0], static_cast<float>(keys[first + i] >> 60U));
    }
  });
  EXPECT_EQ(visited, keys.size());
}

TEST(HashTable, HoldsTheEndsOfItsRange) {
  const KeyRange ranges[] = {kAll,
                             {0, 0},
                             {kKeyMax, kKeyMax},
                             {5, 5},
                             {0, 1},
                             {7, 1000},
                             {0, kKeyMax - 1},
                             {1, kKeyMax},
                             {kKeyMax / 2, kKeyMax / 2 + 1}};
  for (const KeyRange range : ranges) {
    SCOPED_TRACE(std::to_string(range.first) + " " + std::to_string(range.last));
    PageMemory memory;
    HashTable table(range, 1, memory);
    EXPECT_EQ(table.Find(range.first), nullptr);
    EXPECT_EQ(table.Find(range.last), nullptr);
    *table.FindOrInsert(range.last) = 2.0F;
    if (range.first != range.last) {
      EXPECT_EQ(table.Find(range.first), nullptr);
      *table.FindOrInsert(range.first) = 1.0F;
      EXPECT_EQ(*table.Find(range.first), 1.0F);
    }
    EXPECT_EQ(*table.Find(range.last), 2.0F);
    std::vector<Key> scanned;
    table.Scan(range.first, [&](Key key, std::span<const float>) {
      scanned.push_back(key);
      return true;
    });
    EXPECT_EQ(scanned.size(), range.first == range.last ? 1u : 2u);
    EXPECT_EQ(scanned.back(), range.last);
  }
}

TEST(HashTable, FillsASmallRangeCompletely) {
  PageMemory memory;
  HashTable table({1000, 2999}, 3, memory);
  for (Key key = 2999; key >= 1000; --key) table.FindOrInsert(key)[2] = static_cast<float>(key);
  EXPECT_EQ(table.size(), 2000u);
  Key next = 1000;
  table.Scan(0, [&](Key key, std::span<const float> row) {
    EXPECT_EQ(key, next++);
    EXPECT_EQ(row[2], static_cast<float>(key));
    return true;
  });
  EXPECT_EQ(next, 3000u);
}

TEST(HashTable, ScansFromAKeyAndStopsWhenAsked) {
  PageMemory memory;
  HashTable table(kAll, 1, memory);
  Oracle oracle;
  std::mt19937_64 random(9);
  for (int i = 0; i < 50'000; ++i) {
    const Key key = random();
    *table.FindOrInsert(key) = 1.0F;
    oracle[key] = {1.0F};
  }
  for (int i = 0; i < 20; ++i) ExpectSame(table, oracle, random());
  ExpectSame(table, oracle, std::next(oracle.begin(), 777)->first);
  ExpectSame(table, oracle, std::next(oracle.begin(), 777)->first + 1);
  std::size_t seen = 0;
  EXPECT_FALSE(table.Scan(0, [&](Key, std::span<const float>) { return ++seen < 10; }));
  EXPECT_EQ(seen, 10u);
  HashTable narrow({10, 20}, 1, memory);
  EXPECT_TRUE(narrow.Scan(21, [](Key, std::span<const float>) { return false; }));
}

TEST(HashTable, KeepsWideRows) {
  PageMemory memory;
  HashTable table(kAll, kWidth, memory);
  for (std::uint64_t id = 0; id < 3000; ++id) {
    float* row = table.FindOrInsert(KeyOfId(id));
    for (std::size_t i = 0; i < kWidth; ++i) row[i] = static_cast<float>(id * 100 + i);
  }
  for (std::uint64_t id = 0; id < 3000; ++id) {
    const float* row = table.Find(KeyOfId(id));
    for (std::size_t i = 0; i < kWidth; ++i) ASSERT_EQ(row[i], static_cast<float>(id * 100 + i));
  }
}

}  // namespace
}  // namespace steelyard::table
