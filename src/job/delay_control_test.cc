// Goal: a decision comes when every slot was observed, is repeated until every slot knows it, and holds from one step on.
// Method: reports by hand, and a plan that follows the decisions.
#include "job/delay_control.h"

#include <gtest/gtest.h>

#include "job/delay_plan.h"

namespace steelyard::job {
namespace {

/// Takes the next delay from a list and remembers what it was shown.
class ListedPolicy final : public DelayPolicy {
 public:
  ListedPolicy(std::vector<Step> delays, std::vector<DelayObservation>* seen)
      : delays_(std::move(delays)), seen_(seen) {}
  Step initial() const override { return delays_.front(); }
  Step Next(const DelayObservation& seen) override {
    seen_->push_back(seen);
    if (at_ + 1 < delays_.size()) ++at_;
    return delays_[at_];
  }

 private:
  std::vector<Step> delays_;
  std::vector<DelayObservation>* seen_;
  std::size_t at_ = 0;
};

class DelayControlTest : public testing::Test {
 protected:
  DelayControl Make(std::vector<Step> delays) {
    DelayControl control(7, 2, std::make_unique<ListedPolicy>(std::move(delays), &seen_));
    control.BeginPass(100);
    return control;
  }
  /// A slot that made one minibatch a step, half of the time idle, with a loss of 0.25 a row.
  static wire::Progress Report(std::uint32_t slot, Step steps, std::uint32_t decision) {
    wire::Progress progress;
    progress.slot = slot;
    progress.next_step = 100 + steps;
    progress.decision = decision;
    progress.work.minibatches = static_cast<std::uint64_t>(steps);
    progress.work.idle_ns = progress.work.busy_ns = 1'000 * static_cast<std::uint64_t>(steps);
    progress.work.loss_sum = 2.5 * static_cast<double>(steps);
    progress.work.weight_sum = 10.0 * static_cast<double>(steps);
    return progress;
  }
  std::vector<DelayObservation> seen_;
};

TEST_F(DelayControlTest, WithoutAPolicyTheDelayIsFixed) {
  DelayControl control(7, 2, nullptr);
  control.BeginPass(0);
  EXPECT_EQ(control.tau(), 7);
  for (Step step = 0; step < 100; ++step) EXPECT_FALSE(control.OnProgress(Report(0, step, 0)));
  EXPECT_EQ(control.choices(), (std::vector<wire::DelayChoice>{{.from_step = 0, .tau = 7}}));
}

TEST_F(DelayControlTest, DecidesOnceEverySlotWasObservedAndTellsBoth) {
  DelayControl control = Make({1, 2});
  EXPECT_FALSE(control.OnProgress(Report(0, 0, 0)));
  EXPECT_FALSE(control.OnProgress(Report(0, 50, 0))) << "slot 1 has not reported";
  EXPECT_TRUE(control.OnProgress(Report(1, 3, 0))) << "50 minibatches of two slots are enough";
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_DOUBLE_EQ(seen_[0].idle_fraction, 0.5);
  EXPECT_DOUBLE_EQ(seen_[0].loss.value(), 0.25);
}

TEST_F(DelayControlTest, RepeatsADecisionUntilItIsKnown) {
  DelayControl control = Make({1, 2, 4});
  (void)control.OnProgress(Report(0, 0, 0));
  (void)control.OnProgress(Report(1, 0, 0));
  const auto first = control.OnProgress(Report(0, 20, 0));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->decision, 1u);
  EXPECT_EQ(first->tau, 2);
  EXPECT_EQ(first->from_step, 160) << "two reports ahead of the fastest";
  EXPECT_TRUE(control.OnProgress(Report(1, 5, 0))) << "slot 1 must be told, too";
  EXPECT_TRUE(control.OnProgress(Report(0, 25, 0))) << "the first copy was lost";
  EXPECT_FALSE(control.OnProgress(Report(0, 30, 1)));
  EXPECT_FALSE(control.OnProgress(Report(0, 59, 1)));
  EXPECT_FALSE(control.OnProgress(Report(1, 59, 1)));
  EXPECT_EQ(seen_.size(), 1u) << "nobody has reached the step from which the decision holds";
  EXPECT_FALSE(control.OnProgress(Report(0, 61, 1)));
  EXPECT_FALSE(control.OnProgress(Report(1, 61, 1)));
  EXPECT_TRUE(control.OnProgress(Report(1, 90, 1)));
  EXPECT_EQ(seen_.size(), 2u);
  EXPECT_EQ(control.choices().size(), 3u);
}

TEST_F(DelayControlTest, AnOvertakenReportChangesNothing) {
  DelayControl control = Make({1, 1});
  (void)control.OnProgress(Report(0, 0, 0));
  (void)control.OnProgress(Report(1, 10, 0));
  (void)control.OnProgress(Report(1, 4, 0));
  (void)control.OnProgress(Report(0, 40, 0));
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_DOUBLE_EQ(seen_[0].idle_fraction, 0.5) << "no difference went below zero";
}

TEST_F(DelayControlTest, ANewPassBeginsWithTheLastDecision) {
  DelayControl control = Make({1, 2});
  (void)control.OnProgress(Report(0, 0, 0));
  (void)control.OnProgress(Report(1, 0, 0));
  (void)control.OnProgress(Report(0, 20, 0));
  control.BeginPass(1'000);
  EXPECT_EQ(control.tau(), 2);
  EXPECT_EQ(control.decision(), 1u);
  wire::Progress late = Report(1, 950, 1);
  EXPECT_FALSE(control.OnProgress(late)) << "the pass's plan told it";
}

TEST(DelayPlan, ADecisionHoldsFromItsStepOn) {
  DelayPlan plan;
  wire::PassPlan pass;
  pass.tau = 3;
  pass.decision = 4;
  plan.Begin(pass);
  EXPECT_EQ(plan.Of(0), 3);
  plan.Take({.job = 1, .decision = 4, .from_step = 0, .tau = 9});
  EXPECT_EQ(plan.Of(1), 3) << "a repeat of what the pass began with";
  plan.Take({.job = 1, .decision = 5, .from_step = 10, .tau = 6});
  EXPECT_EQ(plan.decision(), 5u);
  EXPECT_EQ(plan.Of(9), 3);
  EXPECT_EQ(plan.Of(10), 6);
  plan.Take({.job = 1, .decision = 7, .from_step = 11, .tau = 1});
  plan.Take({.job = 1, .decision = 6, .from_step = 11, .tau = 2});
  EXPECT_EQ(plan.Of(20), 1) << "a decision that comes late holds from the next step";
  EXPECT_EQ(plan.Of(21), 1);
}

}  // namespace
}  // namespace steelyard::job
