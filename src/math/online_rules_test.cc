// Goal: the coordinate rules equal the textbook formulas. Method: double-precision oracles over random gradients.
#include "math/online_rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace steelyard::math {
namespace {

TEST(FtrlRule, FollowsTheTextbookFormulas) {
  const FtrlRule rule{.inverse_alpha = 1.0F / 0.1F, .beta = 1.0F, .l1 = 0.3F, .l2 = 0.05F};
  std::mt19937_64 random(7);
  std::normal_distribution<float> gradient(0.2F, 1.0F);
  float z = 0.0F;
  float n = 0.0F;
  double z_oracle = 0.0;
  double n_oracle = 0.0;
  for (int i = 0; i < 500; ++i) {
    const float g = gradient(random);
    const double sign = z_oracle < 0 ? -1.0 : 1.0;
    const double w = std::fabs(z_oracle) <= 0.3
                         ? 0.0
                         : -(z_oracle - sign * 0.3) / ((1.0 + std::sqrt(n_oracle)) / 0.1 + 0.05);
    ASSERT_NEAR(rule.Weight(z, std::sqrt(n)), w, 1e-4) << "step " << i;
    const double sigma = (std::sqrt(n_oracle + double{g} * g) - std::sqrt(n_oracle)) / 0.1;
    z_oracle += g - sigma * w;
    n_oracle += double{g} * g;
    rule.Step(g, z, n);
  }
  EXPECT_NEAR(n, n_oracle, 1e-2);
}

TEST(FtrlRule, WeightIsZeroUpToL1AndOnUntouchedCoordinates) {
  const FtrlRule rule{.inverse_alpha = 10.0F, .beta = 0.0F, .l1 = 1.0F, .l2 = 0.0F};
  EXPECT_EQ(rule.Weight(1.0F, 2.0F), 0.0F);
  EXPECT_EQ(rule.Weight(-1.0F, 2.0F), 0.0F);
  EXPECT_LT(rule.Weight(1.5F, 2.0F), 0.0F);
  EXPECT_GT(rule.Weight(-1.5F, 2.0F), 0.0F);
  const FtrlRule bare{.inverse_alpha = 10.0F, .beta = 0.0F, .l1 = 0.0F, .l2 = 0.0F};
  EXPECT_EQ(bare.Weight(0.0F, 0.0F), 0.0F);  // 0 / 0 must not become a NaN.
}

TEST(SgdRule, DescendsAndShrinks) {
  const SgdRule plain{.alpha = 0.5F, .l1 = 0.0F, .l2 = 0.0F};
  EXPECT_FLOAT_EQ(plain.Step(2.0F, 1.0F), 0.0F);
  const SgdRule l1{.alpha = 0.5F, .l1 = 0.2F, .l2 = 0.0F};
  EXPECT_FLOAT_EQ(l1.Step(0.0F, 1.0F), 0.9F);
  EXPECT_FLOAT_EQ(l1.Step(0.0F, -1.0F), -0.9F);
  EXPECT_EQ(l1.Step(0.0F, 0.05F), 0.0F);
  const SgdRule l2{.alpha = 0.5F, .l1 = 0.0F, .l2 = 2.0F};
  EXPECT_FLOAT_EQ(l2.Step(0.0F, 1.0F), 0.5F);
}

TEST(AdagradRule, DividesByTheRootOfSquaredGradients) {
  const AdagradRule rule{.alpha = 0.5F, .beta = 0.0F, .l1 = 0.0F, .l2 = 0.0F};
  float w = 0.0F;
  float n = 0.0F;
  rule.Step(0.0F, w, n);
  EXPECT_EQ(w, 0.0F);
  rule.Step(3.0F, w, n);
  EXPECT_FLOAT_EQ(n, 9.0F);
  EXPECT_FLOAT_EQ(w, -0.5F);  // The first step has the size of the rate, whatever the gradient's.
  rule.Step(-4.0F, w, n);
  EXPECT_FLOAT_EQ(w, -0.5F + 0.5F * 4.0F / 5.0F);
}

TEST(AdagradRule, TakesTheProximalStepOfL1) {
  const AdagradRule rule{.alpha = 1.0F, .beta = 1.0F, .l1 = 0.5F, .l2 = 0.0F};
  float w = 1.0F;
  float n = 0.0F;
  rule.Step(0.0F, w, n);
  EXPECT_FLOAT_EQ(w, 0.5F);
  rule.Step(0.0F, w, n);
  EXPECT_EQ(w, 0.0F);
}

}  // namespace
}  // namespace steelyard::math
