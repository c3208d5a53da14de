#include "math/loss_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/check.h"
#include "base/vector_clones.h"

namespace steelyard::math {
namespace {

constexpr double kLog2E = 1.4426950408889634;
constexpr double kLn2 = 0.6931471805599453;

/// exp(x) for x <= 0; 0 below -87.
[[gnu::always_inline]] inline float ExpOfNegative(float x) {
  // Adding 1.5 x 2^23 leaves the nearest integer in the lowest bits.
  constexpr float kRound = 12582912.0F;
  const float t = std::max(x, -87.0F) * static_cast<float>(kLog2E);
  const float rounded = t + kRound;
  const float f = t - (rounded - kRound);
  // ln(2)^k / k!
  float p = 1.5403530e-4F;
  p = p * f + 1.3333558e-3F;
  p = p * f + 9.6181291e-3F;
  p = p * f + 5.5504109e-2F;
  p = p * f + 2.4022651e-1F;
  p = p * f + 6.9314718e-1F;
  p = p * f + 1.0F;
  const auto exponent = std::bit_cast<std::uint32_t>(rounded);
  return p * std::bit_cast<float>((exponent + 127u) << 23);
}

/// exp(x) for x <= 0; below -700 the one of -700.
[[gnu::always_inline]] inline double ExpOfNegative(double x) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 x 2^52
  const double t = std::max(x, -700.0) * kLog2E;
  const double rounded = t + kRound;
  const double r = (t - (rounded - kRound)) * kLn2;
  double p = 1.0 / 6227020800.0;  // 1 / 13!
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const auto exponent = std::bit_cast<std::uint64_t>(rounded);
  return p * std::bit_cast<double>((exponent + 1023u) << 52);
}

/// log(1 + e) for 0 <= e <= 1.
[[gnu::always_inline]] inline double LogOfOnePlus(double e) {
  const double s = e / (2.0 + e);
  const double q = s * s;
  double p = 1.0 / 33.0;
  for (int k = 31; k > 0; k -= 2) p = p * q + 1.0 / k;
  return 2.0 * s * p;
}

SY_VECTOR_CLONES void LogisticCurves(const double* margins, const float* labels, std::size_t count,
                                     LossCurve* curves) {
  for (std::size_t i = 0; i < count; ++i) {
    const float sign = labels[i] > 0.5F ? 1.0F : -1.0F;
    const float margin = sign * static_cast<float>(margins[i]);
    const float e = ExpOfNegative(-std::fabs(margin));
    const float wrong = (margin >= 0.0F ? e : 1.0F) / (1.0F + e);  // The other label's probability.
    curves[i].slope = -sign * wrong;
    curves[i].curvature = wrong * (1.0F - wrong);
  }
}

SY_VECTOR_CLONES void LogisticLosses(const double* margins, const float* labels, std::size_t count,
                                     double* losses) {
  for (std::size_t i = 0; i < count; ++i) {
    const double sign = labels[i] > 0.5F ? 1.0 : -1.0;
    const double margin = sign * margins[i];
    losses[i] = LogOfOnePlus(ExpOfNegative(-std::fabs(margin))) + std::max(-margin, 0.0);
  }
}

}  // namespace

double SlopeMax(LossKind kind) {
  const bool straight = kind == LossKind::kLogistic || kind == LossKind::kHinge;
  return straight ? 1.0 : std::numeric_limits<double>::infinity();
}

float CurvatureMax(LossKind kind) {
  switch (kind) {
    case LossKind::kLogistic:
      return 0.25F;
    case LossKind::kSquaredHinge:
      return 2.0F;
    case LossKind::kSquared:
    case LossKind::kHinge:
      break;
  }
  return 1.0F;
}

void LossCurves(LossKind kind, std::span<const double> margins, std::span<const float> labels,
                std::span<LossCurve> curves) {
  SY_DCHECK(labels.size() == margins.size() && curves.size() == margins.size());
  if (kind == LossKind::kLogistic)
    return LogisticCurves(margins.data(), labels.data(), margins.size(), curves.data());
  for (std::size_t i = 0; i < margins.size(); ++i) {
    curves[i] = {static_cast<float>(LossAt(kind, margins[i], labels[i]).derivative),
                 CurvatureMax(kind)};
  }
}

double LossSum(LossKind kind, std::span<const double> margins, std::span<const float> labels) {
  SY_DCHECK(labels.size() == margins.size());
  std::array<double, 512> losses{};
  std::array<double, 8> sums{};
  for (std::size_t first = 0; first < margins.size(); first += losses.size()) {
    const std::size_t count = std::min(losses.size(), margins.size() - first);
    if (kind == LossKind::kLogistic) {
      LogisticLosses(&margins[first], &labels[first], count, losses.data());
    } else {
      for (std::size_t i = 0; i < count; ++i)
        losses[i] = LossAt(kind, margins[first + i], labels[first + i]).value;
    }
    for (std::size_t i = 0; i < count; ++i) sums[i % sums.size()] += losses[i];
  }
  double sum = 0.0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace steelyard::math
