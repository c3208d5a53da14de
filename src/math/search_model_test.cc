// Goal: the minimum of the model is that of the quadratic that it describes. Method: a quadratic in the plane, whose
// minimum is known, along directions that are independent, parallel and absent.
#include "math/search_model.h"

#include <gtest/gtest.h>

#include <limits>

namespace steelyard::math {
namespace {

// f(x, y) = (x - 3)^2 + 5 (y + 1)^2, at (0, 0).
SearchModel Along(double pass_x, double pass_y, double earlier_x, double earlier_y) {
  SearchModel model;
  model.Add(-6.0, 2.0, pass_x, earlier_x);
  SearchModel of_y;
  of_y.Add(10.0, 10.0, pass_y, earlier_y);
  model.Add(of_y);
  return model;
}

TEST(SearchModel, TwoDirectionsReachTheMinimumOfAPlane) {
  const auto move = Along(1.0, 1.0, 1.0, -2.0).Minimum();
  ASSERT_TRUE(move);
  EXPECT_NEAR(move->Change(1.0, 1.0), 3.0, 1e-12);
  EXPECT_NEAR(move->Change(1.0, -2.0), -1.0, 1e-12);
}

TEST(SearchModel, ParallelDirectionsAreOne) {
  for (const double earlier : {0.0, 2.0}) {
    const auto move = Along(1.0, 0.0, earlier, 0.0).Minimum();
    ASSERT_TRUE(move);
    EXPECT_NEAR(move->Change(1.0, earlier), 3.0, 1e-12);
    EXPECT_EQ(move->earlier, 0.0);
  }
}

TEST(SearchModel, DirectionsThatAreNextToNothingAreNotFollowedFar) {
  const auto noise = Along(1.0, 1.0, 1e-9, -2e-9).Minimum();
  ASSERT_TRUE(noise);
  EXPECT_EQ(noise->earlier, 0.0);
  EXPECT_NEAR(noise->pass, -4.0 / 12.0, 1e-12) << "the minimum along the pass alone";
  const auto short_pass = Along(1e-9, 0.0, 0.0, 0.0).Minimum();
  ASSERT_TRUE(short_pass);
  EXPECT_EQ(short_pass->pass, 64.0);
}

TEST(SearchModel, NoMinimum) {
  EXPECT_FALSE(SearchModel{}.Minimum());
  EXPECT_FALSE(Along(0.0, 0.0, 1.0, 0.0).Minimum()) << "the pass changed nothing";
  SearchModel odd = Along(1.0, 1.0, 0.0, 0.0);
  odd.slope_pass = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(odd.Minimum());
}

}  // namespace
}  // namespace steelyard::math
