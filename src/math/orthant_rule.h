// The coordinates of an orthant-wise quasi-Newton step, which keeps to one side of the l1 norm's kinks.
#pragma once

#include <cmath>

namespace steelyard::math {

/// One coordinate of: minimise loss(w) + l1 |w|_1 + l2/2 |w|^2. A smooth gradient is that of the loss and the l2 penalty.
///
/// Source: Andrew and Gao, "Scalable training of L1-regularized log-linear models", ICML 2007 (OWL-QN).
struct OrthantRule {
  float l1 = 0.0F;
  float l2 = 0.0F;

  float SmoothGradient(float loss_gradient, float weight) const {
    return loss_gradient + l2 * weight;
  }

  /// The slope of the objective, from the side on which it falls; 0 where it rises on both.
  float PseudoGradient(float smooth_gradient, float weight) const {
    if (weight > 0.0F) return smooth_gradient + l1;
    if (weight < 0.0F) return smooth_gradient - l1;
    if (smooth_gradient + l1 < 0.0F) return smooth_gradient + l1;
    if (smooth_gradient - l1 > 0.0F) return smooth_gradient - l1;
    return 0.0F;
  }

  /// How far to go along this coordinate: not at all where that would go uphill. Without a kink there is but one side.
  double Aligned(double direction, float pseudo_gradient) const {
    return l1 == 0.0F || direction * pseudo_gradient < 0.0 ? direction : 0.0;
  }

  /// Where `step` leads: 0 where it would cross into another orthant than that of the weight, or, at 0, of the descent.
  float After(float weight, double step, float pseudo_gradient) const {
    const auto moved = static_cast<float>(static_cast<double>(weight) + step);
    if (l1 == 0.0F) return moved;
    const float side = weight != 0.0F ? weight : -pseudo_gradient;
    const bool stays = (moved > 0.0F && side > 0.0F) || (moved < 0.0F && side < 0.0F);
    return stays ? moved : 0.0F;
  }
};

}  // namespace steelyard::math
