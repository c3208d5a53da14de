// Goal: the delay climbs while that takes idle time away, and no further; it falls when learning suffers.
// Method: synthetic jobs, whose idle time and loss are functions of the delay; then random observations.
#include "job/delay_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace steelyard::job {
namespace {

/// Let the policy decide `count` times. @return the delay of each observation.
std::vector<Step> Trace(DelayPolicy& policy, int count,
                        const std::function<DelayObservation(Step tau, int time)>& job) {
  std::vector<Step> trace = {policy.initial()};
  for (int time = 0; time < count; ++time) trace.push_back(policy.Next(job(trace.back(), time)));
  return trace;
}

double ShareAbove(const std::vector<Step>& trace, Step tau) {
  const auto above = std::ranges::count_if(trace, [&](Step step) { return step > tau; });
  return static_cast<double>(above) / static_cast<double>(trace.size());
}

TEST(AdaptiveDelay, ClimbsUntilHardlyAnyoneIsIdle) {
  AdaptiveDelay policy;
  const auto trace = Trace(policy, 6, [](Step tau, int) {
    return DelayObservation{.idle_fraction = 0.5 / (1 + static_cast<double>(tau)), .loss = 0.5};
  });
  EXPECT_EQ(trace, (std::vector<Step>{1, 2, 4, 8, 16, 16, 16}));
}

TEST(AdaptiveDelay, LeavesTheDelayWhereAClimbIsInVain) {
  AdaptiveDelay policy;
  const auto trace = Trace(
      policy, 300, [](Step, int) { return DelayObservation{.idle_fraction = 0.4, .loss = 0.5}; });
  EXPECT_EQ(trace[1], 2);
  EXPECT_EQ(trace[2], 1);
  EXPECT_EQ(*std::ranges::max_element(trace), 2) << "no second climb on top of one in vain";
  EXPECT_LT(ShareAbove(trace, 1), 0.04) << "it tries again, each time later";
  EXPECT_GT(ShareAbove(trace, 1), 0.0);
}

TEST(AdaptiveDelay, FallsWhenTheLossRises) {
  AdaptiveDelay policy({.first = 16});
  EXPECT_EQ(policy.Next({.idle_fraction = 0.02, .loss = 0.5}), 16);
  EXPECT_EQ(policy.Next({.idle_fraction = 0.02, .loss = 0.51}), 16) << "noise";
  EXPECT_EQ(policy.Next({.idle_fraction = 0.9, .loss = 0.6}), 8);
  EXPECT_EQ(policy.Next({.idle_fraction = 0.9, .loss = 0.5}), 8)
      << "it does not climb back at once";
  EXPECT_EQ(policy.Next({.idle_fraction = 0.9, .loss = std::nan("")}), 4) << "learning broke down";
}

TEST(AdaptiveDelay, FallsWhereWaitingCostsNothingAndComesBackWhenItDoes) {
  AdaptiveDelay policy({.first = 4});
  const auto quiet = Trace(
      policy, 100, [](Step, int) { return DelayObservation{.idle_fraction = 0.0, .loss = 0.5}; });
  EXPECT_EQ(quiet.back(), 0);
  EXPECT_TRUE(std::ranges::is_sorted(quiet, std::greater()));
  EXPECT_EQ(policy.Next({.idle_fraction = 0.3, .loss = 0.5}), 1);
  EXPECT_EQ(policy.Next({.idle_fraction = 0.03, .loss = 0.5}), 1);
}

TEST(AdaptiveDelay, SettlesWhereTheIdleTimeDependsOnTheDelay) {
  AdaptiveDelay policy;
  const auto trace = Trace(policy, 2'000, [](Step tau, int) {
    return DelayObservation{.idle_fraction = tau >= 4 ? 0.0 : 0.4 / (1 + static_cast<double>(tau)),
                            .loss = {}};
  });
  const std::vector<Step> late(trace.end() - 1'000, trace.end());
  EXPECT_GT(std::ranges::count(late, 4), 950) << "it looks below now and then, each time later";
}

TEST(AdaptiveDelay, StaysInBoundsWhateverItSees) {
  std::mt19937_64 random(5);
  const auto uniform = [&] { return static_cast<double>(random() % 1'000) / 1'000; };
  int changes = 0;
  for (int run = 0; run < 200; ++run) {
    const Step max = static_cast<Step>(random() % 100);
    AdaptiveDelay policy({.first = max / 2, .max = max});
    Step before = policy.initial();
    for (int i = 0; i < 200; ++i) {
      DelayObservation seen{.idle_fraction = uniform() * uniform(), .loss = {}};
      if (random() % 4 != 0) seen.loss = uniform();
      if (random() % 50 == 0) seen.idle_fraction = std::numeric_limits<double>::infinity();
      const Step tau = policy.Next(seen);
      ASSERT_GE(tau, 0);
      ASSERT_LE(tau, max);
      changes += tau != before;
      before = tau;
    }
  }
  EXPECT_GT(changes, 1'000);
}

}  // namespace
}  // namespace steelyard::job
