// Goal: no pull ever sees less than its delay allows, edges hold, and whoever leaves is not waited for, under any faults.
// Method: seeds of RunMemberScenario(); then jobs with fixed and changing delays. STEELYARD_SIM_FIRST and _COUNT choose seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <set>

#include "cluster.h"
#include "member_scenario.h"
#include "seeds.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

TEST(Consistency, EverySeedKeepsBoundsAndEdges) {
  const std::uint64_t first = FromEnvironment("STEELYARD_SIM_FIRST", 1);
  const std::uint64_t count = FromEnvironment("STEELYARD_SIM_COUNT", 40);
  MemberResult sum;
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const MemberResult result = RunMemberScenario(seed);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    EXPECT_GT(result.pulls, 0u) << "seed " << seed;
    EXPECT_GT(result.edges_checked, 0u) << "seed " << seed;
    EXPECT_GT(result.bounds_checked, 0u) << "seed " << seed;
    sum.pulls += result.pulls;
    sum.bounds_checked += result.bounds_checked;
    sum.edges_checked += result.edges_checked;
    sum.stale_pulls += result.stale_pulls;
    sum.faults += result.faults;
    hashes.insert(result.event_hash);
  }
  EXPECT_EQ(hashes.size(), count) << "other seeds, other runs";
  EXPECT_GT(sum.stale_pulls, 0u) << "delays must let somebody run ahead, or nothing was tested";
  EXPECT_GT(sum.faults, 0u);
  std::cout << count << " seeds from " << first << ": " << sum.pulls << " pulls, "
            << sum.stale_pulls << " of them stale, " << sum.bounds_checked << " bounds and "
            << sum.edges_checked << " edges checked, " << sum.faults << " faults\n";
}

TEST(Consistency, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    EXPECT_EQ(RunMemberScenario(seed).event_hash, RunMemberScenario(seed).event_hash);
  }
}

/// Draws every delay.
class RandomDelay final : public job::DelayPolicy {
 public:
  explicit RandomDelay(std::uint64_t seed) : random_(seed) {}
  Step initial() const override { return 2; }
  Step Next(const job::DelayObservation&) override { return static_cast<Step>(random_() % 12); }

 private:
  std::mt19937_64 random_;
};

// A worker fails its job when an answer is older than the gate of its pull; here the histogram is held against the delays.
TEST(Consistency, JobsAreAsStaleAsTheirDelaysAllowWhateverChanges) {
  std::uint64_t pulls = 0;
  std::uint64_t stale = 0;
  std::size_t decisions = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    ClusterOptions options;
    options.world.seed = seed;
    options.world.faults = {.drop = 0.01, .duplicate = 0.01, .reorder = 0.05, .slow = 0.005};
    options.rows.seed = seed;
    options.rows.count = 24'000;
    options.make_delay_policy = [seed] { return std::make_unique<RandomDelay>(seed); };
    Cluster cluster(options);
    job::TrainParameters parameters;
    parameters.data = {"memory"};
    parameters.minibatch = 8;
    parameters.passes = 2;
    parameters.tau = {.steps = static_cast<Step>(seed % 3), .automatic = seed % 2 == 0};
    const std::size_t job = cluster.Submit(parameters);
    ASSERT_TRUE(cluster.RunUntilEnd(job, 1'200s)) << cluster.outcome(job).last_status;
    ASSERT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
    EXPECT_EQ(cluster.outcome(job).rows, cluster.ExpectedCounts(2)) << "seed " << seed;
    const wire::JobStatus& status = cluster.outcome(job).status_at_end;
    const wire::StalenessSums& seen = status.earlier.staleness;
    EXPECT_EQ(seen.pulls, status.earlier.minibatches) << "seed " << seed;
    ASSERT_FALSE(status.delays.empty());
    const Step tau = std::ranges::max_element(status.delays, {}, &wire::DelayChoice::tau)->tau;
    EXPECT_LE(seen.steps_max, static_cast<std::uint64_t>(tau)) << "seed " << seed;
    if (!parameters.tau.automatic) {
      EXPECT_EQ(status.delays.size(), 1u);
    }
    pulls += seen.pulls;
    stale += seen.pulls - seen.buckets.at(0);
    decisions += status.delays.size() - 1;
  }
  EXPECT_GT(pulls, 10'000u);
  EXPECT_GT(stale, 100u) << "somebody must have run ahead, or nothing was tested";
  EXPECT_GT(decisions, 5u);
  std::cout << pulls << " pulls, " << stale << " of them stale, " << decisions << " decisions\n";
}

}  // namespace
}  // namespace steelyard::simulation
