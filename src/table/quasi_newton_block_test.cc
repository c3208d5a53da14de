// Goal: a move goes along the direction, stays in its orthant and never uphill; a gradient stores the pair and says the
// inner products; both give the same whether features are one block or many. Method: the vectors in double beside it.
#include "table/quasi_newton_block.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "table/freezer.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

using Memory = math::QuasiNewtonMemory;
constexpr std::size_t kKeys = 101;
constexpr math::OrthantRule kRule{.l1 = 0.5F, .l2 = 0.25F};
constexpr OrthantRules kRules(kRule);

class QuasiNewtonBlockTest : public ::testing::Test {
 protected:
  QuasiNewtonBlockTest() {
    HashTable hash({0, kKeys - 1}, kQuasiNewtonColumns, memory_);
    for (Key key = 0; key < kKeys; ++key) hash.FindOrInsert(key)[0] = key % 3 == 0 ? 0.0F : 0.1F;
    Freezer freezer(
        &hash, [](Key, std::span<const float>) { return true; }, &memory_);
    while (!freezer.Continue(1000)) {
    }
    rows_ = freezer.Take();
    BeginQuasiNewton(*rows_);
    for (float& gradient : gradients_) gradient = normal_(random_);
  }

  std::span<const float> Column(std::size_t index) const {
    return std::as_const(*rows_).column(index);
  }
  std::vector<float> Copy(QuasiNewtonColumn column) const {
    const auto values = Column(static_cast<std::size_t>(column));
    return {values.begin(), values.end()};
  }
  GradientOutcome Gradient(std::optional<std::uint32_t> pair) {
    return TakeGradients(*rows_, basis_, {0, kKeys}, gradients_, pair, kRules);
  }
  static std::vector<double> Downhill() {
    std::vector<double> direction(Memory::kBasis);
    direction[Memory::kGradient] = -1.0;
    return direction;
  }

  std::mt19937_64 random_{1};
  std::normal_distribution<float> normal_;
  PageMemory memory_;
  std::unique_ptr<ArrayTable> rows_;
  QuasiNewtonBasis basis_;
  std::vector<float> gradients_ = std::vector<float>(kKeys);
};

TEST_F(QuasiNewtonBlockTest, AMoveStaysInItsOrthant) {
  const GradientOutcome first = Gradient({});
  ASSERT_EQ(first.products.size(), Memory::kBasis);
  const auto smooth = Copy(QuasiNewtonColumn::kGradient);
  const auto starts = Copy(QuasiNewtonColumn::kStart);
  double squared = 0.0;
  std::size_t stopped = 0;
  std::size_t left_zero = 0;
  const MoveOutcome moved = MoveBlock(*rows_, basis_, {0, kKeys}, Downhill(), 0.3, kRules);
  double slope = 0.0;
  double norm1 = 0.0;
  for (std::size_t i = 0; i < kKeys; ++i) {
    EXPECT_FLOAT_EQ(smooth[i], gradients_[i] + 0.25F * starts[i]);
    const float pseudo = kRule.PseudoGradient(smooth[i], starts[i]);
    squared += pseudo * pseudo;
    const float weight = Column(0)[i];
    const float straight = starts[i] - 0.3F * pseudo;
    if (starts[i] > 0.0F && straight < 0.0F) {
      EXPECT_EQ(weight, 0.0F) << "it does not cross";
      ++stopped;
    } else {
      EXPECT_NEAR(weight, straight, 1e-6);
    }
    left_zero += starts[i] == 0.0F && weight != 0.0F ? 1 : 0;
    EXPECT_EQ(Copy(QuasiNewtonColumn::kStart)[i], starts[i]) << "until it is accepted";
    slope += pseudo * (weight - starts[i]);
    norm1 += std::fabs(weight);
  }
  EXPECT_GT(stopped, 0u);
  EXPECT_GT(left_zero, 0u);
  EXPECT_NEAR(first.products[Memory::kGradient], squared, 1e-4);
  EXPECT_NEAR(moved.slope, slope, 1e-4);
  EXPECT_LT(moved.slope, 0.0);
  EXPECT_NEAR(moved.norms.norm1, norm1, 1e-5);

  // What goes uphill stays.
  std::vector<double> uphill = Downhill();
  uphill[Memory::kGradient] = 1.0;
  EXPECT_EQ(MoveBlock(*rows_, basis_, {0, kKeys}, uphill, 1.0, kRules).slope, 0.0);
  EXPECT_EQ(Copy(QuasiNewtonColumn::kWeight), starts);
  // Back again.
  (void)MoveBlock(*rows_, basis_, {0, kKeys}, Downhill(), 0.3, kRules);
  EXPECT_EQ(MoveBlock(*rows_, basis_, {0, kKeys}, Downhill(), 0.0, kRules).slope, 0.0);
  EXPECT_EQ(Copy(QuasiNewtonColumn::kWeight), starts);
}

TEST_F(QuasiNewtonBlockTest, AGradientStoresThePair) {
  (void)Gradient({});
  const auto starts = Copy(QuasiNewtonColumn::kStart);
  const auto before = Copy(QuasiNewtonColumn::kGradient);
  (void)MoveBlock(*rows_, basis_, {0, kKeys}, Downhill(), 0.1, kRules);
  const auto weights = Copy(QuasiNewtonColumn::kWeight);
  for (float& gradient : gradients_) gradient *= 0.5F;
  const GradientOutcome outcome = Gradient(7);
  ASSERT_EQ(outcome.products.size(), 3 * Memory::kBasis);
  const auto& step = basis_[Memory::StepAt(7)];
  const auto& change = basis_[Memory::ChangeAt(7)];
  double both = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < kKeys; ++i) {
    EXPECT_EQ(step[i], weights[i] - starts[i]);
    const float smooth = gradients_[i] + 0.25F * weights[i];
    EXPECT_FLOAT_EQ(change[i], smooth - before[i]);
    both += static_cast<double>(step[i]) * change[i];
    largest = std::max(largest, static_cast<double>(std::fabs(smooth)));
  }
  EXPECT_NEAR(outcome.products[Memory::kBasis + Memory::ChangeAt(7)], both, 1e-9);
  EXPECT_NEAR(outcome.products[2 * Memory::kBasis + Memory::StepAt(7)], both, 1e-9);
  EXPECT_NEAR(outcome.gradient_max, largest, 1e-6);
  EXPECT_EQ(Copy(QuasiNewtonColumn::kStart), weights) << "the next search begins here";

  // A direction along a stored vector.
  std::vector<double> along(Memory::kBasis);
  along[Memory::StepAt(7)] = 1.0;
  const double slope = MoveBlock(*rows_, basis_, {0, kKeys}, along, 1.0, kRules).slope;
  EXPECT_LT(slope, 0.0);
}

TEST_F(QuasiNewtonBlockTest, BlocksAddUpToTheWhole) {
  (void)Gradient({});
  const auto whole = MoveBlock(*rows_, basis_, {0, kKeys}, Downhill(), 0.2, kRules);
  const auto weights = Copy(QuasiNewtonColumn::kWeight);
  const auto first = MoveBlock(*rows_, basis_, {0, 40}, Downhill(), 0.2, kRules);
  const auto second = MoveBlock(*rows_, basis_, {40, kKeys - 40}, Downhill(), 0.2, kRules);
  EXPECT_EQ(Copy(QuasiNewtonColumn::kWeight), weights);
  EXPECT_NEAR(first.slope + second.slope, whole.slope, 1e-12);
  EXPECT_EQ(first.norms.nonzeros + second.norms.nonzeros, whole.norms.nonzeros);
  const std::span<const float> gradients = gradients_;
  const auto a = TakeGradients(*rows_, basis_, {0, 40}, gradients.first(40), 0, kRules);
  const auto b = TakeGradients(*rows_, basis_, {40, kKeys - 40}, gradients.subspan(40), 0, kRules);
  // Once more: the step is zero now, and the gradient is the same.
  const auto again = TakeGradients(*rows_, basis_, {0, kKeys}, gradients, {}, kRules);
  for (std::size_t i = 0; i < Memory::kBasis; ++i)
    EXPECT_NEAR(a.products[i] + b.products[i], again.products[i], 1e-9);
  EXPECT_EQ(std::max(a.violation_max, b.violation_max), again.violation_max);
}

}  // namespace
}  // namespace steelyard::table
