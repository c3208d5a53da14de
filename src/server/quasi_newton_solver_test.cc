// Goal: the quasi-Newton actions of a block solver: gradients are summed, directions come back as inner products, weights
// move along what the scheduler asks for, and what does not fit is refused. Method: as in block_solver_test.cc.
#include <algorithm>
#include <array>

#include "server/test_block_solver.h"

namespace steelyard::server {
namespace {

class QuasiNewtonSolverTest : public BlockSolverTest {
 protected:
  static constexpr std::size_t kBasis = math::QuasiNewtonMemory::kBasis;

  explicit QuasiNewtonSolverTest(bool intercept = false)
      : BlockSolverTest(
            {.name = std::string(table::kQuasiNewtonUpdater), .l1 = 1.0F, .intercept = intercept}) {
  }

  /// A part about both blocks.
  wire::BlockStep About(BlockAction action, std::uint32_t slot, steelyard::Step step) const {
    wire::BlockStep part = Part(slot, step, 0.0F);
    part.action = action;
    part.blocks = 2;
    part.counts_signature = SignatureOf(slot == 0 ? Counts{8, 8} : Counts{4, 0});
    part.gradients = {};
    part.curvatures = {};
    if (action == BlockAction::kGradient)
      part.gradients.assign(slot == 0 ? 16 : 4, slot == 0 ? -1.5F : -0.5F);
    part.newton.direction.assign(kBasis, 0.0);
    part.newton.direction[math::QuasiNewtonMemory::kGradient] = -1.0;
    part.newton.reach = 0.5;
    return part;
  }

  std::array<wire::BlockStepped, 2> Both(BlockAction action, steelyard::Step step,
                                         std::uint32_t pair = wire::QuasiNewtonStep::kNoPair) {
    Outbox outbox;
    for (const std::uint32_t slot : {0u, 1u}) {
      wire::BlockStep part = About(action, slot, step);
      part.newton.pair = pair;
      const Status status = solver_.Step(1, slot, part, outbox);
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    EXPECT_EQ(outbox.size(), 2u);
    if (outbox.size() != 2) return {};
    return {Answer(outbox[0].second), Answer(outbox[1].second)};
  }
};

TEST_F(QuasiNewtonSolverTest, SumsGradientsAndMovesWeights) {
  JoinBoth();
  const auto first = Both(BlockAction::kGradient, 1);
  ASSERT_EQ(first[0].figures.size(), 2u);
  EXPECT_EQ(first[0].figures[0].gradient_max, 2.0F) << "the sum of both workers";
  EXPECT_EQ(first[0].figures[1].gradient_max, 1.5F);
  EXPECT_EQ(first[0].figures[0].products.size(), kBasis);
  // l1 is 1: at even places of segment 0 the slope is -1, elsewhere -1/2.
  EXPECT_EQ(first[0].figures[0].products.back(), 4 * 1.0 + 4 * 0.25);
  EXPECT_EQ(first[0].figures[1].products.back(), 8 * 0.25);

  const auto moved = Both(BlockAction::kMove, 2);
  ASSERT_TRUE(moved[0].changes.Fits(16));
  EXPECT_EQ(moved[1].changes.Expand(4), std::vector<float>(4, 0.5F))
      << "slot 1 has the even places";
  EXPECT_EQ(moved[0].changes.Expand(16)[1], 0.25F);
  EXPECT_EQ(moved[0].figures[0].slope, -(4 * 0.5 + 4 * 0.125));
  EXPECT_EQ(moved[0].figures[0].nonzeros, 8u);

  const auto second = Both(BlockAction::kGradient, 3, /*pair=*/0);
  EXPECT_EQ(second[0].figures[0].products.size(), 3 * kBasis);
  EXPECT_EQ(second[0].figures[0].products[kBasis], 4 * 0.25 + 4 * 0.0625) << "the step squared";
}

TEST_F(QuasiNewtonSolverTest, RefusesWhatDoesNotFit) {
  JoinBoth();
  Outbox outbox;
  const auto code = [&](const wire::BlockStep& step) {
    return solver_.Step(1, 1, step, outbox).code();
  };
  EXPECT_EQ(code(Part(0, 1, 1.0F)), StatusCode::kInvalidArgument) << "a proximal step";
  wire::BlockStep wrong = About(BlockAction::kMove, 0, 1);
  wrong.newton.direction.pop_back();
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = About(BlockAction::kGradient, 0, 1);
  wrong.newton.pair = math::QuasiNewtonMemory::kPairs;
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = About(BlockAction::kGradient, 0, 1);
  wrong.gradients[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = About(BlockAction::kMove, 0, 1);
  wrong.newton.reach = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(wrong.Check().ok());
  EXPECT_TRUE(outbox.empty());
}

class QuasiNewtonInterceptTest : public QuasiNewtonSolverTest {
 protected:
  QuasiNewtonInterceptTest() : QuasiNewtonSolverTest(true) {}
};

TEST_F(QuasiNewtonInterceptTest, ItGoesAlongItsWholeGradientAndAcrossZero) {
  JoinBoth();
  Outbox outbox;
  steelyard::Step step = 0;
  const auto both = [&](BlockAction action, double reach, float gradient) {
    outbox.clear();
    for (const std::uint32_t slot : {0u, 1u}) {
      wire::BlockStep part = About(action, slot, step);
      part.newton.reach = reach;
      if (action == BlockAction::kGradient) std::ranges::fill(part.gradients, gradient);
      EXPECT_TRUE(solver_.Step(1, 1, part, outbox).ok());
    }
    ++step;
    return Answer(outbox[0].second).figures[1];
  };
  EXPECT_EQ(both(BlockAction::kGradient, 0.5, -1.5F).violation_max, 1.5F);
  const wire::BlockFigures moved = both(BlockAction::kMove, 0.5, 0.0F);
  EXPECT_EQ(Weights(1),
            (std::vector<float>{0.25F, 0.25F, 0.25F, 0.25F, 0.25F, 0.25F, 0.25F, 0.75F}));
  EXPECT_EQ(moved.norm1, 1.75) << "of the seven that are penalised";
  EXPECT_EQ(moved.nonzeros, 8u);
  (void)both(BlockAction::kGradient, 0.5, 2.0F);
  (void)both(BlockAction::kMove, 0.5, 0.0F);
  EXPECT_EQ(Weights(1), (std::vector<float>{0, 0, 0, 0, 0, 0, 0, -0.25F})) << "no kink stops it";
}

TEST_F(BlockSolverTest, HasNoActionsOfTheQuasiNewtonMethod) {
  JoinBoth();
  Outbox outbox;
  wire::BlockStep part = Part(0, 1, 0.0F);
  part.action = BlockAction::kMove;
  part.newton.direction.assign(math::QuasiNewtonMemory::kBasis, 0.0);
  EXPECT_EQ(solver_.Step(1, 1, part, outbox).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace steelyard::server
