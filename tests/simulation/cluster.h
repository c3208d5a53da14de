// Cluster: a whole cluster of the production objects in a simulated world, and what a job on it left behind.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "filter/key_cache.h"
#include "job/delay_policy.h"
#include "job/learner.h"
#include "job/parameters.h"
#include "job/worker_calls.h"
#include "memory_dataset.h"
#include "metered_learner.h"
#include "server/server.h"
#include "transport/sim_network.h"
#include "wire/job_messages.h"

namespace steelyard::simulation {

/// A learner whose arithmetic is exact in any order: each row adds 1 to each of its keys, so the table must end as the
/// exact number of times each key was seen, and a lost or doubled push shows.
std::unique_ptr<job::Learner> MakeCountingLearner();

/// How a job ended.
struct JobOutcome {
  bool ended = false;
  Status status;
  runtime::Time ended_at{0};
  std::map<Key, std::vector<float>> rows;
  std::uint64_t rows_trained = 0;
  wire::JobStatus status_at_end;
  std::string last_status;  ///< For messages.
};

struct ClusterOptions {
  transport::SimOptions world;
  std::size_t servers = 3;
  std::size_t workers = 3;
  bool counting = true;  ///< The counting learner; else FTRL.
  UpdaterOptions ftrl = {.name = "ftrl", .alpha = 0.1F, .beta = 1, .l1 = 1};
  MemoryRows rows;
  std::function<std::unique_ptr<job::DelayPolicy>()> make_delay_policy = job::MakeAdaptiveDelay;
  std::size_t key_bytes_max = filter::kKeyCacheBytes;  ///< Of each server's lists of keys.
  job::WorkerFunctions worker_functions = {};          ///< That each worker answers.
  std::optional<std::uint64_t> free_memory;  ///< What machines of workers say they have left.
  /// What a step of a batch solver computes takes so long where a worker has an equal share of the rows, and in
  /// proportion where it has others (metered_learner.h). Workers know it. Else each item takes a random time of `world`,
  /// of which they know nothing.
  std::optional<runtime::Duration> work_takes = {};
  std::vector<double> slowness =
      {};  ///< By worker: so many times as long; 1 where it says nothing.
};

/// A cluster for programs, without workers; what its network does wrong is drawn.
ClusterOptions ForPrograms(std::mt19937_64& random, std::uint64_t seed);

/// A head, servers and workers, and jobs submitted one after another.
class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);

  /// Submit a job whose outcome is filled in as it goes. @return its index.
  std::size_t Submit(const job::TrainParameters& parameters);
  const JobOutcome& outcome(std::size_t job) const { return *outcomes_[job]; }

  /// Run until the job ended or `until`.
  bool RunUntilEnd(std::size_t job, runtime::Time until);

  transport::SimWorld& world() { return world_; }
  transport::NodeIndex server(std::size_t i) const { return servers_[i]; }
  transport::NodeIndex worker(std::size_t i) const { return workers_[i]; }
  std::string server_address(std::size_t i) const { return "server-" + std::to_string(i); }

  /// Signatures of lists of keys that servers did not know, so far.
  std::uint64_t lists_missed() const;

  /// What the counting learner must have left in the table after `passes`.
  std::map<Key, std::vector<float>> ExpectedCounts(std::uint64_t passes) const;

 private:
  /// How long the work that a worker has just done takes.
  runtime::Duration TakesOf(transport::NodeIndex node);

  ClusterOptions options_;
  transport::SimWorld world_;
  std::vector<transport::NodeIndex> servers_;
  std::vector<transport::NodeIndex> workers_;
  std::vector<const server::Server*> server_objects_;  ///< The present ones; only without crashes.
  std::vector<std::shared_ptr<JobOutcome>> outcomes_;
  std::map<transport::NodeIndex, WorkMeter> meters_;  ///< Of workers.
  std::uint64_t next_incarnation_ = 1;
};

}  // namespace steelyard::simulation
