// Goal: every process holds out the same rows, and bad rules are refused. Method: counts known from the rule, edges.
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
  const Holdout rule = Holdout::Parse("every").value();
  EXPECT_EQ(CountHeldOut(rule, 3'000'000), 300'001u);
  EXPECT_TRUE(rule.HeldOut(0));
  EXPECT_FALSE(rule.HeldOut(1));
}

TEST(Holdout, LastHoldsOutTheEndOfTheInput) {
  Holdout rule = Holdout::Parse("last:10%").value();
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
  const Holdout one = Holdout::Parse("random:2.5%", 1).value();
  const Holdout two = Holdout::Parse("random:2.5%", 2).value();
  EXPECT_NEAR(static_cast<double>(CountHeldOut(one, 1'000'000)), 25'000, 800);
  std::uint64_t both = 0;
  for (std::uint64_t row = 0; row < 1'000'000; ++row) both += one.HeldOut(row) && two.HeldOut(row);
  EXPECT_NEAR(static_cast<double>(both), 625, 150);
}

TEST(Holdout, NoneHoldsOutNothing) {
  EXPECT_EQ(CountHeldOut(Holdout::Parse("none").value(), 1000), 0u);
  EXPECT_FALSE(Holdout().holds_out_any());
}

TEST(Holdout, RefusesOtherRulesAndSaysWhichExist) {
  for (const char* text : {"", "evry", "last", "last:", "last:10", "last:0%", "last:100%",
                           "last:-3%", "random:nan%", "random:10%x", "Every"}) {
    const Result<Holdout> rule = Holdout::Parse(text);
    ASSERT_FALSE(rule.ok()) << text;
    EXPECT_EQ(rule.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(rule.status().message().find(":10%"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace steelyard::data
