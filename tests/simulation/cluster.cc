#include "cluster.h"

#include <utility>

#include "apps/linear/column_learner.h"
#include "apps/linear/linear_learner.h"
#include "job/head.h"
#include "job/scheduler.h"
#include "job/submitter.h"
#include "job/worker.h"
#include "server/server.h"

namespace steelyard::simulation {
namespace {

class CountingLearner final : public job::Learner {
 public:
  table::UpdaterOptions updater() const override { return {.name = "add"}; }
  std::size_t row_floats() const override { return 1; }
  void Learn(const data::Minibatch& batch, std::span<float> rows, std::span<float> deltas,
             math::Evaluation& progressive) override {
    for (const std::uint32_t position : batch.positions) {
      rows[position] += 1;
      deltas[position] += 1;
    }
    for (std::size_t i = 0; i < batch.rows.size(); ++i) progressive.Add(0.0, batch.rows.labels[i]);
  }
  void Score(const data::Minibatch&, std::span<const float>,
             std::span<float> margins) const override {
    for (float& margin : margins) margin = 0;
  }
};

}  // namespace

ClusterOptions ForPrograms(std::mt19937_64& random, std::uint64_t seed) {
  ClusterOptions options;
  options.world.seed = seed;
  options.workers = 0;
  const auto chance = [&](double max) { return max * static_cast<double>(random() % 1000) / 1000; };
  options.world.faults = {.drop = 0.002 + chance(0.03),
                          .duplicate = 0.002 + chance(0.03),
                          .reorder = chance(0.1),
                          .slow = chance(0.02),
                          .break_link = chance(0.001)};
  return options;
}

std::unique_ptr<job::Learner> MakeCountingLearner() {
  return std::make_unique<CountingLearner>();
}

Cluster::Cluster(const ClusterOptions& options)
    : options_(options), world_([this, &options] {
        transport::SimOptions world = options.world;
        if (options.work_takes)
          world.work_takes = [this](transport::NodeIndex node) { return TakesOf(node); };
        return world;
      }()) {
  const auto next_incarnation = [this] { return next_incarnation_++; };
  world_.AddNode("head", [this, next_incarnation](runtime::Executor&) {
    return std::make_unique<job::Head>(
        job::Head::Options{.cluster_id = 7,
                           .incarnation = next_incarnation(),
                           .listen_address = "head",
                           .membership = {},
                           .make_delay_policy = options_.make_delay_policy});
  });
  for (std::size_t i = 0; i < options_.servers; ++i) {
    const std::string address = server_address(i);
    server_objects_.push_back(nullptr);
    servers_.push_back(
        world_.AddNode(address, [this, next_incarnation, address, i](runtime::Executor&) {
          auto server = std::make_unique<server::Server>(
              server::Server::Options{.head_address = "head",
                                      .listen_address = address,
                                      .incarnation = next_incarnation(),
                                      .description = "simulated",
                                      .key_bytes_max = options_.key_bytes_max});
          server_objects_[i] = server.get();
          return server;
        }));
  }
  for (std::size_t i = 0; i < options_.workers; ++i) {
    const transport::NodeIndex node = 1 + options_.servers + i;
    meters_[node] = {};
    workers_.push_back(world_.AddNode(
        "worker-" + std::to_string(i), [this, next_incarnation, node](runtime::Executor& executor) {
          job::WorkerEnvironment environment;
          environment.open_dataset = [this](const data::DatasetOptions&) {
            return Result<std::unique_ptr<data::Dataset>>(MakeMemoryDataset(options_.rows));
          };
          environment.make_learner =
              [this](
                  const job::TrainParameters& parameters) -> Result<std::unique_ptr<job::Learner>> {
            if (options_.counting) return MakeCountingLearner();
            return apps::linear::MakeLinearLearner(
                {.loss = job::LossOf(parameters.task), .solver = options_.ftrl});
          };
          const double equal =
              static_cast<double>(options_.rows.count) / static_cast<double>(options_.workers);
          environment.make_batch_learner = [meter = &meters_[node],
                                            equal](const job::TrainParameters& parameters) {
            return MakeMetered(apps::linear::MakeColumnLearner(
                                   {.updater = std::string(job::UpdaterOf(parameters.solver)),
                                    .loss = job::LossOf(parameters.task),
                                    .l1 = static_cast<float>(parameters.l1),
                                    .l2 = static_cast<float>(parameters.l2)}),
                               equal, meter);
          };
          environment.reader = &executor;
          environment.compute = &executor;
          environment.functions = options_.worker_functions;
          environment.function_thread = &executor;
          if (options_.work_takes) {
            environment.thread_ns = [this, node] {
              return static_cast<std::uint64_t>(meters_[node].units *
                                                static_cast<double>(options_.work_takes->count()));
            };
          }
          if (options_.free_memory)
            environment.free_memory_bytes = [this] { return *options_.free_memory; };
          return std::make_unique<job::Worker>(
              job::Worker::Options{.head_address = "head",
                                   .incarnation = next_incarnation(),
                                   .description = "simulated"},
              std::move(environment));
        }));
  }
}

runtime::Duration Cluster::TakesOf(transport::NodeIndex node) {
  WorkMeter& meter = meters_[node];
  const double units = meter.units - std::exchange(meter.units_taken, meter.units);
  const std::size_t worker = node - 1 - options_.servers;
  const double slowness = worker < options_.slowness.size() ? options_.slowness[worker] : 1.0;
  return runtime::Duration(static_cast<std::int64_t>(
      units * slowness * static_cast<double>(options_.work_takes->count())));
}

std::size_t Cluster::Submit(const job::TrainParameters& parameters) {
  auto outcome = std::make_shared<JobOutcome>();
  outcomes_.push_back(outcome);
  const std::size_t index = outcomes_.size() - 1;
  job::JobPlan plan;
  plan.parameters = parameters;
  plan.table.name = "w" + std::to_string(index);
  plan.table.segment_count = 8;
  plan.table.updater = options_.counting ? UpdaterOptions{.name = "add"} : options_.ftrl;
  plan.table.aggregate = parameters.aggregate;
  plan.row_floats = options_.counting ? 1 : 2;
  if (job::IsBatch(parameters.solver)) {
    plan.table.updater = {.name = std::string(job::UpdaterOf(parameters.solver)),
                          .l1 = static_cast<float>(parameters.l1),
                          .l2 = static_cast<float>(parameters.l2)};
    plan.row_floats = parameters.solver == job::Solver::kOwlqn ? table::kQuasiNewtonColumns
                                                               : table::kProximalColumns;
  }
  const std::size_t width = job::IsBatch(parameters.solver) ? 1 : plan.row_floats;
  plan.servers_min = static_cast<std::uint32_t>(options_.servers);
  plan.slot_count = static_cast<std::uint32_t>(options_.workers);
  plan.rows_total = options_.rows.count;
  plan.shards = CutRows(options_.rows, 256);
  job::JobEvents events;
  events.on_first_row = [outcome] { outcome->rows.clear(); };
  events.on_rows = [outcome, width](std::span<const Key> keys, std::span<const float> rows) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto row = rows.subspan(i * width, width);
      outcome->rows[keys[i]].assign(row.begin(), row.end());
    }
    return Status();
  };
  events.on_status = [outcome](const wire::JobStatus& status) {
    outcome->rows_trained = status.work.rows + status.earlier.rows;
    outcome->status_at_end = status;
    outcome->last_status = "state " + std::to_string(static_cast<int>(status.state)) + ", phase " +
                           std::to_string(static_cast<int>(status.phase)) + ", pass " +
                           std::to_string(status.pass) + ", " +
                           std::to_string(outcome->rows_trained) + " rows, " + status.message;
  };
  events.on_end = [this, outcome](const Status& status) {
    outcome->ended = true;
    outcome->status = status;
    outcome->ended_at = world_.now();
  };
  world_.AddNode("submitter-" + std::to_string(index), [this, plan, events](runtime::Executor&) {
    return std::make_unique<job::Submitter>(
        job::Submitter::Options{
            .head_address = "head", .incarnation = next_incarnation_++, .description = "simulated"},
        job::Submitter::Manner{}, plan, events);
  });
  return index;
}

std::uint64_t Cluster::lists_missed() const {
  std::uint64_t missed = 0;
  for (const server::Server* server : server_objects_) missed += server->packed_requests().misses();
  return missed;
}

bool Cluster::RunUntilEnd(std::size_t job, runtime::Time until) {
  return world_.Run(until, [&] { return outcomes_[job]->ended; });
}

std::map<Key, std::vector<float>> Cluster::ExpectedCounts(std::uint64_t passes) const {
  std::map<Key, std::vector<float>> counts;
  const data::RowBlock rows = DrawRows(options_.rows, 0, options_.rows.count);
  for (const Key key : rows.keys) {
    auto& count = counts[key];
    count.resize(1);
    count[0] += static_cast<float>(passes);
  }
  return counts;
}

}  // namespace steelyard::simulation
