// Goal: a delay hides the network and short stops, and a worker that is slower than the others gives rows to them: passes of
// the batch solvers take less time, workers wait less, and the optimum stays the same.
// Method: four workers of the production objects in virtual time; computing takes a set time in proportion to a worker's
// rows, so that figures depend on the solver and not on this machine's processors. Servers compute in no time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/cluster_node.h"
#include "cluster.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRows = 6000;
/// Of a step's gradients, and of taking over its weights.
constexpr runtime::Duration kWorkTakes = 250us;

struct Trouble {
  const char* name;
  double slowness;            ///< Of the first worker's computing.
  std::size_t workers;        ///< So many are stopped, in turns.
  runtime::Duration stopped;  ///< For so long, and for as long nobody is.
};
constexpr Trouble kEqual{"four equal workers", 1.0, 0, 0ms};
constexpr Trouble kSlow{"four workers, one of them half as fast", 2.0, 0, 0ms};
constexpr Trouble kStopped{"four workers, one of them stopped half of the time", 1.0, 1, 20ms};
constexpr Trouble kInTurns{"four workers, each stopped in its turn", 1.0, 4, 2ms};

struct Figures {
  double objective = 0.0;
  std::vector<std::pair<double, double>> passes;  ///< Seconds since the first pass, objective.
  double idle = 0.0;
  std::vector<wire::ShardsMoved> moved;

  double SecondsOfPass() const {
    return passes.back().first / static_cast<double>(passes.size() - 1);
  }
  double SecondsTo(double objective_at_most) const {
    const auto there = std::ranges::find_if(
        passes, [&](const auto& pass) { return pass.second <= objective_at_most; });
    return there == passes.end() ? -1.0 : there->first;
  }
};

job::TrainParameters ParametersOf(Step tau, const char* rebalance, double l1 = 4.0) {
  job::TrainParameters parameters = job::TrainParameters::DefaultsOf(job::Solver::kDbpg);
  parameters.data = {"memory"};
  parameters.tau.steps = tau;
  parameters.rebalance = rebalance;
  parameters.l1 = l1;
  return parameters;
}

ClusterOptions OptionsFor(const Trouble& trouble) {
  ClusterOptions options;
  options.world.delay_min = 50us;
  options.world.delay_max = 150us;
  options.world.executor_threads = 1;
  options.servers = 1;
  options.workers = 4;
  options.counting = false;
  options.rows.count = kRows;
  options.rows.features = 5000;
  options.rows.per_row = 40;
  options.work_takes = kWorkTakes;
  options.slowness = {trouble.slowness};
  return options;
}

/// Stops workers in turns, from now on.
class Turns {
 public:
  Turns(Cluster& cluster, const Trouble& trouble) : cluster_(cluster), trouble_(trouble) {
    if (trouble.workers > 0) Take(0);
  }

 private:
  void Take(std::size_t count) const {
    const transport::NodeIndex worker = cluster_.worker(count / 2 % trouble_.workers);
    if (count % 2 == 0) {
      cluster_.world().Pause(worker);
    } else {
      cluster_.world().Resume(worker);
    }
    cluster_.world().At(cluster_.world().now() + trouble_.stopped,
                        [this, count] { Take(count + 1); });
  }

  Cluster& cluster_;
  const Trouble trouble_;
};

Figures Solve(const job::TrainParameters& parameters, const Trouble& trouble) {
  Cluster cluster(OptionsFor(trouble));
  const Turns turns(cluster, trouble);
  const JobOutcome& outcome = cluster.outcome(cluster.Submit(parameters));
  Figures figures;
  std::uint32_t seen = 0;
  double began = 0.0;
  cluster.world().Run(1000s, [&] {
    const wire::BatchStatus& batch = outcome.status_at_end.batch;
    if (batch.passes > seen) {
      seen = batch.passes;
      const double now = std::chrono::duration<double>(cluster.world().now()).count();
      if (figures.passes.empty()) began = now;
      figures.passes.emplace_back(now - began, batch.objective);
    }
    return outcome.ended;
  });
  EXPECT_TRUE(outcome.ended && outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(outcome.status_at_end.batch.certified);
  const wire::WorkSums& work = outcome.status_at_end.earlier;
  figures.moved = outcome.status_at_end.batch.moved;
  figures.objective = outcome.status_at_end.batch.objective;
  figures.idle =
      static_cast<double>(work.idle_ns) / static_cast<double>(work.idle_ns + work.busy_ns);
  return figures;
}

void Print(const char* name, const Figures& figures, double optimum) {
  std::cout << std::setw(12) << name << std::setw(7) << figures.passes.size() << std::fixed
            << std::setprecision(1) << std::setw(8) << 1e3 * figures.SecondsOfPass()
            << std::setprecision(2) << std::setw(5) << figures.idle << std::setprecision(0)
            << std::setw(6) << 1e3 * figures.SecondsTo(optimum * (1 + 1e-3)) << std::setw(6)
            << 1e3 * figures.SecondsTo(optimum * (1 + 1e-4));
  for (const wire::ShardsMoved& moved : figures.moved) {
    std::cout << "  after pass " << moved.pass << " " << moved.worker << " gave " << moved.shards
              << " of " << moved.of << " (" << std::setprecision(1) << moved.times
              << " times as long)";
  }
  std::cout << "\n";
}

void PrintTitle(const Trouble& trouble) {
  std::cout << trouble.name
            << ", virtual time\n             passes ms/pass idle ms to 1e-3, 1e-4\n";
}

/// The paper's system B: sequential, and without a filter.
Figures SolveAsB(const Trouble& trouble, double l1) {
  job::TrainParameters parameters = ParametersOf(0, "auto", l1);
  parameters.filters = "none";
  return Solve(parameters, trouble);
}

void ExpectDescent(const Figures& figures) {
  EXPECT_TRUE(std::ranges::is_sorted(figures.passes, std::ranges::greater(),
                                     &std::pair<double, double>::second));
}

TEST(StragglerSimulation, ASlowWorkerGivesRowsAway) {
  for (const Trouble& trouble : {kSlow, kStopped}) {
    for (const double l1 : {4.0, 1.0}) {
      PrintTitle(trouble);
      const Figures base = SolveAsB(trouble, l1);
      const Figures stay = Solve(ParametersOf(1, "off", l1), trouble);
      const Figures move = Solve(ParametersOf(1, "auto", l1), trouble);
      const double best = std::min({base.objective, stay.objective, move.objective});
      Print("B", base, best);
      Print("rows stay", stay, best);
      Print("rows move", move, best);
      EXPECT_TRUE(base.moved.empty());  // Its bits are the same in every run.
      EXPECT_TRUE(stay.moved.empty());
      ASSERT_EQ(move.moved.size(), 1u);
      const wire::ShardsMoved& moved = move.moved.front();
      EXPECT_EQ(moved.of, 6u);
      // Rows do not help who stands still.
      EXPECT_EQ(moved.shards, trouble.workers > 0 ? 6u : 3u);
      EXPECT_GT(moved.times, 1.5);
      for (const Figures* figures : {&base, &stay, &move}) {
        ExpectDescent(*figures);
        EXPECT_LE(figures->objective, best * (1 + 1e-4));
      }
      EXPECT_LT(move.SecondsOfPass(), 0.9 * stay.SecondsOfPass());
      EXPECT_LT(move.idle, 0.8 * stay.idle);
      EXPECT_LT(move.SecondsTo(best * (1 + 1e-4)), base.SecondsTo(best * (1 + 1e-4)));
    }
  }
}

/// Rows that each worker says it has, when a pass after a move is over.
std::map<std::uint32_t, std::uint64_t> RowsAfterAMove(const Trouble& trouble) {
  std::map<std::uint32_t, std::uint64_t> rows;
  ClusterOptions options = OptionsFor(trouble);
  options.worker_functions["rows"] = [&rows](const WorkerProgress& progress, const std::string&) {
    rows[progress.worker] = progress.rows;
    return std::string();
  };
  Cluster cluster(options);
  const Turns turns(cluster, trouble);
  const transport::NodeIndex program = cluster.world().AddNode("program", [](runtime::Executor&) {
    return std::make_unique<api::ClusterNode>(api::ClusterNode::Options{
        .head_address = "head", .incarnation = 9'999, .description = "simulated"});
  });
  const JobOutcome& outcome = cluster.outcome(cluster.Submit(ParametersOf(1, "auto", 1.0)));
  const wire::BatchStatus& batch = outcome.status_at_end.batch;
  cluster.world().Run(1000s, [&] {
    return outcome.ended || (!batch.moved.empty() && batch.passes > batch.moved.back().pass);
  });
  EXPECT_FALSE(outcome.ended) << outcome.status.ToString();
  bool answered = false;
  cluster.world().Call(program, [&](transport::Node& node, transport::Transport& transport) {
    auto& caller = dynamic_cast<api::ClusterNode&>(node);
    caller.Call(transport,
                {.group = 1,
                 .member = wire::kEveryMember,
                 .patience_ns = std::uint64_t{200} * 1'000'000'000,
                 .function = "rows",
                 .arguments = {}},
                [&](const Result<wire::MemberAnswer>& answer) {
                  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
                  answered = true;
                });
    caller.ArmAlarm(transport);
  });
  cluster.world().Run(1000s, [&] { return answered && outcome.ended; });
  EXPECT_TRUE(answered && outcome.status.ok()) << outcome.status.ToString();
  return rows;
}

TEST(StragglerSimulation, WhoGaveRowsDoesNotHoldThemAnyMore) {
  for (const Trouble& trouble : {kSlow, kStopped}) {
    const auto rows = RowsAfterAMove(trouble);
    ASSERT_EQ(rows.size(), 4u) << trouble.name;
    std::uint64_t all = 0;
    int without = 0;
    for (const auto& [worker, count] : rows) {
      all += count;
      without += count == 0 ? 1 : 0;
    }
    EXPECT_EQ(all, kRows) << trouble.name;
    EXPECT_EQ(without, trouble.workers > 0 ? 1 : 0) << trouble.name;
  }
}

TEST(StragglerSimulation, EqualWorkersKeepTheirRowsAndLoseNothing) {
  for (const Trouble& trouble : {kEqual, kInTurns}) {
    PrintTitle(trouble);
    const Figures stay = Solve(ParametersOf(1, "off"), trouble);
    const Figures may = Solve(ParametersOf(1, "on"), trouble);
    Print("B", SolveAsB(trouble, 4.0), stay.objective);
    Print("rows stay", stay, stay.objective);
    Print("rows may move", may, stay.objective);
    EXPECT_TRUE(may.moved.empty());
    EXPECT_EQ(may.passes, stay.passes);
    EXPECT_EQ(may.idle, stay.idle);
  }
}

TEST(StragglerSimulation, TheSequentialSolversMoveRowsWhereTheyAreTold) {
  for (const job::Solver solver : {job::Solver::kDbpg, job::Solver::kOwlqn}) {
    job::TrainParameters parameters = job::TrainParameters::DefaultsOf(solver);
    parameters.data = {"memory"};
    parameters.tau.steps = 0;
    const Figures stay = Solve(parameters, kSlow);
    parameters.rebalance = "on";
    const Figures move = Solve(parameters, kSlow);
    PrintTitle(kSlow);
    Print("rows stay", stay, stay.objective);
    Print("rows move", move, stay.objective);
    EXPECT_TRUE(stay.moved.empty());
    EXPECT_FALSE(move.moved.empty());
    EXPECT_NEAR(move.objective, stay.objective, 1e-4 * stay.objective);
    EXPECT_LT(move.SecondsOfPass(), stay.SecondsOfPass());
  }
}

TEST(StragglerSimulation, ADelayHidesASlowWorker) {
  for (const Trouble& trouble : {kEqual, kStopped, kInTurns}) {
    std::map<Step, Figures> of;
    for (const Step tau : {0, 1, 2, 4, 8, 16}) of[tau] = Solve(ParametersOf(tau, "off"), trouble);
    double best = of[0].objective;
    for (const auto& [tau, figures] : of) best = std::min(best, figures.objective);
    std::cout << trouble.name << ", virtual time\n tau passes ms/pass idle ms to 1e-3, 1e-4\n"
              << std::fixed;
    for (const auto& [tau, figures] : of) {
      std::cout << std::setw(4) << tau << std::setw(7) << figures.passes.size()
                << std::setprecision(1) << std::setw(8) << 1e3 * figures.SecondsOfPass()
                << std::setprecision(2) << std::setw(5) << figures.idle << std::setprecision(0)
                << std::setw(6) << 1e3 * figures.SecondsTo(best * (1 + 1e-3)) << std::setw(6)
                << 1e3 * figures.SecondsTo(best * (1 + 1e-4)) << "\n";
      EXPECT_LE(figures.objective, best * (1 + 1e-4)) << "tau " << tau;
    }
    EXPECT_LT(of[1].SecondsOfPass(), 0.9 * of[0].SecondsOfPass());
    EXPECT_LT(of[1].idle, of[0].idle);
    EXPECT_LT(of[1].SecondsTo(best * (1 + 1e-4)), of[0].SecondsTo(best * (1 + 1e-4)));
  }
}

}  // namespace
}  // namespace steelyard::simulation
