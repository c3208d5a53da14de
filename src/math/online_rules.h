// The coordinate rules of the online solvers, shared by the servers' updaters and the workers' replay.
#pragma once

#include <cmath>

namespace steelyard::math {

/// FTRL-Proximal.
///
/// A coordinate is (z, n), all zeros when new; its weight is a function of both. One gradient g at weight w:
/// sigma = (sqrt(n + g^2) - sqrt(n)) / alpha; z += g - sigma w; n += g^2.
/// Every expression is written so that a vectorised loop over arrays rounds as the scalar call does.
/// Source: McMahan et al., KDD 2013, algorithm 1.
struct FtrlRule {
  float inverse_alpha;
  float beta;
  float l1;
  float l2;

  /// The weight of a coordinate, with sqrt(n) at hand.
  float Weight(float z, float sqrt_n) const {
    const float excess = std::fabs(z) - l1;
    const float scale = (beta + sqrt_n) * inverse_alpha + l2;
    const float weight = -std::copysign(excess, z) / scale;
    return excess > 0.0F ? weight : 0.0F;
  }

  /// What z gains from gradient `g` taken at `weight`.
  float ZStep(float g, float weight, float sqrt_n_before, float sqrt_n_after) const {
    return g - (sqrt_n_after - sqrt_n_before) * inverse_alpha * weight;
  }

  /// Apply one gradient, taken at Weight(z, sqrt(n)), to a coordinate.
  void Step(float g, float& z, float& n) const {
    const float before = std::sqrt(n);
    const float weight = Weight(z, before);
    n += g * g;
    z += ZStep(g, weight, before, std::sqrt(n));
  }
};

/// Soft threshold: the proximal operator of `threshold` x |w|.
inline float SoftThreshold(float w, float threshold) {
  const float excess = std::fabs(w) - threshold;
  return excess > 0.0F ? std::copysign(excess, w) : 0.0F;
}

/// The proximal step of l1 |w| + l2 / 2 w^2 at learning rate `rate`.
inline float ElasticNetStep(float w, float rate, float l1, float l2) {
  return SoftThreshold(w, rate * l1) / (1.0F + rate * l2);
}

/// Gradient descent with a constant rate, and a proximal step for l1 and l2 on the coordinates that are touched.
struct SgdRule {
  float alpha;
  float l1;
  float l2;

  float Step(float g, float w) const { return ElasticNetStep(w - alpha * g, alpha, l1, l2); }
};

/// AdaGrad, diagonal and proximal: n += g^2; rate = alpha / (beta + sqrt(n)); w = prox(w - rate g).
///
/// beta = 0 is the textbook rule; beta > 0 is the per-coordinate rate of FTRL, so that both take the same flags.
/// Source: Duchi, Hazan, Singer, JMLR 2011, section 5 (composite mirror descent, diagonal).
struct AdagradRule {
  float alpha;
  float beta;
  float l1;
  float l2;

  void Step(float g, float& w, float& n) const {
    n += g * g;
    const float scale = beta + std::sqrt(n);
    if (scale <= 0.0F) return;  // beta = 0 and no gradient seen yet: nothing to learn from.
    const float rate = alpha / scale;
    w = ElasticNetStep(w - rate * g, rate, l1, l2);
  }
};

/// Adam, lazily: a coordinate moves, and forgets, when it is pushed to, and counts its own steps.
///
/// Means of g and g^2 are kept with the weights that they have gathered so far, which follow the same recurrence; dividing
/// by them is the bias correction, without powers of a step count.
/// Source: Kingma, Ba, ICLR 2015, algorithm 1.
struct AdamRule {
  static constexpr float kMeanDecay = 0.9F, kSquareDecay = 0.999F, kEpsilon = 1e-8F;
  float alpha;

  /// @param mean_weight, square_weight  what the means have gathered: 1 - decay^steps.
  void Step(float g, float& w, float& mean, float& square, float& mean_weight,
            float& square_weight) const {
    mean = kMeanDecay * mean + (1.0F - kMeanDecay) * g;
    square = kSquareDecay * square + (1.0F - kSquareDecay) * (g * g);
    mean_weight = kMeanDecay * mean_weight + (1.0F - kMeanDecay);
    square_weight = kSquareDecay * square_weight + (1.0F - kSquareDecay);
    w -= alpha * (mean / mean_weight) / (std::sqrt(square / square_weight) + kEpsilon);
  }
};

}  // namespace steelyard::math
