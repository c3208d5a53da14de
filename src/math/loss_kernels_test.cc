// Goal: losses of many rows at once are those of one row at a time, at any margin. Method: random and extreme margins
// against LossAt(); lengths around the widths of vectors.
#include "math/loss_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace steelyard::math {
namespace {

struct Rows {
  std::vector<double> margins;
  std::vector<float> labels;
};

Rows MakeRows(std::size_t count, double spread) {
  std::mt19937_64 random(count);
  std::normal_distribution<double> normal(0.0, spread);
  Rows rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.margins.push_back(normal(random));
    rows.labels.push_back(static_cast<float>(random() % 2));
  }
  return rows;
}

TEST(LossKernels, CurvesAreThoseOfEachRow) {
  std::size_t compared = 0;
  for (const LossKind kind : {LossKind::kLogistic, LossKind::kSquared, LossKind::kSquaredHinge}) {
    for (const std::size_t count : {1u, 15u, 16u, 17u, 1000u}) {
      const Rows rows = MakeRows(count, 5.0);
      std::vector<LossCurve> curves(count);
      LossCurves(kind, rows.margins, rows.labels, curves);
      for (std::size_t i = 0; i < count; ++i) {
        const double slope = LossAt(kind, rows.margins[i], rows.labels[i]).derivative;
        EXPECT_NEAR(curves[i].slope, slope, 3e-7 * std::max(1.0, std::fabs(slope)));
        const double p = std::fabs(slope);
        const double curvature = kind == LossKind::kLogistic ? p * (1.0 - p) : CurvatureMax(kind);
        EXPECT_NEAR(curves[i].curvature, curvature, 3e-7);
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, 3 * 1049u);
}

TEST(LossKernels, SumIsThatOfEachRow) {
  for (const LossKind kind : {LossKind::kLogistic, LossKind::kSquared, LossKind::kSquaredHinge}) {
    for (const std::size_t count : {0u, 1u, 7u, 8u, 511u, 513u, 5000u}) {
      const Rows rows = MakeRows(count, 8.0);
      double sum = 0.0;
      for (std::size_t i = 0; i < count; ++i)
        sum += LossAt(kind, rows.margins[i], rows.labels[i]).value;
      EXPECT_NEAR(LossSum(kind, rows.margins, rows.labels), sum, 1e-13 * sum);
    }
  }
}

TEST(LossKernels, ExtremeMargins) {
  const std::vector<double> margins{0.0,   -0.0,  1e-30,  -1e-30, 36.0,
                                    -36.0, 800.0, -800.0, 1e6,    -1e6};
  for (const float label : {0.0F, 1.0F}) {
    for (const double margin : margins) {
      const LossPoint point = LossAt(LossKind::kLogistic, margin, label);
      EXPECT_NEAR(LossSum(LossKind::kLogistic, {&margin, 1}, {&label, 1}), point.value,
                  1e-13 * std::max(1.0, point.value))
          << margin;
      LossCurve curve;
      LossCurves(LossKind::kLogistic, {&margin, 1}, {&label, 1}, {&curve, 1});
      EXPECT_NEAR(curve.slope, point.derivative, 3e-7) << margin;
      EXPECT_GE(curve.curvature, 0.0F) << margin;
    }
  }
}

}  // namespace
}  // namespace steelyard::math
