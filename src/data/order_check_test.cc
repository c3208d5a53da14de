// Goal: rows may stand still or go forwards in the order column, not backwards. Method: each kind of value, edges.
#include "data/order_check.h"

#include <gtest/gtest.h>

#include <cmath>

namespace steelyard::data {
namespace {

TEST(OrderCheck, EqualValuesAreInOrder) {
  OrderCheck integers("c");
  for (const std::int64_t value :
       {INT64_MIN, std::int64_t{-1}, std::int64_t{-1}, INT64_MAX, INT64_MAX}) {
    EXPECT_TRUE(integers.NextInteger(value));
  }
  EXPECT_FALSE(integers.NextInteger(0));
  OrderCheck reals("c");
  for (const double value : {-HUGE_VAL, -0.5, -0.5, 7.0}) EXPECT_TRUE(reals.NextReal(value));
  EXPECT_FALSE(reals.NextReal(6.9));
  OrderCheck times("c");
  EXPECT_TRUE(times.NextTime(60) && times.NextTime(60));
  EXPECT_FALSE(times.NextTime(59));
  EXPECT_NE(times.error().find("1970-01-01T00:00:59 comes after 1970-01-01T00:01:00"),
            std::string::npos);
}

TEST(OrderCheck, TextIsComparedAsWhatTheFirstRowIs) {
  OrderCheck numbers("c");
  EXPECT_TRUE(numbers.NextText("9") && numbers.NextText("10") && numbers.NextText("10.0"));
  EXPECT_FALSE(numbers.NextText("ten"));
  EXPECT_NE(numbers.error().find("'ten' is no number"), std::string::npos) << numbers.error();
  OrderCheck times("c");
  EXPECT_TRUE(times.NextText("2001-01-01 10:00") && times.NextText("2001-01-01T10:00") &&
              times.NextText("2001-01-01T11:30+01:00"));
  EXPECT_FALSE(times.NextText("2001-01-01"));
  OrderCheck words("c");
  EXPECT_TRUE(words.NextText("a10") && words.NextText("a10") && words.NextText("a9"));
  EXPECT_FALSE(words.NextText("a"));
}

TEST(OrderCheck, AnEmptyCellHasNoPlace) {
  OrderCheck check("c");
  EXPECT_FALSE(check.NextEmpty());
  EXPECT_FALSE(check.NextText(""));
  EXPECT_FALSE(check.NextReal(std::nan("")));
  EXPECT_NE(check.error().find("'c'"), std::string::npos);
}

}  // namespace
}  // namespace steelyard::data
