// Goal: an evaluation survives its way over the wire, and figures that contradict each other do not.
// Method: random predictions there and back; parts bent by hand.
#include "job/evaluation_codec.h"

#include <gtest/gtest.h>

#include <random>

namespace steelyard::job {
namespace {

math::Evaluation RandomEvaluation() {
  std::mt19937 random(5);
  std::normal_distribution<float> margin;
  math::Evaluation evaluation(math::LossKind::kLogistic);
  for (int i = 0; i < 1'000; ++i) {
    evaluation.Add(margin(random), static_cast<float>(random() % 2),
                   1.0F + static_cast<float>(random() % 3));
  }
  return evaluation;
}

TEST(EvaluationCodec, GoesThereAndBack) {
  const math::Evaluation before = RandomEvaluation();
  const auto bytes = wire::MakeFrame(wire::PassDone{
      .job = 1, .phase = wire::Phase::kValidate, .work = {}, .evaluation = ToWire(before)});
  const auto done = wire::Decode<wire::PassDone>(bytes.body.bytes()).value();
  const auto after = FromWire(done.evaluation, math::LossKind::kLogistic, /*ranks=*/true);
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_EQ(after.value().sums().rows, before.sums().rows);
  EXPECT_EQ(after.value().sums(), before.sums());
  EXPECT_EQ(after.value().mean_loss(), before.mean_loss());
  EXPECT_EQ(after.value().auc(), before.auc());
  ASSERT_TRUE(after.value().auc());
  math::Evaluation twice = after.value();
  twice.Merge(before);
  EXPECT_EQ(twice.sums().rows, 2 * before.sums().rows);
}

TEST(EvaluationCodec, RefusesScoresOutOfOrder) {
  wire::EvaluationPart part = ToWire(RandomEvaluation());
  ASSERT_GT(part.scores.size(), 2u);
  std::swap(part.scores[0], part.scores[1]);
  const auto wrong = FromWire(part, math::LossKind::kLogistic, /*ranks=*/true);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.status().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace steelyard::job
