// Vectorised loops over the coordinates of one row.
#include "apps/linear/coordinate_kernels.h"

#include <cmath>

namespace steelyard::apps::linear {
namespace {

template <typename ValueAt>
void StepAll(const math::FtrlRule& rule, const FtrlRow& row, ValueAt value_at, float slope,
             const float* __restrict before, float* __restrict after) {
  const float* __restrict sqrt_n = row.sqrt_n;
  const float* __restrict weights = row.weights;
  for (std::size_t i = 0; i < row.count; ++i) {
    const float gradient = slope * value_at(i);
    const float n = before[2 * i + 1] + gradient * gradient;
    after[2 * i] = before[2 * i] + rule.ZStep(gradient, weights[i], sqrt_n[i], std::sqrt(n));
    after[2 * i + 1] = n;
  }
}

template <typename ValueAt>
double DotAll(const float* weights, ValueAt value_at, std::size_t count) {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      sums[lane] += static_cast<double>(weights[i + lane] * value_at(i + lane));
    }
  }
  for (; i < count; ++i) sums[i % 4] += static_cast<double>(weights[i] * value_at(i));
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

void FtrlWeights(const math::FtrlRule& rule, const float* __restrict state, std::size_t count,
                 float* __restrict sqrt_n, float* __restrict weights) {
  for (std::size_t i = 0; i < count; ++i) {
    sqrt_n[i] = std::sqrt(state[2 * i + 1]);
    weights[i] = rule.Weight(state[2 * i], sqrt_n[i]);
  }
}

void FtrlSteps(const math::FtrlRule& rule, const FtrlRow& row, float slope, const float* before,
               float* after) {
  if (row.values == nullptr) {
    StepAll(
        rule, row, [](std::size_t) { return 1.0F; }, slope, before, after);
  } else {
    StepAll(
        rule, row, [values = row.values](std::size_t i) { return values[i]; }, slope, before,
        after);
  }
}

void SubtractFrom(const float* __restrict after, std::size_t count, float* __restrict changes) {
  for (std::size_t i = 0; i < count; ++i) changes[i] = after[i] - changes[i];
}

double Dot(const float* weights, const float* values, std::size_t count) {
  if (values == nullptr)
    return DotAll(
        weights, [](std::size_t) { return 1.0F; }, count);
  return DotAll(
      weights, [values](std::size_t i) { return values[i]; }, count);
}

}  // namespace steelyard::apps::linear
