// Goal: each figure equals its definition and survives merging and travel. Method: small rows computed by hand.
#include "math/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace steelyard::math {
namespace {

constexpr double kAbsent = -1.0;  // No figure is negative.

TEST(Evaluation, ComputesTheWeightedFiguresOfLogisticLoss) {
  Evaluation evaluation;
  evaluation.Add(2.0, 1.0, 3.0);
  evaluation.Add(-1.0, 1.0, 1.0);
  evaluation.Add(0.5, 0.0, 2.0);
  const double losses =
      3 * std::log1p(std::exp(-2.0)) + std::log1p(std::exp(1.0)) + 2 * std::log1p(std::exp(0.5));
  EXPECT_EQ(evaluation.rows(), 3u);
  EXPECT_NEAR(evaluation.log_loss().value_or(kAbsent), losses / 6, 1e-12);
  EXPECT_NEAR(evaluation.accuracy().value_or(kAbsent), 3.0 / 6, 1e-12);
  EXPECT_NEAR(evaluation.calibration().value_or(kAbsent),
              (3 * Sigmoid(2.0) + Sigmoid(-1.0) + 2 * Sigmoid(0.5)) / 4, 1e-12);
  EXPECT_NEAR(evaluation.auc().value_or(kAbsent), 3.0 / 4, 1e-12);
  EXPECT_FALSE(evaluation.rmse().has_value());
}

TEST(Evaluation, ComputesRmseOfSquaredLossAndNothingBinary) {
  Evaluation evaluation(LossKind::kSquared);
  evaluation.Add(1.0, 4.0, 1.0);
  evaluation.Add(2.0, 1.0, 3.0);
  EXPECT_NEAR(evaluation.rmse().value_or(kAbsent), std::sqrt((9.0 + 3.0) / 4), 1e-12);
  EXPECT_NEAR(evaluation.mean_loss().value_or(kAbsent), 12.0 / 8, 1e-12);
  EXPECT_FALSE(evaluation.log_loss().has_value());
  EXPECT_FALSE(evaluation.accuracy().has_value());
  EXPECT_FALSE(evaluation.auc().has_value());
  EXPECT_FALSE(evaluation.calibration().has_value());
}

TEST(Evaluation, HingeHasAccuracyAndAucButNoLogLoss) {
  Evaluation evaluation(LossKind::kHinge);
  evaluation.Add(2.0, 1.0);
  evaluation.Add(0.5, 0.0);
  EXPECT_NEAR(evaluation.mean_loss().value_or(kAbsent), 0.75, 1e-12);
  EXPECT_EQ(evaluation.accuracy(), 0.5);
  EXPECT_EQ(evaluation.auc(), 1.0);
  EXPECT_FALSE(evaluation.log_loss().has_value());
  EXPECT_FALSE(evaluation.calibration().has_value());
}

TEST(Evaluation, IsAbsentBeforeTheFirstRowAndSkipsRowsWithoutALabel) {
  Evaluation evaluation;
  evaluation.Add(1.0, std::nan(""));
  EXPECT_EQ(evaluation.rows(), 0u);
  EXPECT_FALSE(evaluation.log_loss().has_value());
  EXPECT_FALSE(evaluation.accuracy().has_value());
  EXPECT_FALSE(evaluation.auc().has_value());
}

TEST(Evaluation, ADivergedModelIsNotGivenAnAuc) {
  Evaluation evaluation;
  evaluation.Add(1.0, 1.0);
  evaluation.Add(-1.0, 0.0);
  evaluation.Add(std::nan(""), 0.0);
  EXPECT_EQ(evaluation.sums().nan_rows, 1u);
  EXPECT_TRUE(std::isnan(evaluation.log_loss().value_or(kAbsent)));
  EXPECT_FALSE(evaluation.auc().has_value());
}

TEST(Evaluation, MergesAndTravels) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> margin(0.0, 2.0);
  Evaluation whole;
  Evaluation left;
  Evaluation right;
  for (int i = 0; i < 10'000; ++i) {
    const double m = margin(random);
    const double label = random() % 2 == 0 ? 1.0 : 0.0;
    whole.Add(m, label);
    (i % 3 == 0 ? left : right).Add(m, label);
  }
  left.Merge(right);
  EXPECT_EQ(left.rows(), whole.rows());
  EXPECT_NEAR(left.log_loss().value_or(kAbsent), whole.log_loss().value_or(kAbsent), 1e-12);
  EXPECT_EQ(left.auc(), whole.auc());
  EXPECT_EQ(left.accuracy(), whole.accuracy());
  const auto copy = Evaluation::FromParts(left.loss(), left.ranks(), left.sums(), left.scores());
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(copy.value().sums(), left.sums());
  EXPECT_EQ(copy.value().auc(), left.auc());
}

TEST(Evaluation, LosesItsRanksWhenMergedWithOneThatHasNone) {
  Evaluation ranked;
  ranked.Add(1.0, 1.0);
  ranked.Add(0.0, 0.0);
  Evaluation bare(LossKind::kLogistic, false);
  bare.Add(5.0, 0.0);
  ranked.Merge(bare);
  EXPECT_FALSE(ranked.auc().has_value());
  EXPECT_EQ(ranked.rows(), 3u);
}

TEST(Evaluation, RefusesPartsThatContradictEachOther) {
  const auto refused = [](const EvaluationSums& sums) {
    return !Evaluation::FromParts(LossKind::kLogistic, true, sums, {}).ok();
  };
  EXPECT_FALSE(refused({.rows = 2, .weight = 2.0}));
  EXPECT_TRUE(refused({.rows = 1, .nan_rows = 2}));
  EXPECT_TRUE(refused({.rows = 1, .weight = -1.0}));
  EXPECT_TRUE(refused({.rows = 1, .loss = -0.5}));
  EXPECT_FALSE(Evaluation::FromParts(static_cast<LossKind>(9), true, {}, {}).ok());
}

}  // namespace
}  // namespace steelyard::math
