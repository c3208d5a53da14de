// Goal: entries are looked at in order, each with its own keys, however many there are. Method: requests of empty, short
// and long entries over two tables, read through what was asked for ahead.
#include "server/rows_ahead.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "table/hash_table.h"
#include "table/page_memory.h"
#include "wire/data_messages.h"

namespace steelyard::server {
namespace {

constexpr Key kHalf = Key{1} << 63U;
constexpr KeyRange kRanges[] = {{0, kHalf - 1}, {kHalf, kKeyMax}};

struct Request {
  std::vector<wire::PullEntry> entries;
  std::vector<Key> keys;
};

// Entry i has `counts[i]` keys of segment i % 2; of segment 2, which is not here, where i % 7 is 6.
Request RequestOf(const std::vector<std::uint32_t>& counts) {
  Request request;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto segment = static_cast<SegmentId>(i % 7 == 6 ? 2 : i % 2);
    request.entries.push_back({.segment = segment, .count = counts[i], .epoch = 1});
    for (Key key = 0; key < counts[i]; ++key) {
      request.keys.push_back((i % 2 == 0 ? 0 : kHalf) + (key << 40U) + i);
    }
  }
  return request;
}

TEST(RowsAhead, EveryEntryIsReadThroughItsOwnHomes) {
  table::PageMemory memory;
  std::array tables = {table::HashTable(kRanges[0], 1, memory),
                       table::HashTable(kRanges[1], 1, memory)};
  const auto find = [&](SegmentId id) {
    return id < 2 ? EntryRows{.rows = &tables[id], .range = kRanges[id]} : EntryRows();
  };
  std::mt19937_64 random(5);
  std::size_t read = 0;
  for (const std::uint32_t largest : {1U, 3U, 40U, 128U, 700U}) {
    std::vector<std::uint32_t> counts(200);
    for (std::uint32_t& count : counts)
      count = static_cast<std::uint32_t>(random() % (largest + 1));
    const Request request = RequestOf(counts);
    RowsAhead<wire::PullEntry> ahead(request.entries, request.keys);
    std::span<const Key> rest = request.keys;
    for (const wire::PullEntry& entry : request.entries) {
      const auto& seen = ahead.Next(find);
      const std::span<const Key> keys = rest.first(entry.count);
      rest = rest.subspan(entry.count);
      ASSERT_EQ(seen.inside, entry.segment < 2 || keys.empty());
      if (entry.segment == 2) {
        EXPECT_TRUE(seen.homes.buckets.empty());
        continue;
      }
      ASSERT_EQ(seen.homes.buckets.size(), std::min(keys.size(), table::Rows::kPrefetchMax));
      // Insertions rebuild pages, for which later entries may have been looked at.
      tables[entry.segment].Update(keys, {.homes = seen.homes},
                                   [&](std::size_t first, std::span<const table::Slot> at) {
                                     for (std::size_t i = 0; i < at.size(); ++i, ++read) {
                                       ASSERT_EQ(table::KeyOf(at[i]), keys[first + i]);
                                     }
                                   });
    }
    EXPECT_TRUE(rest.empty());
  }
  EXPECT_GT(read, 50'000u);
  EXPECT_GT(tables[0].generation() + tables[1].generation(), 10u);
}

TEST(RowsAhead, KeysOutOfOrderOrPlaceAreSaidAndNotLookedFor) {
  table::PageMemory memory;
  const table::HashTable rows(kRanges[0], 1, memory);
  const std::vector<Key> keys = {5, 4, 7, 7, 3, kHalf, 8};
  const std::vector<wire::PullEntry> entries = {{.segment = 0, .count = 2, .epoch = 1},
                                                {.segment = 0, .count = 2, .epoch = 1},
                                                {.segment = 0, .count = 2, .epoch = 1},
                                                {.segment = 0, .count = 0, .epoch = 1},
                                                {.segment = 0, .count = 1, .epoch = 1}};
  RowsAhead<wire::PullEntry> ahead(entries, keys);
  const auto find = [&](SegmentId) { return EntryRows{.rows = &rows, .range = kRanges[0]}; };
  for (int bad = 0; bad < 3; ++bad) {
    const auto& seen = ahead.Next(find);
    EXPECT_FALSE(seen.inside) << bad;
    EXPECT_TRUE(seen.homes.buckets.empty());
  }
  EXPECT_TRUE(ahead.Next(find).inside);
  const auto& good = ahead.Next(find);
  EXPECT_TRUE(good.inside);
  EXPECT_EQ(good.homes.buckets.size(), 1u);
}

}  // namespace
}  // namespace steelyard::server
