// Goal: show that the simulation can fail. Method: plant one-line bugs in production code; each must turn some seed red.
#include <gtest/gtest.h>

#include <iostream>

#include "base/planted_bug.h"
#include "member_scenario.h"
#include "scenario.h"

namespace steelyard::simulation {
namespace {

struct BugAndBudget {
  PlantedBug bug;
  const char* name;
  std::uint64_t seeds_max;
};

class PlantedBugs : public testing::TestWithParam<BugAndBudget> {
 protected:
  void TearDown() override { planted_bug = PlantedBug::kNone; }
};

TEST_P(PlantedBugs, IsCaughtWithinItsBudget) {
  const BugAndBudget& mutant = GetParam();
  for (std::uint64_t seed = 1; seed <= mutant.seeds_max; ++seed) {
    planted_bug = PlantedBug::kNone;
    ASSERT_EQ(RunScenario(seed).violation, "")
        << "seed " << seed << " must be green without the bug";
    planted_bug = mutant.bug;
    const ScenarioResult result = RunScenario(seed);
    if (!result.violation.empty()) {
      std::cout << mutant.name << " caught at seed " << seed << ": " << result.violation << "\n";
      return;
    }
  }
  FAIL() << mutant.name << " escaped " << mutant.seeds_max << " seeds";
}

// The server lies about how far the group is, so that only what was pushed can tell.
TEST(PlantedBugs, AWeakGateIsCaughtWithinItsBudget) {
  constexpr std::uint64_t kSeedsMax = 8;
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    planted_bug = PlantedBug::kNone;
    ASSERT_EQ(RunMemberScenario(seed).violation, "")
        << "seed " << seed << " must be green without the bug";
    planted_bug = PlantedBug::kWeakGate;
    const MemberResult result = RunMemberScenario(seed);
    planted_bug = PlantedBug::kNone;
    if (result.violation.empty()) continue;
    std::cout << "weak gate caught at seed " << seed << ": " << result.violation << "\n";
    return;
  }
  FAIL() << "a weak gate escaped " << kSeedsMax << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    All, PlantedBugs,
    testing::Values(BugAndBudget{PlantedBug::kSkippedDedup, "skipped dedup", 3},
                    BugAndBudget{PlantedBug::kClockAdvancedEarly, "clock advanced early", 4},
                    BugAndBudget{PlantedBug::kLostKey, "lost key", 4},
                    BugAndBudget{PlantedBug::kWrongSlice, "wrong slice", 3},
                    BugAndBudget{PlantedBug::kDroppedAck, "dropped ack", 4},
                    BugAndBudget{PlantedBug::kStaleView, "stale view", 4}),
    [](const auto& mutant) {
      std::string name = mutant.param.name;
      for (char& c : name) c = c == ' ' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace steelyard::simulation
