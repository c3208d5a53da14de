// Goal: a batch solver ends at the same bits whatever the network does, at delay 0, and at the same optimum with any delay;
// a server that dies ends the job with an error that names it.
// Method: whole clusters in the simulated world; the reference is a run without faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include "cluster.h"
#include "seeds.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

constexpr runtime::Time kJobMax =
    2000s;  // Of virtual time: a lost frame costs a quarter of a second.

ClusterOptions OptionsOf(std::uint64_t seed, bool faults, std::size_t servers) {
  ClusterOptions options;
  options.world.seed = seed;
  if (faults) {
    options.world.faults = {.drop = 0.01,
                            .duplicate = 0.02,
                            .reorder = 0.03,
                            .slow = 0.005,
                            .break_link = 0.0005,
                            .corrupt = 0.0005};
  }
  options.servers = servers;
  options.counting = false;
  options.rows.count = 2000;
  return options;
}

job::TrainParameters ParametersOf(Step tau, job::Solver solver = job::Solver::kDbpg) {
  job::TrainParameters parameters = job::TrainParameters::DefaultsOf(solver);
  parameters.data = {"memory"};
  parameters.tau.steps = tau;
  return parameters;
}

JobOutcome RunJob(Cluster& cluster, Step tau, job::Solver solver = job::Solver::kDbpg) {
  const std::size_t job = cluster.Submit(ParametersOf(tau, solver));
  EXPECT_TRUE(cluster.RunUntilEnd(job, kJobMax)) << cluster.outcome(job).last_status;
  EXPECT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
  return cluster.outcome(job);
}

class EachSolver : public ::testing::TestWithParam<job::Solver> {};

INSTANTIATE_TEST_SUITE_P(BatchSimulation, EachSolver,
                         ::testing::Values(job::Solver::kDbpg, job::Solver::kOwlqn),
                         [](const auto& solver) {
                           return std::string(job::SolverName(solver.param));
                         });

TEST_P(EachSolver, FaultsAndServersDoNotChangeABitAtDelay0) {
  Cluster calm(OptionsOf(1, /*faults=*/false, 1));
  const JobOutcome reference = RunJob(calm, 0, GetParam());
  const wire::BatchStatus& batch = reference.status_at_end.batch;
  EXPECT_TRUE(batch.certified);
  EXPECT_GT(batch.passes, 3u);
  EXPECT_GT(batch.nonzeros, 10u);
  EXPECT_EQ(batch.features, reference.rows.size());
  std::uint64_t faults = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Cluster cluster(OptionsOf(seed, /*faults=*/true, 1 + seed % 3));
    const JobOutcome outcome = RunJob(cluster, 0, GetParam());
    EXPECT_EQ(outcome.rows, reference.rows) << "seed " << seed;
    EXPECT_EQ(outcome.status_at_end.batch.objective, batch.objective) << "seed " << seed;
    faults += cluster.world().fault_counts().total();
  }
  EXPECT_GT(faults, 100u);
  std::cout << batch.passes << " passes, 6 runs, " << faults << " faults\n";
}

TEST(BatchSimulation, BothSolversReachTheOptimum) {
  Cluster one(OptionsOf(1, /*faults=*/false, 2));
  Cluster other(OptionsOf(1, /*faults=*/false, 2));
  const wire::BatchStatus blocks = RunJob(one, 0).status_at_end.batch;
  const wire::BatchStatus newton = RunJob(other, 0, job::Solver::kOwlqn).status_at_end.batch;
  EXPECT_EQ(newton.features, blocks.features);
  EXPECT_NEAR(newton.objective, blocks.objective, 2e-4 * blocks.objective);
  ASSERT_TRUE(newton.has_gap);
  EXPECT_GT(newton.gap, 0.0);
}

TEST(BatchSimulation, AnyDelayReachesTheOptimum) {
  Cluster calm(OptionsOf(1, /*faults=*/false, 2));
  const double optimum = RunJob(calm, 0).status_at_end.batch.objective;
  for (const Step tau : {Step{4}, Step{16}, job::Delay::kInfinite}) {
    Cluster cluster(OptionsOf(static_cast<std::uint64_t>(tau) % 1000, /*faults=*/true, 3));
    const wire::BatchStatus batch = RunJob(cluster, tau).status_at_end.batch;
    EXPECT_TRUE(batch.certified) << "tau " << tau << " passes " << batch.passes;
    EXPECT_NEAR(batch.objective, optimum, 2e-4 * optimum) << "tau " << tau;
  }
}

// A single kind of fault leaves long stretches in which nothing else happens; delays differ with every seed.
TEST(BatchSimulation, EveryKindOfFaultReachesTheOptimum) {
  Cluster calm(OptionsOf(1, /*faults=*/false, 2));
  const double optimum = RunJob(calm, 0).status_at_end.batch.objective;
  const std::vector<transport::FaultOptions> kinds{{},
                                                   {.drop = 0.01},
                                                   {.duplicate = 0.02},
                                                   {.reorder = 0.03},
                                                   {.slow = 0.005},
                                                   {.break_link = 0.003},
                                                   {.corrupt = 0.0005}};
  const auto [first, seeds] = SeedsOf(/*least=*/12, /*share=*/25);
  std::uint64_t faults = 0;
  std::uint64_t jobs = 0;
  for (const auto& kind : kinds) {
    for (std::uint64_t seed = first; seed < first + seeds; ++seed, ++jobs) {
      ClusterOptions options = OptionsOf(seed, /*faults=*/false, 1 + seed % 3);
      options.world.faults = kind;
      Cluster cluster(options);
      const bool newton = seed % 4 == 0;
      const wire::BatchStatus batch =
          RunJob(cluster, newton ? 0 : 16, newton ? job::Solver::kOwlqn : job::Solver::kDbpg)
              .status_at_end.batch;
      EXPECT_TRUE(batch.certified) << "kind " << &kind - kinds.data() << ", seed " << seed;
      EXPECT_NEAR(batch.objective, optimum, 2e-4 * optimum)
          << "kind " << &kind - kinds.data() << ", seed " << seed;
      faults += cluster.world().fault_counts().total();
    }
  }
  EXPECT_GT(faults, 1000u);
  std::cout << jobs << " jobs, " << faults << " faults\n";
}

TEST(BatchSimulation, RowsThatDoNotFitEndTheJobWithTheirNumbers) {
  ClusterOptions options = OptionsOf(1, /*faults=*/false, 2);
  options.free_memory = 1000;
  Cluster cluster(options);
  const std::size_t job = cluster.Submit(ParametersOf(4));
  ASSERT_TRUE(cluster.RunUntilEnd(job, kJobMax));
  const Status& status = cluster.outcome(job).status;
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.ToString().find("holds all of its rows"), std::string::npos)
      << status.ToString();
}

TEST(BatchSimulation, AServerThatDiesIsNamed) {
  for (const bool while_solving : {false, true}) {
    Cluster cluster(OptionsOf(3, /*faults=*/false, 3));
    const std::size_t job = cluster.Submit(ParametersOf(4));
    const JobOutcome& outcome = cluster.outcome(job);
    cluster.world().Run(kJobMax, [&] {
      return outcome.ended ||
             (while_solving ? outcome.status_at_end.batch.passes > 1 : outcome.rows_trained > 0);
    });
    ASSERT_FALSE(outcome.ended);
    cluster.world().Crash(cluster.server(1));
    ASSERT_TRUE(cluster.RunUntilEnd(job, cluster.world().now() + 2s)) << outcome.last_status;
    EXPECT_EQ(outcome.status.code(), StatusCode::kUnavailable);
    EXPECT_NE(outcome.status.ToString().find("server"), std::string::npos)
        << outcome.status.ToString();
  }
}

// Shards are asked for and read, features joined and pulled, between two passes, while frames are lost and links break.
TEST(BatchSimulation, RowsMoveWhateverTheNetworkDoes) {
  Cluster calm(OptionsOf(1, /*faults=*/false, 2));
  const double optimum = RunJob(calm, 0).status_at_end.batch.objective;
  const auto [first, seeds] = SeedsOf(/*least=*/12, /*share=*/25);
  std::uint64_t faults = 0;
  std::uint64_t moved = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    ClusterOptions options = OptionsOf(seed, /*faults=*/true, 1 + seed % 3);
    options.work_takes = 300us;
    options.slowness = {4.0};
    Cluster cluster(options);
    job::TrainParameters parameters = ParametersOf(static_cast<Step>(seed % 3));
    parameters.rebalance = "on";
    const std::size_t job = cluster.Submit(parameters);
    EXPECT_TRUE(cluster.RunUntilEnd(job, kJobMax)) << cluster.outcome(job).last_status;
    const JobOutcome& outcome = cluster.outcome(job);
    EXPECT_TRUE(outcome.status.ok()) << "seed " << seed << ": " << outcome.status.ToString();
    const wire::BatchStatus& batch = outcome.status_at_end.batch;
    EXPECT_TRUE(batch.certified) << "seed " << seed;
    EXPECT_NEAR(batch.objective, optimum, 2e-4 * optimum) << "seed " << seed;
    EXPECT_EQ(outcome.rows_trained, options.rows.count) << "seed " << seed;
    faults += cluster.world().fault_counts().total();
    moved += batch.moved.empty() ? 0 : 1;
  }
  // Three runs of four move rows; the seeds, new with every commit, decide which.
  EXPECT_GT(moved, 0u);
  EXPECT_GT(faults, 100u);
  std::cout << seeds << " runs, rows moved in " << moved << " of them, " << faults << " faults\n";
}

}  // namespace
}  // namespace steelyard::simulation
