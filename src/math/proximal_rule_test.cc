// Goal: a coordinate's step minimises its bound of the objective within the trust region, and is never longer when it is
// shortened. Method: fixed seeds; the bound itself, looked at on a grid, as oracle.
#include "math/proximal_rule.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

namespace steelyard::math {
namespace {

/// One coordinate where it stands.
struct Coordinate {
  ProximalRule rule;
  float gradient = 0.0F, curvature = 0.0F, weight = 0.0F, delta = 0.0F;

  float Step() const { return rule.Step(gradient, curvature, weight, delta); }
  /// What the objective is bounded by at `after`, but for a constant.
  double Bound(double after) const {
    const double d = after - static_cast<double>(weight);
    return static_cast<double>(gradient) * d + 0.5 * static_cast<double>(curvature) * d * d +
           static_cast<double>(rule.l1) * std::fabs(after) +
           0.5 * static_cast<double>(rule.l2) * after * after;
  }
};

Coordinate Draw(std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::exponential_distribution<float> positive;
  return {.rule = {.l1 = random() % 5 == 0 ? 0.0F : positive(random),
                   .l2 = random() % 2 == 0 ? 0.0F : positive(random)},
          .gradient = 2.0F * normal(random),
          .curvature = 0.05F + positive(random),
          .weight = random() % 3 == 0 ? 0.0F : normal(random),
          .delta = 0.01F + positive(random)};
}

TEST(ProximalRule, TheStepMinimisesItsBoundWithinTheTrustRegion) {
  std::mt19937_64 random(4);
  int to_zero = 0, clipped = 0;
  for (int round = 0; round < 2000; ++round) {
    const Coordinate at = Draw(random);
    const float after = at.Step();
    ASSERT_LE(std::fabs(after - at.weight), at.delta * 1.0001F) << round;
    to_zero += after == 0.0F && at.weight != 0.0F ? 1 : 0;
    clipped += std::fabs(after - at.weight) > at.delta * 0.9999F ? 1 : 0;
    const double reached = at.Bound(static_cast<double>(after));
    for (int i = -200; i <= 200; ++i) {
      const double other = static_cast<double>(at.weight) + static_cast<double>(at.delta) * i / 200;
      ASSERT_LE(reached, at.Bound(other) + 1e-5) << round << ": " << after << ", " << other;
    }
  }
  EXPECT_GT(to_zero, 50);
  EXPECT_GT(clipped, 200);
}

TEST(ProximalRule, TheTrustRegionFollowsTheSteps) {
  const ProximalRule rule;
  EXPECT_FLOAT_EQ(rule.NextDelta(0.0F), 0.1F);
  EXPECT_FLOAT_EQ(rule.NextDelta(-0.5F), 1.1F);
  EXPECT_FLOAT_EQ(rule.NextDelta(100.0F), 5.0F);
}

TEST(ProximalRule, AViolationIsZeroWhereNoStepIsTakenAndOnlyThere) {
  std::mt19937_64 random(5);
  int at_rest = 0;
  for (int round = 0; round < 2000; ++round) {
    const Coordinate at = Draw(random);
    const float violation = at.rule.Violation(at.gradient, at.weight);
    ASSERT_EQ(violation == 0.0F, at.Step() == at.weight) << round;
    at_rest += violation == 0.0F ? 1 : 0;
  }
  EXPECT_GT(at_rest, 50);
}

TEST(ProximalRule, OnlyAZeroThatItsPenaltyHoldsSettles) {
  const ProximalRule rule{.l1 = 1.0F};
  EXPECT_TRUE(rule.Settled(0.75F, 0.0F, 0.25F));
  EXPECT_FALSE(rule.Settled(0.76F, 0.0F, 0.25F)) << "too near to the bound";
  EXPECT_FALSE(rule.Settled(0.0F, 0.1F, 0.25F)) << "not at 0";
  EXPECT_FALSE(ProximalRule{.l1 = 0.0F}.Settled(0.0F, 0.0F, 0.0F)) << "nothing holds it there";
}

TEST(ProximalRule, AShortStepIsHardlyShorterNeverLongerAndReachesZero) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 5000; ++round) {
    const Coordinate at = Draw(random);
    const float after = at.Step();
    const float step = ShortStep(at.weight, after);
    const float reached = AfterShortStep(at.weight, step);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(step) & 0xffffU, 0U) << "it travels in two bytes";
    if (after == 0.0F) {
      ASSERT_EQ(reached, 0.0F);
      continue;
    }
    const float whole = after - at.weight;
    ASSERT_LE(std::fabs(step), std::fabs(whole));
    ASSERT_GE(std::fabs(step), std::fabs(whole) * (127.0F / 128.0F));
    ASSERT_LE(at.Bound(static_cast<double>(reached)),
              at.Bound(static_cast<double>(at.weight)) + 1e-5);
  }
}

}  // namespace
}  // namespace steelyard::math
