#include "scenario.h"

#include <optional>
#include <random>

#include "cluster.h"

namespace steelyard::simulation {
namespace {

using runtime::Time;
using transport::NodeIndex;
using namespace std::chrono_literals;

// Of virtual time. Where every step waits for a frame that was lost, a job takes minutes, but it moves.
constexpr Time kStandstillMax = 20s;
constexpr Time kJobMax = 1200s;
constexpr Time kNamedErrorMax = 1000ms;  // From the kill to the submitter's error.

ClusterOptions MakeOptions(std::mt19937_64& random, std::uint64_t seed) {
  ClusterOptions options;
  options.world.seed = seed;
  const auto chance = [&](double max) { return max * static_cast<double>(random() % 1000) / 1000; };
  options.world.faults = {.drop = 0.002 + chance(0.02),
                          .duplicate = 0.002 + chance(0.02),
                          .reorder = chance(0.05),
                          .slow = chance(0.01),
                          .break_link = chance(0.0005),
                          .corrupt = chance(0.0005)};
  options.rows.seed = seed;
  options.rows.count = 8000;
  return options;
}

job::TrainParameters MakeParameters(std::mt19937_64& random) {
  job::TrainParameters parameters;
  parameters.data = {"memory"};
  parameters.minibatch = 8 + random() % 18;
  parameters.passes = 2 + random() % 2;
  const Step delays[] = {0, 1, 4, job::Delay::kInfinite};
  parameters.tau.steps = delays[random() % 4];
  return parameters;
}

std::string CheckCounts(const Cluster& cluster, std::size_t job, std::uint64_t passes) {
  const auto expected = cluster.ExpectedCounts(passes);
  const auto& found = cluster.outcome(job).rows;
  for (const auto& [key, count] : expected) {
    const auto at = found.find(key);
    if (at == found.end()) return "key " + std::to_string(key) + " is missing";
    if (at->second != count) {
      return "key " + std::to_string(key) + " was counted " + std::to_string(at->second[0]) +
             " times instead of " + std::to_string(count[0]);
    }
  }
  return found.size() == expected.size() ? "" : "there are keys that nobody pushed";
}

std::string CheckSuccess(Cluster& cluster, std::size_t job, std::uint64_t passes) {
  const JobOutcome& outcome = cluster.outcome(job);
  const Time give_up = cluster.world().now() + kJobMax;
  while (!outcome.ended) {
    const std::string before = outcome.last_status;
    cluster.RunUntilEnd(job, cluster.world().now() + kStandstillMax);
    const bool moved = outcome.last_status != before && cluster.world().now() < give_up;
    if (!outcome.ended && !moved) return "the job hangs in state " + outcome.last_status;
  }
  if (!outcome.status.ok()) return "the job failed without cause: " + outcome.status.ToString();
  return CheckCounts(cluster, job, passes);
}

/// True when the status blames the killed node or its kind.
bool Names(const Status& status, const std::string& role) {
  return status.code() == StatusCode::kUnavailable &&
         status.ToString().find(role) != std::string::npos;
}

std::string CrashStory(Cluster& cluster, const job::TrainParameters& parameters, std::size_t job,
                       std::uint64_t story, std::mt19937_64& random) {
  const bool kill_server = story != 1;
  const NodeIndex victim =
      kill_server ? cluster.server(random() % 3) : cluster.worker(random() % 3);
  // Kill once the job is under way.
  const std::uint64_t rows = 100 + random() % 3000;
  transport::SimWorld& world = cluster.world();
  world.Run(world.now() + kJobMax, [&] {
    return cluster.outcome(job).ended || cluster.outcome(job).rows_trained >= rows;
  });
  if (cluster.outcome(job).ended)
    return "the job ended before the kill: " + cluster.outcome(job).status.ToString();
  world.Crash(victim);
  const Time killed = world.now();
  const bool restart_at_once = story == 3;
  if (restart_at_once) world.At(killed + 1ms, [&world, victim] { world.Restart(victim); });
  if (!cluster.RunUntilEnd(job, killed + kNamedErrorMax)) {
    return "no error a second after a node was killed";
  }
  const Status& status = cluster.outcome(job).status;
  if (!Names(status, kill_server ? "server" : "worker")) {
    return "the error does not name the killed node: " +
           std::string(StatusCodeName(status.code())) + " " + status.ToString();
  }
  if (!restart_at_once) world.Restart(victim);
  const std::size_t second = cluster.Submit(parameters);
  const std::string wrong = CheckSuccess(cluster, second, parameters.passes);
  return wrong.empty() ? "" : "second job: " + wrong;
}

}  // namespace

ScenarioResult RunScenario(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Cluster cluster(MakeOptions(random, seed));
  job::TrainParameters parameters = MakeParameters(random);
  if (seed % 3 == 0) parameters.filters = "key-cache,delta,zeros,lz4";
  const std::size_t job = cluster.Submit(parameters);
  const std::uint64_t story = seed % 4;  // 0: nobody is killed.
  ScenarioResult result;
  result.violation = story == 0 ? CheckSuccess(cluster, job, parameters.passes)
                                : CrashStory(cluster, parameters, job, story, random);
  result.events = cluster.world().event_count();
  result.faults = cluster.world().fault_counts().total();
  result.crashes = cluster.world().fault_counts().crashes;
  result.event_hash = cluster.world().event_hash();
  return result;
}

}  // namespace steelyard::simulation
