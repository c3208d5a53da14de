// The inner loops of the linear learners: one row's coordinates as contiguous arrays, so that they vectorise.
#pragma once

#include <cstddef>

#include "math/online_rules.h"

namespace steelyard::apps::linear {

/// The weights of n coordinates from their state, interleaved as on the wire: (z, n) pairs.
///
/// Every result is rounded as FtrlRule's scalar functions round it, whatever the vector width.
/// @param state    [n, 2]
/// @param sqrt_n   [n] receives sqrt(n)
/// @param weights  [n]
void FtrlWeights(const math::FtrlRule& rule, const float* state, std::size_t count, float* sqrt_n,
                 float* weights);

/// One row's coordinates, as FtrlWeights() left them.
struct FtrlRow {
  std::size_t count;
  const float* values;   ///< [n], or nullptr when every value is 1.
  const float* sqrt_n;   ///< [n]
  const float* weights;  ///< [n]
};

/// Apply the gradients slope x values[i], taken at `weights`: from state `before` [n, 2] to `after` [n, 2].
void FtrlSteps(const math::FtrlRule& rule, const FtrlRow& row, float slope, const float* before,
               float* after);

/// changes[i] = after[i] - changes[i], where `changes` holds the values of before.
void SubtractFrom(const float* after, std::size_t count, float* changes);

/// Sum of weights[i] x values[i] in an order that depends on `count` alone. @param values  nullptr: all 1.
double Dot(const float* weights, const float* values, std::size_t count);

}  // namespace steelyard::apps::linear
