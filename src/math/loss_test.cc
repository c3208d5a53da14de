// Goal: derivatives match finite differences, extreme margins stay finite. Method: a grid of margins and labels.
#include "math/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace steelyard::math {
namespace {

constexpr LossKind kAll[] = {LossKind::kLogistic, LossKind::kSquared, LossKind::kHinge,
                             LossKind::kSquaredHinge};
constexpr double kStep = 1e-6;

TEST(Loss, DerivativeMatchesCentralDifferences) {
  for (const LossKind kind : kAll) {
    for (const double label : {0.0, 1.0}) {
      for (int i = 0; i < 43; ++i) {
        const double margin = -7.93 + 0.37 * i;
        const double slope = (LossAt(kind, margin + kStep, label).value -
                              LossAt(kind, margin - kStep, label).value) /
                             (2 * kStep);
        EXPECT_NEAR(LossAt(kind, margin, label).derivative, slope, 1e-6)
            << LossName(kind) << " margin " << margin << " label " << label;
      }
    }
  }
}

TEST(Loss, HasTheKnownValuesAtSimplePoints) {
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kLogistic, 0.0, 1.0).value, std::log(2.0));
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kLogistic, 2.0, 0.0).value, std::log1p(std::exp(2.0)));
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kSquared, 3.0, 1.0).value, 2.0);
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kHinge, -1.0, 1.0).value, 2.0);
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kHinge, 1.0, 1.0).derivative, 0.0);
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kSquaredHinge, -1.0, 1.0).value, 4.0);
  EXPECT_DOUBLE_EQ(LossAt(LossKind::kSquaredHinge, 2.0, 1.0).value, 0.0);
}

TEST(Loss, LogisticIsExactFarFromZero) {
  EXPECT_DOUBLE_EQ(LogisticLoss(1e6, false).value, 1e6);
  EXPECT_DOUBLE_EQ(LogisticLoss(1e6, false).derivative, 1.0);
  EXPECT_EQ(LogisticLoss(1e6, true).value, 0.0);
  EXPECT_DOUBLE_EQ(LogisticLoss(-800.0, true).derivative, -1.0);
  // A naive log(1 + e) would give 0 here.
  EXPECT_DOUBLE_EQ(LogisticLoss(40.0, true).value, std::exp(-40.0));
  EXPECT_TRUE(std::isfinite(LogisticLoss(std::numeric_limits<float>::max(), false).value));
}

TEST(Loss, SigmoidIsSymmetricAndNeverOverflows) {
  EXPECT_DOUBLE_EQ(Sigmoid(0.0), 0.5);
  EXPECT_DOUBLE_EQ(Sigmoid(3.0) + Sigmoid(-3.0), 1.0);
  EXPECT_EQ(Sigmoid(1e5), 1.0);
  EXPECT_EQ(Sigmoid(-1e5), 0.0);
}

TEST(Loss, NamesGoBothWays) {
  for (const LossKind kind : kAll) EXPECT_EQ(LossKindOfName(LossName(kind)), kind);
  EXPECT_FALSE(LossKindOfName("Logistic").has_value());
}

}  // namespace
}  // namespace steelyard::math
