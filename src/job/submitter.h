// Submitter: a node that has a job done: creates its table, loads rows, submits, follows, reads the result, cleans up.
// It also follows, and fetches the result of, a job that another one submitted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "client/member_node.h"
#include "data/dataset.h"
#include "job/parameters.h"
#include "job/table_scan.h"
#include "steelyard/table_options.h"
#include "transport/transport.h"
#include "wire/cluster_messages.h"
#include "wire/job_messages.h"

namespace steelyard::job {

/// What is to be done. The input is cut by the caller, who may read files.
struct JobPlan {
  TrainParameters parameters;
  TableOptions table;
  std::uint32_t row_floats = 1;  ///< Floats of one of the table's rows.
  std::uint32_t servers_min = 1;
  std::uint32_t slot_count = 1;
  std::uint64_t rows_total = data::kRowsUnknown;
  std::vector<data::Shard> shards;
  std::vector<data::Shard> valid_shards;
  bool detached =
      false;  ///< Leave once the job is accepted; it goes on, and its result waits to be fetched.
  wire::Parameters notes{};  ///< For who fetches it.
};

/// Where the job's news and results go. All are called on the loop; an empty function is skipped.
struct JobEvents {
  /// Refill with sorted keys and whole rows to start from; nothing appended means the end.
  std::function<Status(std::vector<Key>& keys, std::vector<float>& rows)> next_initial_rows;
  std::function<void(const wire::JobStatus&)> on_status;
  /// What it waits for before the job runs: the head, servers, workers; empty when it waits no more.
  std::function<void(const std::string&)> on_waiting;
  /// What it follows, before anything of it comes. An error ends the following.
  std::function<Status(const wire::JobInfo&)> on_info;
  /// Rows come, from the first one on; those of an earlier call are not the result after all.
  std::function<void()> on_first_row;
  /// The trained rows, in key order, in pieces. An error ends the job with it.
  std::function<Status(std::span<const Key> keys, std::span<const float> rows)> on_rows;
  std::function<Status(const std::vector<std::pair<Key, std::string>>&)> on_names;
  /// The last call: everything was handed over, or why not.
  std::function<void(const Status&)> on_end;
};

/// Threads: confined to its loop.
/// Errors:  on_end gets the job's own error (a bad row, a dead node by name), or kUnavailable when the head is gone.
class Submitter : public client::MemberNode {
 public:
  struct Manner {
    /// How long to wait for servers and workers to appear before giving up, naming what is missing.
    runtime::Duration start_max = std::chrono::seconds(30);
    JobId follow = 0;  ///< Follow this job instead of submitting the plan.
    bool fetch =
        false;  ///< Read its result when it is done. It stays with the head until it is cancelled.
  };
  /// @param plan  not looked at when a job is followed.
  Submitter(Options options, Manner manner, JobPlan plan, JobEvents events);

  /// End the job now; on_end gets `why`.
  void Cancel(transport::Transport& transport, const Status& why);
  bool ended() const { return state_ == State::kEnded; }
  /// The job's id once it is known.
  JobId job() const { return job_; }

 private:
  enum class State {
    kJoining,
    kCreating,
    kFinding,
    kAttaching,
    kLoading,
    kSubmitting,
    kFollowing,
    kKeeping,  ///< Reads the best rows so far while the job waits.
    kNames,
    kScanning,
    kEnded
  };

  void Enter(transport::Transport& transport, State state);
  void Ask(transport::Transport& transport);
  void OnBegin(transport::Transport& transport) override;
  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;
  void OnView(transport::Transport& transport, const wire::View& view);
  void OnInfo(transport::Transport& transport, const wire::JobInfo& info);
  void OnClusterStatus(const wire::ClusterStatus& status);
  void OnRefused(transport::Transport& transport, std::uint64_t request_id, const Status& why);
  void Attach(transport::Transport& transport, std::function<void()> then);
  void Waits(const std::string& what);
  void WaitsForHead();
  bool SaysWhatItWaitsFor(runtime::Time now);
  void LoadRows(transport::Transport& transport);
  void OnStatus(transport::Transport& transport, const wire::JobStatus& status);
  void OnNames(transport::Transport& transport, const wire::Names& names);
  void Finish(transport::Transport& transport);
  void SendKept(transport::Transport& transport);
  void StartScan(transport::Transport& transport, State state);
  void EndScan(transport::Transport& transport, const Status& status);
  void End(transport::Transport& transport, const Status& status);

  TableScan scan_;
  Manner manner_;
  JobPlan plan_;
  JobEvents events_;

  State state_ = State::kJoining;
  runtime::Time started_{0};
  runtime::Time asked_at_{0};
  wire::View view_;
  JobId job_ = 0;
  std::string waiting_;  ///< What the head said it waits for.
  std::string servers_;  ///< How many servers there are, as the head said.
  std::string said_;     ///< What on_waiting was told last.
  bool left_ = false;    ///< The job goes on without us.
  runtime::Time heard_of_job_{0};
  std::uint32_t names_index_ = 0;
  std::uint32_t result_pass_ = 0;           ///< Whose rows the job ends with.
  std::uint32_t pass_ = 0;                  ///< Whose rows are read.
  std::optional<std::uint32_t> kept_pass_;  ///< Whose rows were read last.
};

}  // namespace steelyard::job
