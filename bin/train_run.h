// TrainRun: one training job from its first process to its last, on this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "initial_model.h"
#include "job/head.h"
#include "job/submitter.h"
#include "local_cluster.h"
#include "model_saver.h"
#include "node_host.h"
#include "run_directory.h"
#include "runtime/real_loop.h"
#include "steelyard/status.h"
#include "train_input.h"

namespace steelyard::cli {

/// What a run leaves besides the rows and names, which go to the saver.
struct TrainOutcome {
  wire::JobStatus status;  ///< The last one.
  std::uint64_t peak_memory_bytes = 0;
};

/// Hosts the head and the submitter on the calling thread's loop, starts a LocalCluster, follows the job, ends all.
///
/// Ctrl-C and SIGTERM end the job in order; a second one ends the process at once.
/// Ownership: borrows what it is given.
/// Threads:   confined to the main thread.
class TrainRun {
 public:
  struct Parts {
    const job::TrainParameters* parameters;
    TrainInput* input;
    InitialModel* initial;
    ModelSaver* saver;
    std::function<void(const wire::JobStatus&)> on_status;
  };
  TrainRun(Parts parts, job::JobPlan plan);
  ~TrainRun();
  TrainRun(const TrainRun&) = delete;
  TrainRun& operator=(const TrainRun&) = delete;

  /// Errors: the job's; kUnavailable  a process died, named with its log; kCancelled  a signal.
  Result<TrainOutcome> Run();

 private:
  Status StartHead();
  Status StartCluster();
  void StartSubmitter();
  job::JobEvents Events();
  void OnSignal(int signal);
  void OnChildDeath(const Status& death);
  void OnJobEnd(const Status& status);
  void EndCluster();
  Status WithLogs(const Status& status) const;

  Parts parts_;
  job::JobPlan plan_;
  runtime::RealLoop loop_;
  transport::InprocNetwork network_;
  std::optional<RunDirectory> logs_;  // Processes only.
  NodeHost head_host_;
  NodeHost submitter_host_;
  std::unique_ptr<job::Head> head_;
  std::unique_ptr<job::Submitter> submitter_;
  std::unique_ptr<LocalCluster> cluster_;
  std::string head_address_;

  TrainOutcome outcome_;
  bool ended_ = false;  // The job; its cluster may still be ending.
  bool ending_cluster_ = false;
  Status end_;
  std::optional<Status> child_death_;
  runtime::RealAlarm death_alarm_;
};

}  // namespace steelyard::cli
