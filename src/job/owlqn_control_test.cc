// Goal: the control halves a step until the objective falls by enough, goes back and forgets its pairs when no step helps,
// and ends when little is left, with the last gradient taken where the weights end. Method: figures made up by the test.
#include "job/owlqn_control.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace steelyard::job {
namespace {

using Next = OwlqnControl::Next;
using Memory = math::QuasiNewtonMemory;

std::vector<double> Gradient(double squared) {
  std::vector<double> products(Memory::kBasis);
  products[Memory::kGradient] = squared;
  return products;
}

/// A gradient with a pair at `pair`: step 1, change 2, both along one axis.
std::vector<double> WithPair(double squared, std::uint32_t pair) {
  std::vector<double> products(3 * Memory::kBasis);
  products[Memory::kGradient] = squared;
  products[Memory::kBasis + Memory::StepAt(pair)] = 1.0;
  products[Memory::kBasis + Memory::ChangeAt(pair)] = 2.0;
  products[2 * Memory::kBasis + Memory::StepAt(pair)] = 2.0;
  products[2 * Memory::kBasis + Memory::ChangeAt(pair)] = 4.0;
  return products;
}

TEST(OwlqnControl, HalvesStepsUntilTheObjectiveFallsByEnough) {
  OwlqnControl control({}, 100.0);
  EXPECT_FALSE(control.plan().pair.has_value()) << "a first gradient has no step";
  ASSERT_EQ(control.OnGradient(Gradient(16.0)), Next::kMove);
  EXPECT_EQ(control.plan().reach, 0.25) << "a step of length 1";
  EXPECT_EQ(control.plan().direction[Memory::kGradient], -1.0);
  EXPECT_EQ(control.OnMoved(101.0, -4.0), Next::kMove);
  EXPECT_EQ(control.plan().reach, 0.125);
  EXPECT_EQ(control.OnMoved(100.0 - 1e-5, -4.0), Next::kMove) << "too little";
  EXPECT_EQ(control.OnMoved(99.0, -1.0), Next::kGradient);
  EXPECT_EQ(control.objective(), 99.0);
  EXPECT_EQ(control.passes(), 1u);
  ASSERT_EQ(control.plan().pair, 0u);
  ASSERT_EQ(control.OnGradient(WithPair(4.0, 0)), Next::kMove);
  EXPECT_EQ(control.plan().reach, 1.0) << "the pair tells the scale";
  EXPECT_EQ(control.OnMoved(98.0, -2.0), Next::kGradient);
  EXPECT_EQ(control.plan().pair, 1u);
}

TEST(OwlqnControl, WhenNoStepHelpsItForgetsAndThenEnds) {
  OwlqnControl control({}, 100.0);
  ASSERT_EQ(control.OnGradient(Gradient(16.0)), Next::kMove);
  ASSERT_EQ(control.OnMoved(99.0, -1.0), Next::kGradient);
  ASSERT_EQ(control.OnGradient(WithPair(4.0, 0)), Next::kMove);
  int trials = 1;
  while (control.plan().reach != 0.0) {
    ASSERT_EQ(control.OnMoved(100.0, -1.0), Next::kMove);
    ASSERT_LT(++trials, 100);
  }
  EXPECT_GT(trials, 10);
  EXPECT_EQ(control.OnMoved(99.0, 0.0), Next::kMove) << "back; now downhill, without the pair";
  EXPECT_EQ(control.plan().direction[Memory::StepAt(0)], 0.0);
  EXPECT_EQ(control.plan().reach, 0.5);
  while (control.plan().reach != 0.0) ASSERT_EQ(control.OnMoved(100.0, -1.0), Next::kMove);
  EXPECT_EQ(control.OnMoved(99.0, 0.0), Next::kConverged);
  EXPECT_EQ(control.objective(), 99.0);
}

TEST(OwlqnControl, EndsAtAGradientWhenLittleIsLeft) {
  OwlqnControl control({.tolerance = 1e-3}, 100.0);
  Next next = control.OnGradient(Gradient(1.0));
  double objective = 100.0;
  double decrease = 10.0;
  while (next == Next::kMove) {
    objective -= decrease;
    decrease *= 0.5;
    ASSERT_EQ(control.OnMoved(objective, -decrease), Next::kGradient);
    next = control.OnGradient(WithPair(1.0, *control.plan().pair));
  }
  EXPECT_EQ(next, Next::kConverged);
  EXPECT_NEAR(objective, 80.0, 1e-3 * 80.0);
  EXPECT_GT(control.passes(), 8u);
  EXPECT_LT(control.passes(), 25u);
}

TEST(OwlqnControl, EndsAtZeroGradientsAndWhenPassesAreUsedUp) {
  OwlqnControl flat({}, 1.0);
  EXPECT_EQ(flat.OnGradient(Gradient(0.0)), Next::kConverged);
  OwlqnControl control({.passes_max = 1}, 100.0);
  ASSERT_EQ(control.OnGradient(Gradient(16.0)), Next::kMove);
  ASSERT_EQ(control.OnMoved(90.0, -4.0), Next::kGradient);
  EXPECT_EQ(control.OnGradient(WithPair(4.0, 0)), Next::kPassesUsedUp);
}

TEST(OwlqnControl, AnObjectiveThatIsNotANumberIsNotAccepted) {
  OwlqnControl control({}, 100.0);
  ASSERT_EQ(control.OnGradient(Gradient(16.0)), Next::kMove);
  EXPECT_EQ(control.OnMoved(std::numeric_limits<double>::quiet_NaN(), -4.0), Next::kMove);
  EXPECT_EQ(control.plan().reach, 0.125);
}

}  // namespace
}  // namespace steelyard::job
