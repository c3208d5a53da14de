// Goal: rows come back as they were, from memory and from the file, as often as asked. Method: random blocks.
#include "data/row_spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>

#include "data/test_reading.h"

namespace steelyard::data {
namespace {

TEST(RowBlock, AppendingToAnEmptyBlockKeepsWeightsAndValues) {
  std::mt19937_64 random(6);
  RowBlock from = RandomBlock(random, 0, true);
  from.weights[0] = 7;
  RowBlock to;
  for (std::size_t i = 0; i < from.size(); ++i) AppendRow(from, i, to);
  EXPECT_EQ(to.weights, from.weights);
  EXPECT_EQ(to.values, from.values);
  EXPECT_EQ(to.offsets, from.offsets);
}

class RowSpoolTest : public testing::TestWithParam<std::size_t> {};

TEST_P(RowSpoolTest, GivesBackWhatItWasGiven) {
  std::mt19937_64 random(5);
  RowSpool spool(GetParam());
  RowBlock expected;
  for (int i = 0; i < 40; ++i) {
    const RowBlock block = RandomBlock(random, expected.size(), i % 3 == 0);
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
    EXPECT_EQ(all.weights, expected.weights);
    ASSERT_TRUE(spool.Rewind().ok());
  }
}

TEST(RowSpool, RowsMayBeAddedAfterSomeWereRead) {
  for (const std::size_t memory : {std::size_t{0}, RowSpool::kMemoryBytesMax}) {
    std::mt19937_64 random(9);
    RowSpool spool(memory);
    RowBlock all;
    ASSERT_TRUE(spool.Read(5, all).ok());
    EXPECT_TRUE(all.empty());
    const RowBlock one = RandomBlock(random, 0, false);
    ASSERT_TRUE(spool.Append(one).ok());
    ASSERT_TRUE(spool.Read(1000, all).ok());
    EXPECT_EQ(all.keys, one.keys);
    ASSERT_TRUE(spool.Append(RandomBlock(random, one.size(), false)).ok());
    ASSERT_TRUE(spool.Append(RowBlock()).ok());
    ASSERT_TRUE(spool.Read(1000, all).ok());
    EXPECT_EQ(all.size(), spool.rows());
    EXPECT_GT(all.size(), one.size());
  }
}

TEST(RowSpool, AFolderThatCannotBeWrittenIsNamed) {
  std::mt19937_64 random(9);
  RowSpool spool(0, "/no/such/folder");
  const Status status = spool.Append(RandomBlock(random, 0, false));
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_EQ(status.where(), "/no/such/folder");
  EXPECT_EQ(spool.rows(), 0u);
}

// A limit on file sizes stands in for a full disk: the write fails in the middle of a block.
TEST(RowSpool, AFullDiskIsAnErrorAndLosesNoEarlierRow) {
  std::mt19937_64 random(9);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{.rlim_cur = 5000, .rlim_max = old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  RowSpool spool(0);
  Status status;
  while (status.ok()) status = spool.Append(RandomBlock(random, spool.rows(), false));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_FALSE(status.where().empty());
  RowBlock all;
  ASSERT_TRUE(spool.Read(1'000'000, all).ok());
  EXPECT_GT(all.size(), 0u);
  EXPECT_EQ(all.size(), spool.rows());
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndSpilled, RowSpoolTest, testing::Values(0u, 4000u, 1u << 30));

}  // namespace
}  // namespace steelyard::data
