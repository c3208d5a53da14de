// Goal: directions from inner products are those of the two-loop recursion on the vectors themselves, and on a quadratic
// function they lead to its minimum. Method: the recursion in its textbook form beside it.
#include "math/quasi_newton.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <random>

namespace steelyard::math {
namespace {

constexpr std::size_t kSize = 30;
using Memory = QuasiNewtonMemory;
using Vector = std::array<double, kSize>;

double Dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < kSize; ++i) sum += a[i] * b[i];
  return sum;
}

void Add(Vector& to, double scale, const Vector& from) {
  for (std::size_t i = 0; i < kSize; ++i) to[i] += scale * from[i];
}

/// 1/2 sum c_i (w_i - 1)^2, with curvatures from 1 to 100.
Vector GradientAt(const Vector& w) {
  Vector gradient{};
  for (std::size_t i = 0; i < kSize; ++i)
    gradient[i] = (1.0 + 99.0 * static_cast<double>(i) / (kSize - 1)) * (w[i] - 1.0);
  return gradient;
}

/// What the holder of the vectors does.
struct Holder {
  std::array<Vector, Memory::kBasis> basis{};

  std::vector<double> ProductsOf(std::size_t place) const {
    std::vector<double> products;
    for (const Vector& other : basis) products.push_back(Dot(basis[place], other));
    return products;
  }
  Vector Combine(const std::vector<double>& coefficients) const {
    Vector sum{};
    for (std::size_t place = 0; place < Memory::kBasis; ++place)
      Add(sum, coefficients[place], basis[place]);
    return sum;
  }
  void Pair(Memory& memory, const Vector& step, const Vector& change) {
    const std::uint32_t pair = memory.next_pair();
    basis[Memory::StepAt(pair)] = step;
    basis[Memory::ChangeAt(pair)] = change;
    memory.TakePair(ProductsOf(Memory::StepAt(pair)), ProductsOf(Memory::ChangeAt(pair)));
  }
  void Gradient(Memory& memory, const Vector& gradient) {
    basis[Memory::kGradient] = gradient;
    memory.TakeGradient(ProductsOf(Memory::kGradient));
  }
};

Vector TwoLoops(const std::deque<std::pair<Vector, Vector>>& pairs, Vector gradient) {
  std::vector<double> taken(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    taken[i] = Dot(gradient, pairs[i].first) / Dot(pairs[i].first, pairs[i].second);
    Add(gradient, -taken[i], pairs[i].second);
  }
  const auto& [step, change] = pairs.back();
  const double scale = Dot(step, change) / Dot(change, change);
  for (double& x : gradient) x *= scale;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double back = Dot(gradient, pairs[i].second) / Dot(pairs[i].first, pairs[i].second);
    Add(gradient, taken[i] - back, pairs[i].first);
  }
  for (double& x : gradient) x = -x;
  return gradient;
}

TEST(QuasiNewtonMemory, DirectionsAreThoseOfTheTwoLoopRecursion) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  Memory memory;
  Holder holder;
  std::deque<std::pair<Vector, Vector>> pairs;
  Vector w{};
  for (int i = 0; i < 35; ++i) {
    Vector step;
    for (double& x : step) x = normal(random);
    Vector after = w;
    Add(after, 1.0, step);
    Vector change = GradientAt(after);
    Add(change, -1.0, GradientAt(w));
    w = after;
    holder.Pair(memory, step, change);
    holder.Gradient(memory, GradientAt(w));
    pairs.emplace_back(step, change);
    if (pairs.size() > Memory::kPairs) pairs.pop_front();
    const Vector found = holder.Combine(memory.Direction());
    const Vector expected = TwoLoops(pairs, GradientAt(w));
    for (std::size_t j = 0; j < kSize; ++j)
      ASSERT_NEAR(found[j], expected[j], 1e-9 * std::fabs(expected[j]) + 1e-9) << "step " << i;
  }
}

TEST(QuasiNewtonMemory, LeadsToTheMinimum) {
  Memory memory;
  Holder holder;
  Vector w{};
  holder.Gradient(memory, GradientAt(w));
  EXPECT_TRUE(memory.empty());
  const double first = memory.gradient_squared();
  for (int i = 0; i < 60; ++i) {
    Vector direction = holder.Combine(memory.Direction());
    const Vector before = GradientAt(w);
    EXPECT_LT(Dot(direction, before), 0.0) << "downhill";
    Vector bent = direction;
    for (std::size_t j = 0; j < kSize; ++j)
      bent[j] *= 1.0 + 99.0 * static_cast<double>(j) / (kSize - 1);
    for (double& x : direction) x *= -Dot(direction, before) / Dot(direction, bent);
    Add(w, 1.0, direction);
    Vector change = GradientAt(w);
    Add(change, -1.0, before);
    holder.Pair(memory, direction, change);
    holder.Gradient(memory, GradientAt(w));
    if (memory.gradient_squared() < 1e-16 * first) break;
  }
  EXPECT_LT(memory.gradient_squared(), 1e-16 * first);
}

TEST(QuasiNewtonMemory, APairWithoutCurvatureIsNotUsed) {
  Memory memory;
  Holder holder;
  Vector step{};
  Vector change{};
  step[0] = 1.0;
  change[0] = 2.0;
  holder.Pair(memory, step, change);
  EXPECT_EQ(memory.next_pair(), 1u);
  change[0] = -1.0;
  holder.Pair(memory, step, change);
  EXPECT_EQ(memory.next_pair(), 1u) << "its place is free";
  Vector gradient{};
  gradient[0] = 4.0;
  gradient[1] = 1.0;
  holder.Gradient(memory, gradient);
  const Vector direction = holder.Combine(memory.Direction());
  EXPECT_DOUBLE_EQ(direction[0], -2.0);
  EXPECT_DOUBLE_EQ(direction[1], -0.5);
  memory.Forget();
  EXPECT_EQ(holder.Combine(memory.Direction())[0], -4.0);
}

}  // namespace
}  // namespace steelyard::math
