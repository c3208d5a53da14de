// Goal: whole rows are added to and copied as row-by-row code does it, for widths with and without a fast path.
#include "table/row_batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "base/hash.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

std::vector<Key> DrawKeys(std::mt19937_64& random, std::size_t count) {
  std::set<Key> keys;
  while (keys.size() < count) keys.insert(KeyOfId(random() % 3000));
  return {keys.begin(), keys.end()};
}

TEST(RowBatches, AddAndCopyWholeRows) {
  for (const std::size_t width : {1u, 2u, 5u}) {
    SCOPED_TRACE(width);
    std::mt19937_64 random(21);
    PageMemory memory;
    HashTable rows({0, kKeyMax}, width, memory);
    std::map<Key, std::vector<float>> oracle;
    for (const std::size_t count : {1u, 15u, 16u, 17u, 100u, 500u, 1000u}) {
      const std::vector<Key> keys = DrawKeys(random, count);
      std::vector<float> deltas(count * width);
      for (float& delta : deltas) delta = static_cast<float>(random() % 1000) * 0.125F;
      AddToRows(rows, keys, deltas);
      for (std::size_t i = 0; i < count; ++i) {
        auto& row = oracle.try_emplace(keys[i], width, 0.0F).first->second;
        for (std::size_t j = 0; j < width; ++j) row[j] += deltas[i * width + j];
      }
      const std::vector<Key> asked = DrawKeys(random, count);
      std::vector<float> copied(count * width, -1.0F);
      CopyRows(rows, asked, copied);
      for (std::size_t i = 0; i < count; ++i) {
        const auto found = oracle.find(asked[i]);
        const std::vector<float> expected =
            found == oracle.end() ? std::vector<float>(width) : found->second;
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), copied.begin() + i * width));
      }
    }
    EXPECT_EQ(rows.size(), oracle.size());
    EXPECT_GT(rows.size(), 1000u);
  }
}

}  // namespace
}  // namespace steelyard::table
