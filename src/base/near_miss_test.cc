// Goal: a typing error finds the name it was meant to be, and nothing far away is suggested.
#include "base/near_miss.h"

#include <gtest/gtest.h>

#include <array>

namespace steelyard {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"train", "predict", "evaluate", "minibatch",
                                                    "l1"};

TEST(EditDistance, CountsEachKindOfEditOnce) {
  EXPECT_EQ(EditDistance("alpha", "alpha"), 0U);
  EXPECT_EQ(EditDistance("", "abc"), 3U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("alpha", "aplha"), 1U);
  EXPECT_EQ(EditDistance("alpha", "Alpa"), 1U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance(std::string(300, 'a'), "b"), 300U);
}

TEST(NearMiss, FindsTheNameMeant) {
  EXPECT_EQ(NearMiss("trian", kNames), "train");
  EXPECT_EQ(NearMiss("mini-batch", kNames), "minibatch");
  EXPECT_EQ(NearMiss("EVALUATE", kNames), "evaluate");
  EXPECT_EQ(NearMiss("eval", kNames), "evaluate");
}

TEST(NearMiss, SuggestsNothingWhenNothingIsNear) {
  EXPECT_EQ(NearMiss("", kNames), "");
  EXPECT_EQ(NearMiss("frobnicate", kNames), "");
  EXPECT_EQ(NearMiss("xy", kNames), "");
}

TEST(DidYouMean, IsTheEndOfAMessage) {
  EXPECT_EQ(DidYouMean("minibach", kNames, "--"), "; did you mean --minibatch?");
  EXPECT_EQ(DidYouMean("frobnicate", kNames, "--"), "");
}

}  // namespace
}  // namespace steelyard
