// Goal: show that the simulation can fail. Method: plant one-line bugs in production code; each must turn some seed red.
#include <gtest/gtest.h>

#include <iostream>

#include "base/planted_bug.h"
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
