// Worker: a node that works on jobs: reads its shards, pulls rows, learns minibatches, pushes changes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "job/batch_reader.h"
#include "job/learner.h"
#include "job/parameters.h"
#include "rpc/head_link.h"
#include "runtime/executor.h"
#include "transport/transport.h"
#include "wire/job_messages.h"

namespace steelyard::job {

/// What a worker needs of its process.
struct WorkerEnvironment {
  DatasetOpener open_dataset;
  std::function<Result<std::unique_ptr<Learner>>(const TrainParameters&)> make_learner;
  runtime::Executor* reader = nullptr;   ///< Reads and parses; one thread.
  runtime::Executor* compute = nullptr;  ///< Learns; one thread.
  /// False when the servers answer on this worker's own loop: pulling ahead then hides nothing and costs the addition of
  /// own pushes.
  bool pulls_ahead = true;
  /// Nanoseconds that `reader` has worked so far, and the process's peak memory; both may be empty.
  std::function<std::uint64_t()> read_ns;
  std::function<std::uint64_t()> peak_memory_bytes;
};

/// One worker slot at a time. Pulls run ahead of the computation by as many steps as the delay allows, and reading runs
/// ahead of both.
///
/// Own pushes that a pulled row does not include yet are added to it here, so one worker learns the same, bit for bit,
/// at any delay and with any number of servers.
///
/// Threads: confined to its loop; reading and learning run on the environment's executors.
/// Source:  Li et al., OSDI 2014, section 2; replay of state, docs/algorithms.md.
class Worker : public transport::Node {
 public:
  struct Options {
    std::string head_address;
    Incarnation incarnation = 0;
    std::string description;  ///< "pid 4711"
  };
  Worker(Options options, WorkerEnvironment environment);
  ~Worker() override;

  void OnStart(transport::Transport& transport) override;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) override;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) override;
  void OnWake(transport::Transport& transport) override;

  /// Not OK once this worker cannot go on (the head is gone or refused it); its process should end with it.
  const Status& failure() const { return failure_; }
  const rpc::HeadLink& head() const { return head_; }

 private:
  class Run;  // The slot that this worker holds.

  void OnHeadFrame(transport::Transport& transport, const wire::Frame& frame);
  void StartRun(transport::Transport& transport, const wire::SlotAssign& assign);
  void EndRun(transport::Transport& transport, const Status& why);
  void ArmAlarm(transport::Transport& transport);

  rpc::Identity identity_;
  rpc::HeadLink head_;
  client::Client client_;
  WorkerEnvironment environment_;
  std::shared_ptr<Run> run_;  ///< Shared with work items that outlive a cancelled run.
  Session last_session_ = 0;  ///< Of the newest slot held; older assignments are late copies.
  Status failure_;
};

}  // namespace steelyard::job
