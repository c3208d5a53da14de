// Goal: rows come back as they were, from memory and from the file, as often as asked. Method: random blocks.
#include "data/row_spool.h"

#include <gtest/gtest.h>

#include <random>

namespace steelyard::data {
namespace {

RowBlock RandomBlock(std::mt19937_64& random, std::uint64_t first_row, bool with_values) {
  RowBlock block;
  for (std::size_t i = 0; i < 1 + random() % 50; ++i) {
    block.rows.push_back(first_row + i);
    block.labels.push_back(static_cast<float>(random() % 2));
    for (std::size_t j = 0; j < random() % 5; ++j) {
      block.keys.push_back(random());
      if (with_values) block.values.push_back(static_cast<float>(random() % 10));
    }
    block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
  }
  return block;
}

class RowSpoolTest : public testing::TestWithParam<std::size_t> {};

TEST_P(RowSpoolTest, GivesBackWhatItWasGiven) {
  std::mt19937_64 random(5);
  RowSpool spool(GetParam());
  RowBlock expected;
  for (int i = 0; i < 40; ++i) {
    const RowBlock block = RandomBlock(random, expected.size(), i % 3 == 1);
    for (std::size_t row = 0; row < block.size(); ++row) AppendRow(block, row, expected);
    ASSERT_TRUE(spool.Append(block).ok());
  }
  EXPECT_EQ(spool.rows(), expected.size());
  ASSERT_GT(expected.size(), 500u);
  for (int pass = 0; pass < 2; ++pass) {
    RowBlock all;
    for (;;) {
      const std::size_t before = all.size();
      ASSERT_TRUE(spool.Read(17, all).ok());
      if (all.size() == before) break;
      EXPECT_LE(all.size() - before, 17u);
    }
    EXPECT_EQ(all.rows, expected.rows);
    EXPECT_EQ(all.labels, expected.labels);
    EXPECT_EQ(all.offsets, expected.offsets);
    EXPECT_EQ(all.keys, expected.keys);
    EXPECT_EQ(all.values, expected.values);
    ASSERT_TRUE(spool.Rewind().ok());
  }
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndSpilled, RowSpoolTest, testing::Values(0u, 4000u, 1u << 30));

}  // namespace
}  // namespace steelyard::data
