// Goal: a step is taken once, when every worker's part is there, with sums that do not depend on who came first; a part
// that is sent again gets the same answer; what does not fit is refused and changes nothing.
// Method: two workers against one solver of two small segments, by its messages.
#include "server/block_solver.h"

#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "server/test_block_solver.h"

namespace steelyard::server {
namespace {

TEST_F(BlockSolverTest, SaysWhereFeaturesStand) {
  const auto joined = Join(1, {0, 2, 50}, {107});
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  ASSERT_EQ(joined.value().segments.size(), 2u);
  EXPECT_EQ(joined.value().segments[0].ranks.Expand(3),
            (std::vector<std::uint32_t>{0, 2, wire::kNoRank}));
  EXPECT_EQ(joined.value().segments[0].firsts, (std::vector<std::uint32_t>{0, 4}));
  EXPECT_EQ(joined.value().segments[1].ranks.Expand(1), std::vector<std::uint32_t>{7});
  EXPECT_EQ(Join(1, {2, 0}, {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(solver_.Join({.table = 5, .block_count = 9, .segments = {}}).status().code(),
            StatusCode::kInvalidArgument)
      << "another worker has 2 blocks";
}

TEST_F(BlockSolverTest, FeaturesInFewPlacesAreLeftOut) {
  // Every key stands in one place; those at ranks 1 and 5 of segment 0 in two, and rank 6 has a weight.
  for (const std::size_t rank : {1u, 5u})
    rows_[0]->column(static_cast<std::size_t>(table::ProximalColumn::kStart))[rank] = 2.0F;
  rows_[0]->column(0)[6] = 0.5F;
  const auto joined = Join(0, {0, 1, 3, 5, 6}, {100, 101}, /*session=*/1, /*places_negligible=*/1);
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  EXPECT_EQ(joined.value().segments[0].ranks.Expand(5),
            (std::vector<std::uint32_t>{wire::kNoRank, 1, wire::kNoRank, 5, 6}));
  EXPECT_EQ(joined.value().segments[0].weights.Expand(5), (std::vector<float>{0, 0, 0, 0, 0.5F}));
  EXPECT_EQ(joined.value().segments[1].ranks.Expand(2),
            (std::vector<std::uint32_t>{wire::kNoRank, wire::kNoRank}));
  EXPECT_EQ(Join(1, {}, {}).status().code(), StatusCode::kInvalidArgument)
      << "slot 0 leaves out others";
  ASSERT_TRUE(Join(1, {1}, {}, /*session=*/1, /*places_negligible=*/1).ok());

  Outbox outbox;
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep sweep = Part(slot, 0, 0.0F);
    sweep.action = BlockAction::kSweep;
    sweep.blocks = 2;
    sweep.counts_signature = SignatureOf(slot == 0 ? Counts{3, 0} : Counts{1, 0});
    sweep.gradients.assign(slot == 0 ? 3 : 1, 2.0F);
    sweep.curvatures = {};
    const Status status = solver_.Step(1, slot, sweep, outbox);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  ASSERT_EQ(outbox.size(), 2u);
  EXPECT_EQ(Answer(outbox[0].second).figures[0].violation_max, 3.0F)
      << "ranks 1: 4 - l1; 6: 2 + l1";
  outbox.clear();
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep measure = Part(slot, 1, 0.0F);
    measure.action = BlockAction::kMeasure;
    measure.counts_signature = SignatureOf({0, 0});
    measure.gradients = {};
    measure.curvatures = {};
    ASSERT_TRUE(solver_.Step(1, slot, measure, outbox).ok());
  }
  EXPECT_EQ(Answer(outbox[0].second).figures[0].features, kKeys)
      << "they are features all the same";
}

TEST_F(BlockSolverTest, AStepWaitsForEveryPartAndAnswersAll) {
  JoinBoth();
  Outbox outbox;
  ASSERT_TRUE(solver_.Step(11, 21, Part(0, 0, -1.5F), outbox).ok());
  ASSERT_TRUE(solver_.Step(11, 22, Part(0, 0, -9.0F), outbox).ok()) << "sent again: not counted";
  EXPECT_TRUE(outbox.empty());
  ASSERT_TRUE(solver_.Step(12, 31, Part(1, 0, -1.0F), outbox).ok());
  ASSERT_EQ(outbox.size(), 2u);
  // Ranks 0 and 2: gradient -2.5, curvature 2; the others of the block -1.5 and 1. l1 takes 1 off each.
  EXPECT_EQ(Weights(0), (std::vector<float>{0.75F, 0.5F, 0.75F, 0.5F, 0, 0, 0, 0}));
  EXPECT_EQ(Weights(1), (std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F, 0, 0, 0, 0}));
  EXPECT_EQ(outbox[0].first, 11u);
  EXPECT_EQ(outbox[0].second.header.request_id, 22u) << "the last request is answered";
  EXPECT_EQ(ChangesIn(outbox[0].second, 8),
            (std::vector<float>{0.75F, 0.5F, 0.75F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(ChangesIn(outbox[1].second, 2), (std::vector<float>{0.75F, 0.75F}));
  EXPECT_TRUE(Answer(outbox[1].second).figures.empty()) << "they are told when the pass is over";

  Outbox ahead;  // A later step may be there before this one's answer.
  for (const std::uint32_t slot : {0u, 1u})
    ASSERT_TRUE(solver_.Step(11, 23, OnBlock1(Part(slot, 2, -1.5F)), ahead).ok());
  EXPECT_EQ(ahead.size(), 2u);
  for (const std::uint32_t slot : {0u, 1u})
    ASSERT_TRUE(solver_.Step(11, 24, OnBlock1(Part(slot, 1, -1.5F)), ahead).ok());
  EXPECT_EQ(ahead.size(), 4u) << "it had been lost on its way";
  const std::vector<float> after = Weights(0);
  Outbox again;
  ASSERT_TRUE(solver_.Step(13, 41, Part(1, 0, -1.0F), again).ok());
  ASSERT_EQ(again.size(), 1u) << "its answer was lost";
  EXPECT_EQ(again[0].first, 13u);
  EXPECT_EQ(ChangesIn(again[0].second, 2), ChangesIn(outbox[1].second, 2));
  EXPECT_EQ(Weights(0), after);
}

// Rows have moved from one worker to another.
TEST_F(BlockSolverTest, AWorkerMayHaveMoreFeaturesLaterAndAnotherNoRows) {
  JoinBoth();
  for (int copy = 0; copy < 2; ++copy) {
    const auto joined = Join(1, {0, 1, 3}, {101});
    ASSERT_TRUE(joined.ok());
    EXPECT_EQ(joined.value().segments[0].ranks.Expand(3), (std::vector<std::uint32_t>{0, 1, 3}));
  }
  wire::BlockStep part = Part(1, 0, -1.5F);
  part.slot_count = 1;
  part.counts_signature = SignatureOf({4, 1});
  part.gradients.assign(5, -1.5F);
  part.curvatures.assign(5, kOne);
  Outbox outbox;
  ASSERT_TRUE(solver_.Step(1, 2, part, outbox).ok());
  ASSERT_EQ(outbox.size(), 1u) << "nobody else takes part";
  EXPECT_EQ(ChangesIn(outbox[0].second, 5), std::vector<float>(5, 0.5F));
  EXPECT_EQ(Weights(1), (std::vector<float>{0, 0.5F, 0, 0, 0, 0, 0, 0}));
  ASSERT_TRUE(Join(1, {}, {}).ok()) << "what it had stays";
  part = OnBlock1(part);
  part.step = 1;
  part.counts_signature = SignatureOf({2, 0});
  part.gradients.resize(2);
  part.curvatures.resize(2);
  ASSERT_TRUE(solver_.Step(1, 3, part, outbox).ok());
  EXPECT_EQ(Weights(0), (std::vector<float>{0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0, 0.5F, 0}));
}

TEST_F(BlockSolverTest, SettledFeaturesAreLeftOutUntilASweepWakesThem) {
  JoinBoth();
  Outbox outbox;
  wire::BlockStep mine = Part(0, 0, 0.1F);
  mine.margin = 0.5F;  // |0.2| <= 1 - 0.5: all settle.
  wire::BlockStep other = Part(1, 0, 0.1F);
  other.margin = 0.5F;
  ASSERT_TRUE(solver_.Step(1, 1, mine, outbox).ok());
  ASSERT_TRUE(solver_.Step(2, 1, other, outbox).ok());
  ASSERT_EQ(outbox.size(), 2u);
  EXPECT_EQ(Answer(outbox[0].second).settled, std::vector<std::uint8_t>{0xff});
  wire::BlockStep settled = Part(0, 1, 0.1F);
  settled.pass = 2;
  EXPECT_EQ(solver_.Step(1, 2, settled, outbox).code(), StatusCode::kInvalidArgument)
      << "nothing of this block may be sent in the next pass";

  outbox.clear();
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep sweep = Part(slot, 2, 0.0F);
    sweep.gradients.assign(slot == 0 ? 8 : 2, slot == 0 ? -1.0F : -2.0F);
    sweep.curvatures = {};
    sweep.action = BlockAction::kSweep;
    sweep.pass = 2;
    ASSERT_TRUE(solver_.Step(1, 3, sweep, outbox).ok());
  }
  ASSERT_EQ(outbox.size(), 2u);
  const wire::BlockStepped swept = Answer(outbox[0].second);
  EXPECT_EQ(swept.settled, std::vector<std::uint8_t>{0xfa}) << "0 and 2 have gradient -3";
  EXPECT_EQ(swept.figures[0].violation_max, 2.0F);
  EXPECT_EQ(swept.figures[0].gain, 2.0) << "each 2^2 / (2 x 2): the curvature is the step's";

  outbox.clear();
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep measure = Part(slot, 3, 0.0F);
    measure.action = BlockAction::kMeasure;
    measure.pass = 2;
    measure.counts_signature = SignatureOf({0, 0});
    measure.gradients = {};
    measure.curvatures = {};
    ASSERT_TRUE(solver_.Step(1, 4, measure, outbox).ok());
  }
  EXPECT_EQ(Answer(outbox[0].second).figures[0].features, kKeys);
  EXPECT_EQ(Answer(outbox[0].second).figures[0].settled, 4u);
}

TEST_F(BlockSolverTest, ACopyOfAJoinThatComesLateChangesNothing) {
  JoinBoth();
  Outbox outbox;
  for (const std::uint32_t slot : {0u, 1u})
    ASSERT_TRUE(solver_.Step(11, 21, Part(slot, 0, -1.5F), outbox).ok());
  JoinBoth();
  for (const std::uint32_t slot : {0u, 1u}) {
    const Status taken = solver_.Step(11, 22, OnBlock1(Part(slot, 1, -1.5F)), outbox);
    ASSERT_TRUE(taken.ok()) << taken.ToString();
  }
  EXPECT_EQ(outbox.size(), 4u);
}

TEST_F(BlockSolverTest, ASearchLooksAndTheNextPassGoesThere) {
  JoinBoth();
  const auto both = [&](wire::BlockStep mine, wire::BlockStep other) {
    Outbox outbox;
    for (wire::BlockStep* part : {&mine, &other})
      EXPECT_TRUE(solver_.Step(1, 1, *part, outbox).ok());
    EXPECT_EQ(outbox.size(), 2u);
    return Answer(outbox[0].second);
  };
  const auto without_blocks = [&](std::uint32_t slot, steelyard::Step step, BlockAction action) {
    wire::BlockStep part = Part(slot, step, 0.0F);
    part.action = action;
    part.counts_signature = SignatureOf({0, 0});
    part.gradients = {};
    part.curvatures = {};
    return part;
  };
  (void)both(Part(0, 0, -1.5F), Part(1, 0, -1.0F));
  // Ranks 0 and 2 of segment 0 went to 0.75, ranks 1 and 3 and those of segment 1 to 0.5.
  const wire::BlockStepped measured = both(without_blocks(0, 1, BlockAction::kMeasure),
                                           without_blocks(1, 1, BlockAction::kMeasure));
  EXPECT_EQ(measured.figures[0].model, (std::vector<double>{2.5, 0, 0, 0, 0})) << "l1 x 2.5";

  std::array<wire::BlockStep, 2> search{without_blocks(0, 2, BlockAction::kSearch),
                                        without_blocks(1, 2, BlockAction::kSearch)};
  for (wire::BlockStep& part : search) {
    part.pass = 2;
    part.move = {.pass = -1.0};
  }
  const wire::BlockStepped searched = both(search[0], search[1]);
  EXPECT_EQ(searched.figures[0].penalties, (std::vector<double>{2.5, 0, 1.25, 1.875, 2.1875}));
  EXPECT_FLOAT_EQ(Weights(0)[0], 0.75F) << "looking changes nothing";

  // Both blocks as one, after half the way back: all gradients within l1, so weights go to 0 within the trust region.
  wire::BlockStep next = Part(0, 3, 0.0F);
  next.counts_signature = SignatureOf({8, 8});
  next.gradients.assign(16, 0.0F);
  next.curvatures.assign(16, 0);
  wire::BlockStep other = Part(1, 3, 0.0F);
  other.counts_signature = SignatureOf({4, 0});
  other.gradients.assign(4, 0.0F);
  other.curvatures.assign(4, 0);
  for (wire::BlockStep* part : {&next, &other}) {
    part->pass = 3;
    part->blocks = 2;
    part->move = {.pass = -1.0, .scale = 0.5};
  }
  wire::BlockStep too_many = next;
  too_many.blocks = 3;
  Outbox none;
  EXPECT_EQ(solver_.Step(1, 1, too_many, none).code(), StatusCode::kInvalidArgument);
  wire::BlockStep infinite = next;
  infinite.move.pass = std::numeric_limits<double>::infinity();
  EXPECT_EQ(solver_.Step(1, 1, infinite, none).code(), StatusCode::kInvalidArgument);
  const auto start = rows_[0]->column(static_cast<std::size_t>(table::ProximalColumn::kStart));
  EXPECT_TRUE(both(next, other).changes.Fits(16));
  EXPECT_FLOAT_EQ(start[0], 0.375F) << "where the pass began";
  EXPECT_FLOAT_EQ(start[1], 0.25F);
}

TEST_F(BlockSolverTest, APassIsEndedOnceAndLeavesHalfOfWhatWentBefore) {
  JoinBoth();
  const auto earlier = rows_[0]->column(static_cast<std::size_t>(table::ProximalColumn::kEarlier));
  const auto both = [&](std::uint32_t pass, float gradient, BlockAction action) {
    Outbox outbox;
    for (const std::uint32_t slot : {0u, 1u}) {
      wire::BlockStep part = Part(slot, pass, gradient);
      part.pass = pass;
      part.action = action;
      if (action == BlockAction::kSweep) part.curvatures = {};
      const Status taken = solver_.Step(1, pass, part, outbox);
      EXPECT_TRUE(taken.ok()) << taken.ToString();
    }
    EXPECT_EQ(outbox.size(), 2u);
  };
  both(1, -1.5F, BlockAction::kStep);
  EXPECT_FLOAT_EQ(Weights(0)[1], 0.5F);
  EXPECT_FLOAT_EQ(earlier[1], 0.0F) << "the pass is not over";
  both(2, -1.0F, BlockAction::kSweep);
  EXPECT_FLOAT_EQ(earlier[1], 0.5F);
  both(3, -1.25F, BlockAction::kStep);
  EXPECT_FLOAT_EQ(earlier[1], 0.5F) << "the sweep had ended it";
  EXPECT_FLOAT_EQ(Weights(0)[1], 0.75F);
  both(4, -1.0F, BlockAction::kStep);
  EXPECT_FLOAT_EQ(earlier[1], 0.25F + 0.5F * 0.5F);
}

TEST_F(BlockSolverTest, APassIsTakenBackBeforeTheNext) {
  JoinBoth();
  const auto step_both = [&](std::uint32_t pass, bool take_back, float gradient) {
    Outbox outbox;
    for (const std::uint32_t slot : {0u, 1u}) {
      wire::BlockStep part = Part(slot, pass, gradient);
      part.pass = pass;
      part.take_back = take_back;
      EXPECT_TRUE(solver_.Step(1, pass, part, outbox).ok());
    }
    EXPECT_EQ(outbox.size(), 2u);
  };
  step_both(1, false, -1.5F);  // Rank 1: 0.5.
  step_both(2, false, -1.7F);  // Rank 1: 0.7 more.
  EXPECT_NEAR(Weights(0)[1], 1.2F, 0.7F / 128) << "the step has 8 significant bits";
  EXPECT_LE(Weights(0)[1], 1.2F);
  step_both(3, true, -1.25F);  // 0.25 more than after the first pass.
  EXPECT_FLOAT_EQ(Weights(0)[1], 0.75F);
}

TEST_F(BlockSolverTest, RefusesWhatDoesNotFit) {
  JoinBoth();
  Outbox outbox;
  const auto code = [&](const wire::BlockStep& step) {
    return solver_.Step(1, 1, step, outbox).code();
  };
  wire::BlockStep wrong = Part(0, 0, 1.0F);
  wrong.gradients[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = Part(0, 0, 1.0F);
  wrong.block = 2;
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = Part(0, 0, 1.0F);
  wrong.gradients.pop_back();
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument);
  wrong = Part(0, 0, 1.0F);
  wrong.counts_signature = SignatureOf({3, 5});
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument) << "as many, of other segments";
  wrong = Part(0, 0, 1.0F);
  wrong.slot = 7;
  wrong.slot_count = 8;
  EXPECT_EQ(code(wrong), StatusCode::kUnavailable) << "it has not said its features";
  EXPECT_EQ(code(Part(0, 0, 1.0F)), StatusCode::kOk);
  wrong = Part(1, 0, 1.0F);
  wrong.pass = 2;
  EXPECT_EQ(code(wrong), StatusCode::kInvalidArgument) << "slot 0 is in pass 1";
  ASSERT_TRUE(Join(1, {0}, {}, /*session=*/2).ok());
  EXPECT_EQ(code(Part(1, 0, 1.0F)), StatusCode::kCancelled);
  EXPECT_EQ(Join(1, {0}, {}, /*session=*/1).status().code(), StatusCode::kCancelled);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(Weights(0), std::vector<float>(kKeys));
}

class InterceptSolverTest : public BlockSolverTest {
 protected:
  InterceptSolverTest()
      : BlockSolverTest({.name = std::string(table::kProximalUpdater),
                         .l1 = 1.0F,
                         .l2 = 3.0F,
                         .intercept = true}) {}
};

TEST_F(InterceptSolverTest, NoPenaltyHoldsItAndNoFilterLeavesItOut) {
  JoinBoth();
  Outbox outbox;
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep step = OnBlock1(Part(slot, 0, 0.25F));
    step.margin = 0.25F;
    ASSERT_TRUE(solver_.Step(1, 1, step, outbox).ok());
  }
  const std::vector<float> alone{0, 0, 0, 0, 0, 0, 0, -0.25F};
  EXPECT_EQ(Weights(0), std::vector<float>(kKeys));
  EXPECT_EQ(Weights(1), alone) << "a gradient of 0.25 at a curvature of 1; the others stay at 0";
  EXPECT_EQ(Answer(outbox[0].second).settled, std::vector<std::uint8_t>{0x7f});

  outbox.clear();
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep sweep = OnBlock1(Part(slot, 1, 0.0F));
    sweep.gradients.assign(slot == 0 ? 8 : 2, slot == 0 ? 0.5F : 0.25F);
    sweep.curvatures = {};
    sweep.action = BlockAction::kSweep;
    ASSERT_TRUE(solver_.Step(1, 2, sweep, outbox).ok());
  }
  const wire::BlockFigures swept = Answer(outbox[0].second).figures[1];
  EXPECT_EQ(swept.violation_max, 0.5F) << "its gradient, whole";
  EXPECT_EQ(swept.gradient_max, 0.5F) << "of the others, without l2 of its weight";
  EXPECT_EQ(swept.norm1, 0.0);
  EXPECT_EQ(swept.norm2_squared, 0.0);

  outbox.clear();
  for (const std::uint32_t slot : {0u, 1u}) {
    wire::BlockStep measure = Part(slot, 2, 0.0F);
    measure.action = BlockAction::kMeasure;
    measure.counts_signature = SignatureOf({0, 0});
    measure.gradients = {};
    measure.curvatures = {};
    ASSERT_TRUE(solver_.Step(1, 3, measure, outbox).ok());
  }
  const wire::BlockFigures measured = Answer(outbox[0].second).figures[1];
  EXPECT_EQ(measured.nonzeros, 1u);
  EXPECT_EQ(measured.norm1, 0.0);
}

TEST_F(InterceptSolverTest, ItIsNotLeftOutHoweverFewPlacesItStandsIn) {
  const auto joined = Join(0, {0, 1}, {106, LastKey()}, /*session=*/1, /*places_negligible=*/1);
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  EXPECT_EQ(joined.value().segments[0].ranks.Expand(2),
            (std::vector<std::uint32_t>{wire::kNoRank, wire::kNoRank}));
  EXPECT_EQ(joined.value().segments[1].ranks.Expand(2),
            (std::vector<std::uint32_t>{wire::kNoRank, 7}));
}

}  // namespace
}  // namespace steelyard::server
