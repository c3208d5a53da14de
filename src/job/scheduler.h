// Scheduler: runs jobs on workers: slots, passes, data shards, progress, and what happens when a node dies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coord/membership.h"
#include "coord/tables.h"
#include "job/dbpg_control.h"
#include "job/delay_control.h"
#include "job/owlqn_control.h"
#include "job/parameters.h"
#include "job/row_balance.h"
#include "math/evaluation.h"
#include "runtime/time.h"
#include "wire/cluster_messages.h"
#include "wire/job_messages.h"

namespace steelyard::job {

using coord::Outgoing;

/// A job goes through passes; a pass through phases: train, then validate when there are held-out rows. After the last
/// pass comes the phase finish, in which workers hand in what they kept (names). A phase ends when every slot is done
/// with it, so that all pushes of a training phase are acknowledged before anyone validates.
///
/// A batch solver's job has other phases before these two: load, prepare, then passes over blocks and sweeps as its
/// DbpgControl decides, and dual; or gradients and moves, as its OwlqnControl decides; and between passes a deal, as its
/// RowBalance decides. Each is a pass of its own by number.
///
/// A job of an online solver with a tolerance ends with its best pass: after a validation better than all before, the next pass waits until
/// the submitter has read the rows.
///
/// Every message to or from a worker may be lost: each side repeats what the other has not answered.
///
/// Threads: confined to the head's loop. PURE.
/// Source:  the scheduler of Li et al., OSDI 2014, section 2; messages in docs/protocol.md.
class Scheduler {
 public:
  struct Options {
    /// Say which worker failed: where workers are on several machines, a path alone says too little.
    bool names_workers = false;
    /// Takes a line about each job's beginning and end; may be empty.
    std::function<void(const std::string&)> log;
    /// For jobs with an automatic delay, one policy each.
    std::function<std::unique_ptr<DelayPolicy>()> make_delay_policy = MakeAdaptiveDelay;
  };
  Scheduler(const coord::Membership* members, const coord::Tables* tables, Options options)
      : members_(members), tables_(tables), options_(std::move(options)) {}

  void Submit(NodeId client, std::uint64_t request_id, const wire::JobSubmit& submit,
              std::vector<Outgoing>& out);
  /// End a job, by its submitter or another client. A detached job that is done is given up with its result.
  /// @param request_id  0 asks for no answer; else the job's last JOB_STATUS, or REFUSED, answers.
  void Cancel(NodeId client, std::uint64_t request_id, const wire::JobCancel& cancel,
              std::vector<Outgoing>& out);
  /// Answer with JOB_INFO, and let `client` follow the job.
  void Get(NodeId client, std::uint64_t request_id, const wire::JobGet& get,
           std::vector<Outgoing>& out);
  void OnSlotReady(NodeId worker, const wire::SlotReady& ready, std::vector<Outgoing>& out);
  void OnShardRequest(NodeId worker, const wire::ShardRequest& request, std::vector<Outgoing>& out);
  void OnProgress(NodeId worker, const wire::Progress& progress, std::vector<Outgoing>& out);
  void OnPassDone(NodeId worker, const wire::PassDone& done, std::vector<Outgoing>& out);
  void OnNames(NodeId worker, wire::Names names, std::vector<Outgoing>& out);
  void OnNamesGet(NodeId client, const wire::NamesGet& get, std::vector<Outgoing>& out);
  void OnWorkerFailed(NodeId worker, const wire::WorkerFailed& failed, std::vector<Outgoing>& out);
  void OnKept(NodeId client, const wire::JobKept& kept, std::vector<Outgoing>& out);

  /// A member is gone: its jobs fail with its name.
  void OnDeparture(const coord::Departure& gone, std::vector<Outgoing>& out);

  /// Start jobs that waited for workers, repeat unanswered messages, report progress.
  void OnWake(runtime::Time now, std::vector<Outgoing>& out);
  std::optional<runtime::Time> next_wake() const;

  /// The tables of detached jobs that ended without a result, or whose result was given up, since the last call.
  std::vector<TableId> TakeUnusedTables() { return std::exchange(unused_tables_, {}); }
  /// The streams of jobs that ended since the last call: whoever waits for such a job's group need not wait longer.
  std::vector<StreamId> TakeEndedStreams() { return std::exchange(ended_streams_, {}); }
  /// Every job, by id.
  std::vector<wire::JobSummary> List() const;
  /// The job that a worker has a slot of, or that uses a table, and who submitted it; else 0.
  JobId JobOfWorker(NodeId worker) const;
  JobId JobOfTable(TableId table) const;
  NodeId SubmitterOf(JobId job) const;

  /// So many failed detached jobs are remembered.
  static constexpr std::size_t kFailedMax = 100;

 private:
  struct Slot {
    NodeId worker = 0;
    StreamId stream = 0;
    Session session = 0;
    bool ready = false;
    bool phase_done = false;
    runtime::Time sent_at{0};
    wire::WorkSums work;
    std::vector<wire::ShardSpec> assigned;  ///< The ledger of this phase: index -> shard.
    std::uint32_t names_count = 0;
    wire::BatchSums batch = {};
    std::vector<wire::ShardSpec> held = {};  ///< Of a batch solver, once the rows are loaded.
    RowBalance::Slot load = {};              ///< Likewise; what loading them took.
    RowBalance::Times times = {};            ///< Since the last look at them.
    bool rests = false;  ///< It has given all of its rows away: it takes no part in steps.
  };
  struct Job {
    JobId id = 0;
    NodeId client = 0;  ///< Who submitted it; 0: a detached job's submitter has left.
    std::uint64_t request_id = 0;
    std::set<NodeId> followers;  ///< Who gets its status.
    wire::JobSubmit spec;
    TrainParameters parameters;
    math::LossKind loss = math::LossKind::kLogistic;
    wire::JobStatus status;
    std::vector<Slot> slots;
    DelayControl delay;
    std::size_t next_shard = 0;
    math::Evaluation progressive;
    math::Evaluation valid;
    std::optional<double> best_loss;  ///< As the tolerance counts: smaller gains do not move it.
    std::optional<double> kept_loss;  ///< Of status.kept_pass.
    wire::EvaluationPart kept_valid;
    std::vector<wire::Names> names;
    runtime::Time reported_at{0};
    wire::BatchPlan batch_plan = {};
    // Of a batch solver, once the rows are columns:
    std::optional<DbpgControl> dbpg = {};
    std::optional<OwlqnControl> owlqn = {};
    std::optional<RowBalance> balance = {};    ///< Where rows may move.
    std::vector<RowBalance::Move> moves = {};  ///< To be made before the next pass.
    wire::Phase after_deal = wire::Phase::kBlocks;
    float gradient_max = 0.0F;         ///< owlqn: the last.
    std::uint64_t active_entries = 0;  ///< At features that are not settled.
  };
  static bool Ended(const Job& job);
  Job* FindJob(JobId id);
  const Job* FindJob(JobId id) const;
  /// The slot, if `worker` has it; otherwise tells it that the job has ended.
  Slot* FindSlot(JobId job, std::uint32_t slot, NodeId worker, std::vector<Outgoing>& out);
  void TryStart(Job& job, std::vector<Outgoing>& out);
  void SendAssign(const Job& job, std::size_t slot, std::vector<Outgoing>& out);
  void StartPhase(Job& job, std::uint32_t pass, wire::Phase phase, std::vector<Outgoing>& out);
  void SendPlan(const Job& job, const Slot& slot, std::vector<Outgoing>& out) const;
  void EndPhase(Job& job, std::vector<Outgoing>& out);
  void NextPass(Job& job, std::vector<Outgoing>& out);
  void EndBatchPhase(Job& job, std::vector<Outgoing>& out);
  void ContinueDbpg(Job& job, DbpgControl::Next next, std::vector<Outgoing>& out);
  void BeginOwlqn(Job& job, double objective, std::vector<Outgoing>& out);
  void EndOwlqnPhase(Job& job, double objective, std::vector<Outgoing>& out);
  void ContinueOwlqn(Job& job, OwlqnControl::Next next, std::vector<Outgoing>& out);
  static std::uint32_t BlocksPerSweepStep(const Job& job);
  // Rows that move between workers.
  static void NoteLoad(Job& job);
  static void NoteTimes(wire::Phase phase, Slot& slot);
  static void BeginBalance(Job& job);
  /// A pass is over.
  void Balance(Job& job) const;
  /// Go on with `phase`, which begins a pass; first move what is to be moved.
  void StartPass(Job& job, wire::Phase phase, std::vector<Outgoing>& out);
  void Deal(Job& job, std::vector<Outgoing>& out);
  void EndDeal(Job& job, std::vector<Outgoing>& out);
  /// Of those that take part.
  static const Slot& FirstSlot(const Job& job);
  /// The solver is done: compute the duality gap where there is one, then go on.
  void EndSolve(Job& job, float gradient_max, std::vector<Outgoing>& out);
  void AfterSolve(Job& job, std::vector<Outgoing>& out);
  /// Each worker knows its own bad rows only. False when they are too many together: the job has ended.
  bool CheckBadRows(Job& job, std::vector<Outgoing>& out);
  bool MergePart(Job& job, const wire::PassDone& done, std::vector<Outgoing>& out);
  /// True when the last validation says that more passes would not help.
  bool ShouldStop(Job& job);
  /// True when the pass that was just validated is the best so far of a job that keeps its best.
  bool NoteBest(Job& job);
  void End(Job& job, wire::JobState state, const Status& why, std::vector<Outgoing>& out);
  void Report(Job& job, std::vector<Outgoing>& out);
  /// Forget the oldest of too many failed detached jobs.
  void ForgetFailed();
  void Log(const std::string& text) const {
    if (options_.log) options_.log(text);
  }
  std::string NameOf(NodeId node) const;

  const coord::Membership* members_;
  const coord::Tables* tables_;
  Options options_;
  std::vector<TableId> unused_tables_;
  std::vector<StreamId> ended_streams_;
  std::map<JobId, Job> jobs_;
  JobId next_job_ = 1;
  StreamId next_stream_ = 1;
  Session next_session_ = 1;
  runtime::Time now_{0};
};

/// Steps of a pass start here: a worker that is done with a pass is through all of its steps.
inline constexpr Step FirstStepOfPass(std::uint32_t pass) {
  return static_cast<Step>(pass) << 32;
}

/// The loss that a task trains on.
math::LossKind LossOf(Task task);

}  // namespace steelyard::job
