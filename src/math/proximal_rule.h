// The coordinate step of block proximal gradient, shared by the servers that take it and the workers that follow it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace steelyard::math {

/// One coordinate of: minimise loss(w) + l1 |w|_1 + l2/2 |w|^2, in the norm that an upper bound of the loss's second
/// derivative gives, within a trust region of half-width `delta`.
///
/// Source: Li et al., NIPS 2014, algorithm 3, with the signs and the inverse that its listing leaves out; the trust region
///         is that of Genkin, Lewis, Madigan, Technometrics 2007.
struct ProximalRule {
  float l1 = 0.0F;
  float l2 = 0.0F;
  float delta_max = 5.0F;

  static constexpr float kDeltaFirst = 1.0F;
  static constexpr float kCurvatureMin = 1e-12F;

  /// The next weight. @param gradient, curvature  of the loss alone, summed over all rows.
  float Step(float gradient, float curvature, float weight, float delta) const {
    const float g = gradient + l2 * weight;
    const float u = std::max(curvature + l2, kCurvatureMin);
    float step = -weight;
    if (g + l1 <= u * weight) {
      step = -(g + l1) / u;
    } else if (g - l1 >= u * weight) {
      step = -(g - l1) / u;
    }
    return weight + std::clamp(step, -delta, delta);
  }

  /// The next trust region, after a weight moved by `step`.
  float NextDelta(float step) const { return std::min(delta_max, 2.0F * std::fabs(step) + 0.1F); }

  /// How far the coordinate is from its optimality condition (Karush, Kuhn, Tucker).
  float Violation(float gradient, float weight) const {
    const float g = gradient + l2 * weight;
    if (weight > 0.0F) return std::fabs(g + l1);
    if (weight < 0.0F) return std::fabs(g - l1);
    return std::max(0.0F, std::fabs(g) - l1);
  }

  /// May a coordinate be left out until a sweep wakes it? Not one that nothing holds at 0. @param margin  by how much its gradient must stay below l1.
  bool Settled(float gradient, float weight, float margin) const {
    return weight == 0.0F && l1 > 0.0F && std::fabs(gradient) <= l1 - margin;
  }
};

/// The step from `before` to `after`, shortened to 8 significant bits so that it travels in two bytes; -0: to 0, exactly.
/// A step in the same direction that is at most 1 in 128 shorter lowers the bound that `after` minimises as well.
inline float ShortStep(float before, float after) {
  if (after == 0.0F) return before == 0.0F ? 0.0F : -0.0F;
  const auto bits = std::bit_cast<std::uint32_t>(after - before) & 0xffff0000U;
  return bits << 1U == 0 ? 0.0F : std::bit_cast<float>(bits);
}

/// Where a short step leads: the same bits wherever it is taken.
inline float AfterShortStep(float before, float step) {
  return step == 0.0F && std::signbit(step) ? 0.0F : before + step;
}

}  // namespace steelyard::math
