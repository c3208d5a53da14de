// Goal: every process holds out the same rows. Method: counts known from the rule, edges.
#include "data/holdout.h"

#include <gtest/gtest.h>

namespace steelyard::data {
namespace {

std::uint64_t CountHeldOut(const Holdout& rule, std::uint64_t rows) {
  std::uint64_t count = 0;
  for (std::uint64_t row = 0; row < rows; ++row) count += rule.HeldOut(row) ? 1 : 0;
  return count;
}

TEST(Holdout, EveryHoldsOutTheRowsOfTheReferenceSplit) {
  const Holdout rule({.kind = Holdout::Kind::kEvery});
  EXPECT_EQ(CountHeldOut(rule, 3'000'000), 300'001u);
  EXPECT_TRUE(rule.HeldOut(0));
  EXPECT_FALSE(rule.HeldOut(1));
}

TEST(Holdout, LastHoldsOutTheEndOfTheInput) {
  Holdout rule({.kind = Holdout::Kind::kLast, .percent = 10});
  EXPECT_TRUE(rule.needs_total_rows());
  rule.SetTotalRows(3'000'000);
  EXPECT_FALSE(rule.HeldOut(2'699'999));
  EXPECT_TRUE(rule.HeldOut(2'700'000));
  rule.SetTotalRows(15);  // 1.5 rows: rounded to the nearest.
  EXPECT_FALSE(rule.HeldOut(12));
  EXPECT_TRUE(rule.HeldOut(13));
  rule.SetTotalRows(0);
  EXPECT_TRUE(rule.HeldOut(0));
}

TEST(Holdout, RandomHoldsOutItsShareAndDependsOnTheSeed) {
  const Holdout one({.kind = Holdout::Kind::kRandom, .percent = 2.5}, 1);
  const Holdout two({.kind = Holdout::Kind::kRandom, .percent = 2.5}, 2);
  EXPECT_NEAR(static_cast<double>(CountHeldOut(one, 1'000'000)), 25'000, 800);
  std::uint64_t both = 0;
  for (std::uint64_t row = 0; row < 1'000'000; ++row) both += one.HeldOut(row) && two.HeldOut(row);
  EXPECT_NEAR(static_cast<double>(both), 625, 150);
}

TEST(Holdout, NoneHoldsOutNothing) {
  EXPECT_EQ(CountHeldOut(Holdout(), 1000), 0u);
  EXPECT_FALSE(Holdout().holds_out_any());
}

}  // namespace
}  // namespace steelyard::data
