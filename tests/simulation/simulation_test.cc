// Goal: no acknowledged push is lost or applied twice, nothing hangs, errors name the dead, whatever the network does.
// Method: seeds of RunScenario(); the seeds come from the environment: STEELYARD_SIM_FIRST and STEELYARD_SIM_COUNT.
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <string>

#include "cluster.h"
#include "data/holdout.h"
#include "scenario.h"
#include "seeds.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

TEST(Simulation, EverySeedKeepsThePromises) {
  const std::uint64_t first = FromEnvironment("STEELYARD_SIM_FIRST", 1);
  const std::uint64_t count = FromEnvironment("STEELYARD_SIM_COUNT", 40);
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const ScenarioResult result = RunScenario(seed);
    EXPECT_EQ(result.violation, "") << "seed " << seed;
    EXPECT_GT(result.events, 10'000u) << "seed " << seed;
    EXPECT_GT(result.faults, 0u) << "seed " << seed;
    events += result.events;
    faults += result.faults;
    crashes += result.crashes;
    hashes.insert(result.event_hash);
  }
  EXPECT_EQ(hashes.size(), count) << "other seeds, other runs";
  EXPECT_GT(count, 0u);
  std::cout << count << " seeds from " << first << ": " << events << " events, " << faults
            << " faults, " << crashes << " crashes\n";
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {4u, 5u, 6u, 7u}) {
    EXPECT_EQ(RunScenario(seed).event_hash, RunScenario(seed).event_hash) << "seed " << seed;
  }
}

// One worker learns the same bits whatever the network does, whatever the delay and the number of servers.
TEST(Simulation, OneWorkerLearnsTheSameBitsUnderFaults) {
  std::map<Key, std::vector<float>> reference;
  std::uint64_t faults = 0;
  for (std::uint64_t run = 0; run < 8; ++run) {
    ClusterOptions options;
    options.world.seed = run;
    if (run > 0)
      options.world.faults = {
          .drop = 0.01, .duplicate = 0.01, .reorder = 0.05, .break_link = 0.0002};
    options.servers = 1 + run % 3;
    options.workers = 1;
    options.counting = false;
    options.rows.count = 3000;
    Cluster cluster(options);
    job::TrainParameters parameters;
    parameters.data = {"memory"};
    parameters.minibatch = 16;
    parameters.passes = 2;
    parameters.tau.steps = run % 2 == 0 ? 0 : 3;
    const std::size_t job = cluster.Submit(parameters);
    ASSERT_TRUE(cluster.RunUntilEnd(job, 300s));
    ASSERT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
    faults += cluster.world().fault_counts().total();
    if (run == 0) {
      reference = cluster.outcome(job).rows;
      ASSERT_GT(reference.size(), 250u);
    }
    EXPECT_EQ(cluster.outcome(job).rows, reference) << "run " << run;
  }
  EXPECT_GT(faults, 500u);
}

// Filters that lose nothing, on a network that loses, repeats and reorders, before servers that forget most lists.
TEST(Simulation, FiltersCountEveryRowOnceThoughListsAreMissing) {
  std::uint64_t missed = 0;
  std::uint64_t faults = 0;
  for (std::uint64_t run = 0; run < 6; ++run) {
    ClusterOptions options;
    options.world.seed = 100 + run;
    options.world.faults = {.drop = 0.01, .duplicate = 0.01, .reorder = 0.03, .break_link = 0.0002};
    options.rows.count = 4000;
    options.key_bytes_max = 3000;  // A few lists of a minibatch.
    Cluster cluster(options);
    job::TrainParameters parameters;
    parameters.data = {"memory"};
    parameters.minibatch = 16;
    parameters.passes = 2;
    parameters.tau.steps = run % 3;
    const char* const lists[] = {"key-cache,delta,zeros,lz4", "key-cache",
                                 "key-cache,sparse,significant:1.5,snappy"};
    parameters.filters = lists[run % 3];
    const std::size_t job = cluster.Submit(parameters);
    ASSERT_TRUE(cluster.RunUntilEnd(job, 1200s)) << cluster.outcome(job).last_status;
    ASSERT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
    EXPECT_EQ(cluster.outcome(job).rows, cluster.ExpectedCounts(2)) << "run " << run;
    faults += cluster.world().fault_counts().total();
    missed += cluster.lists_missed();
  }
  EXPECT_GT(faults, 500u);
  EXPECT_GT(missed, 100u);
}

/// One worker learns with a hold-out. @return what is left in the table, and whose pass it is.
JobOutcome LearnWithHoldout(std::uint64_t run, std::uint64_t passes, double tolerance) {
  ClusterOptions options;
  options.world.seed = run;
  if (run > 0) options.world.faults = {.drop = 0.01, .duplicate = 0.01, .reorder = 0.05};
  options.servers = 2;
  options.workers = 1;
  options.counting = false;
  options.rows.count = 400;
  options.ftrl = {.name = "ftrl", .alpha = 1, .beta = 1, .l1 = 0};  // Learns by heart.
  Cluster cluster(options);
  job::TrainParameters parameters;
  parameters.data = {"memory"};
  parameters.minibatch = 16;
  parameters.passes = passes;
  parameters.tolerance = tolerance;
  parameters.holdout.kind = data::HoldoutRule::Kind::kEvery;
  const std::size_t job = cluster.Submit(parameters);
  EXPECT_TRUE(cluster.RunUntilEnd(job, 300s)) << cluster.outcome(job).last_status;
  EXPECT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
  return cluster.outcome(job);
}

// The best pass is the result whatever the network does to the messages between head and submitter.
TEST(Simulation, EarlyStoppingKeepsTheBestPassUnderFaults) {
  const JobOutcome reference = LearnWithHoldout(0, 12, 1e-9);
  const std::uint64_t kept = reference.status_at_end.kept_pass;
  EXPECT_LT(kept, reference.status_at_end.pass);
  EXPECT_EQ(LearnWithHoldout(0, kept + 1, 0).rows, reference.rows);
  EXPECT_NE(LearnWithHoldout(0, kept + 2, 0).rows, reference.rows);
  for (std::uint64_t run = 1; run < 6; ++run) {
    const JobOutcome outcome = LearnWithHoldout(run, 12, 1e-9);
    EXPECT_EQ(outcome.status_at_end.kept_pass, kept) << "run " << run;
    EXPECT_EQ(outcome.rows, reference.rows) << "run " << run;
  }
}

}  // namespace
}  // namespace steelyard::simulation
