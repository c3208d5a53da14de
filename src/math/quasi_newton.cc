#include "math/quasi_newton.h"

#include <algorithm>
#include <ranges>

#include "base/check.h"

namespace steelyard::math {
namespace {

/// Of y's length squared: a pair with less curvature says nothing but rounding.
constexpr double kCurvatureMin = 1e-10;

}  // namespace

void QuasiNewtonMemory::Store(std::size_t place, std::span<const double> products) {
  SY_CHECK(products.size() == kBasis);
  for (std::size_t i = 0; i < kBasis; ++i) products_[place][i] = products_[i][place] = products[i];
}

void QuasiNewtonMemory::TakeGradient(std::span<const double> products) {
  Store(kGradient, products);
}

void QuasiNewtonMemory::TakePair(std::span<const double> of_step,
                                 std::span<const double> of_change) {
  const std::uint32_t pair = next_pair_;
  Store(StepAt(pair), of_step);
  Store(ChangeAt(pair), of_change);
  std::erase(pairs_, pair);
  const double curvature = of_step[ChangeAt(pair)];
  if (!(curvature > kCurvatureMin * of_change[ChangeAt(pair)])) return;
  pairs_.push_back(pair);
  next_pair_ = (pair + 1) % kPairs;
}

double QuasiNewtonMemory::Product(std::span<const double> coefficients, std::size_t place) const {
  double sum = 0.0;
  for (std::size_t i = 0; i < kBasis; ++i) sum += coefficients[i] * products_[i][place];
  return sum;
}

std::vector<double> QuasiNewtonMemory::Direction() const {
  std::vector<double> direction(kBasis);
  direction[kGradient] = -1.0;
  if (pairs_.empty()) return direction;
  std::array<double, kPairs> taken{};
  for (const std::uint32_t pair : std::views::reverse(pairs_)) {
    const double curvature = products_[StepAt(pair)][ChangeAt(pair)];
    taken[pair] = Product(direction, StepAt(pair)) / curvature;
    direction[ChangeAt(pair)] -= taken[pair];
  }
  const std::size_t step = StepAt(pairs_.back());
  const std::size_t change = ChangeAt(pairs_.back());
  const double scale = products_[step][change] / products_[change][change];
  for (double& coefficient : direction) coefficient *= scale;
  for (const std::uint32_t pair : pairs_) {
    const double curvature = products_[StepAt(pair)][ChangeAt(pair)];
    direction[StepAt(pair)] += taken[pair] - Product(direction, ChangeAt(pair)) / curvature;
  }
  return direction;
}

}  // namespace steelyard::math
