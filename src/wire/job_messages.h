// Job messages: submitting, assigning slots and data shards, passes, progress. docs/protocol.md lists every byte.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "wire/batch_messages.h"
#include "wire/control_messages.h"
#include "wire/message_codec.h"
#include "wire/staleness.h"

namespace steelyard::wire {

/// A part of the input, as data::Shard.
struct ShardSpec {
  std::uint32_t file = 0;
  std::uint64_t first_byte = 0;
  std::uint64_t byte_count = 0;
  std::uint64_t first_row = 0;
  std::uint64_t row_count = 0;
  template <typename V>
  void Fields(V& v) {
    v(file, first_byte, byte_count, first_row, row_count);
  }
  bool operator==(const ShardSpec&) const = default;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Run a job on an existing table. The submitter cut the input: the scheduler reads no files.
struct JobSubmit {
  static constexpr MessageType kType = MessageType::kJobSubmit;
  Parameters parameters;
  TableId table = 0;
  std::uint32_t slot_count = 0;
  std::uint64_t rows_total = 0;  ///< Of the training input; ~0 when unknown.
  std::vector<ShardSpec> shards;
  std::vector<ShardSpec> valid_shards;
  bool detached =
      false;  ///< It goes on without its submitter, and is kept until it is fetched or cancelled.
  Parameters notes;  ///< For who fetches the result; the head does not read them.
  template <typename V>
  void Fields(V& v) {
    v(parameters, table, slot_count, rows_total, shards, valid_shards, detached, notes);
  }
  Status Check() const;
};

struct JobAccepted {
  static constexpr MessageType kType = MessageType::kJobAccepted;
  JobId job = 0;
  template <typename V>
  void Fields(V& v) {
    v(job);
  }
  Status Check() const { return {}; }
};

/// Additive figures of predictions against labels, as math::Evaluation holds them.
struct EvaluationPart {
  std::uint64_t rows = 0;
  std::uint64_t nan_rows = 0;
  double weight = 0;
  double loss = 0;
  double squared_error = 0;
  double correct_weight = 0;
  double label = 0;
  double prediction = 0;
  std::uint32_t shift = 0;
  std::vector<std::uint32_t> scores;
  std::vector<double> positive;
  std::vector<double> negative;
  template <typename V>
  void Fields(V& v) {
    v(rows, nan_rows, weight, loss, squared_error, correct_weight, label, prediction, shift, scores,
      positive, negative);
  }
};

/// What the stages of a minibatch took, summed; 0 where the process cannot tell.
struct StageSums {
  std::uint64_t parse_ns = 0;  ///< Processor time of reading and parsing.
  std::uint64_t localise_ns =
      0;  ///< Processor time of cutting minibatches and finding their distinct keys.
  std::uint64_t pull_ns =
      0;  ///< From each pull to its rows; pulls that run ahead overlap with the rest.
  std::uint64_t compute_ns = 0;  ///< Processor time of learning.
  std::uint64_t push_ns = 0;     ///< From each push to its acknowledgement; overlaps likewise.
  template <typename V>
  void Fields(V& v) {
    v(parse_ns, localise_ns, pull_ns, compute_ns, push_ns);
  }
  void Add(const StageSums& other);
};

/// What a filter was given and what it left (docs/filters.md).
struct FilterSums {
  std::string name;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  template <typename V>
  void Fields(V& v) {
    v(name, bytes_before, bytes_after);
  }
};

/// What one slot (or all of them) did so far in a pass.
struct WorkSums {
  std::uint64_t rows = 0;
  std::uint64_t bad_rows = 0;
  std::uint64_t minibatches = 0;
  std::uint64_t nonzeros = 0;
  double loss_sum = 0;
  double weight_sum = 0;
  std::uint64_t pushed_bytes = 0;
  std::uint64_t pulled_bytes = 0;
  std::uint64_t before_filters_bytes = 0;  ///< What both would be without filters.
  std::uint64_t idle_ns = 0;               ///< Time the compute had nothing to do.
  std::uint64_t read_ns = 0;               ///< Time spent reading and parsing.
  std::uint64_t busy_ns = 0;               ///< Time spent computing.
  std::uint64_t peak_memory_bytes = 0;
  StageSums stages = {};
  StalenessSums staleness = {};  ///< Of the pulls of training; empty where a worker is alone.
  std::vector<FilterSums> filters = {};
  template <typename V>
  void Fields(V& v) {
    v(rows, bad_rows, minibatches, nonzeros, loss_sum, weight_sum, pushed_bytes, pulled_bytes,
      before_filters_bytes, idle_ns, read_ns, busy_ns, peak_memory_bytes, stages, staleness,
      filters);
  }
  /// Add another slot's sums.
  void Add(const WorkSums& other);
};

/// From this step on workers may be so many steps ahead of the slowest.
struct DelayChoice {
  Step from_step = 0;
  Step tau = 0;
  template <typename V>
  void Fields(V& v) {
    v(from_step, tau);
  }
  bool operator==(const DelayChoice&) const = default;
};

enum class JobState : std::uint8_t { kWaiting = 0, kRunning = 1, kDone = 2, kFailed = 3 };
enum class Phase : std::uint8_t {
  kTrain = 0,
  kValidate = 1,
  kFinish = 2,
  // Of batch solvers:
  kLoad = 3,       ///< Read all rows and count their keys.
  kPrepare = 4,    ///< Fix the keys, turn rows into columns, measure the objective.
  kBlocks = 5,     ///< A pass over the blocks of features.
  kCertify = 6,    ///< A sweep over all features at weights that rest.
  kDual = 7,       ///< Compute the dual value.
  kSearch = 8,     ///< The objective along what the last passes changed.
  kMove = 9,       ///< Go to a trial point of the line search.
  kGradient = 10,  ///< Measure the gradient at the trial point, which is accepted.
  kDeal = 11,      ///< Between passes: give shards away, take others over.
};
constexpr bool IsPhase(Phase phase) {
  return phase <= Phase::kDeal;
}
const char* PhaseName(Phase phase);

/// Head to submitter: on every change and a few times a second.
struct JobStatus {
  static constexpr MessageType kType = MessageType::kJobStatus;
  JobId job = 0;
  JobState state = JobState::kWaiting;
  Phase phase = Phase::kTrain;
  std::uint32_t pass = 0;
  WorkSums work;               ///< Of the current pass.
  WorkSums earlier;            ///< Of all passes before.
  EvaluationPart progressive;  ///< Of the first pass; complete once it is over.
  bool has_valid = false;
  EvaluationPart valid;  ///< Of the last validation; once the job is done, of kept_pass.
  bool stopped_early = false;
  /// The table rests after its best pass so far: the submitter reads it and answers JOB_KEPT before the next pass.
  bool keep = false;
  std::uint32_t kept_pass =
      0;  ///< Whose rows are the job's result: the last pass, or the best one.
  StatusCode code = StatusCode::kOk;
  std::string message;  ///< Why it failed, or whom it waits for.
  std::string where;
  std::vector<DelayChoice> delays;  ///< The first delay and every change.
  BatchStatus batch = {};
  template <typename V>
  void Fields(V& v) {
    v(job, state, phase, pass, work, earlier, progressive, has_valid, valid, stopped_early, keep,
      kept_pass, code, message, where, delays, batch);
  }
  Status Check() const;
};

/// Submitter to head: the rows of this pass are in my hands; go on.
struct JobKept {
  static constexpr MessageType kType = MessageType::kJobKept;
  JobId job = 0;
  std::uint32_t pass = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, pass);
  }
  Status Check() const { return {}; }
};

/// Submitter to head: stop this job. Head to worker: leave it.
struct JobCancel {
  static constexpr MessageType kType = MessageType::kJobCancel;
  JobId job = 0;
  std::string reason;
  template <typename V>
  void Fields(V& v) {
    v(job, reason);
  }
  Status Check() const { return {}; }
};

/// Client to head: tell me about this job, now (JOB_INFO) and as it goes on (JOB_STATUS).
struct JobGet {
  static constexpr MessageType kType = MessageType::kJobGet;
  JobId job = 0;
  template <typename V>
  void Fields(V& v) {
    v(job);
  }
  Status Check() const { return {}; }
};

struct JobInfo {
  static constexpr MessageType kType = MessageType::kJobInfo;
  JobId job = 0;
  bool detached = false;
  Parameters parameters;
  Parameters notes;
  View view;
  template <typename V>
  void Fields(V& v) {
    v(job, detached, parameters, notes, view);
  }
  Status Check() const { return view.Check(); }
};

/// Head to worker: you are this slot of the job.
struct SlotAssign {
  static constexpr MessageType kType = MessageType::kSlotAssign;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t slot_count = 0;
  StreamId stream = 0;
  Session session = 0;
  std::uint64_t rows_total = 0;
  Parameters parameters;
  View view;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, slot_count, stream, session, rows_total, parameters, view);
  }
  Status Check() const;
};

/// Worker to head: input opened, streams open.
struct SlotReady {
  static constexpr MessageType kType = MessageType::kSlotReady;
  JobId job = 0;
  std::uint32_t slot = 0;
  Session session = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, session);
  }
  Status Check() const { return {}; }
};

/// Head to worker: do this phase of this pass; steps count up from first_step.
struct PassPlan {
  static constexpr MessageType kType = MessageType::kPassPlan;
  JobId job = 0;
  std::uint32_t pass = 0;
  Phase phase = Phase::kTrain;
  Step first_step = 0;
  std::uint32_t decision = 0;  ///< Number of the last DECIDE, whose delay this is.
  Step tau = 0;
  BatchPlan batch = {};
  template <typename V>
  void Fields(V& v) {
    v(job, pass, phase, first_step, decision, tau, batch);
  }
  Status Check() const;
};

/// Head to worker: another delay, from this step on, or from the next one where that has passed. Repeated until PROGRESS
/// has its number.
struct Decide {
  static constexpr MessageType kType = MessageType::kDecide;
  JobId job = 0;
  std::uint32_t decision = 0;  ///< Counts up; the highest holds.
  Step from_step = 0;
  Step tau = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, decision, from_step, tau);
  }
  Status Check() const;
  bool operator==(const Decide&) const = default;
};

/// Worker to head: the index-th shard that I ask for in this phase (a repeated request gets the same answer).
struct ShardRequest {
  static constexpr MessageType kType = MessageType::kShardRequest;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t pass = 0;
  Phase phase = Phase::kTrain;
  std::uint32_t index = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, pass, phase, index);
  }
  Status Check() const;
};

struct ShardAssign {
  static constexpr MessageType kType = MessageType::kShardAssign;
  JobId job = 0;
  std::uint32_t pass = 0;
  Phase phase = Phase::kTrain;
  std::uint32_t index = 0;
  bool end = false;  ///< No shard is left for this slot.
  ShardSpec shard;
  template <typename V>
  void Fields(V& v) {
    v(job, pass, phase, index, end, shard);
  }
  Status Check() const;
};

/// Worker to head, a few times a second: replaces the slot's earlier sums, never adds to them.
struct Progress {
  static constexpr MessageType kType = MessageType::kProgress;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t pass = 0;
  WorkSums work;
  Step next_step = 0;          ///< Of the next pull.
  std::uint32_t decision = 0;  ///< The last that it knows.
  template <typename V>
  void Fields(V& v) {
    v(job, slot, pass, work, next_step, decision);
  }
  Status Check() const { return work.staleness.Check(); }
};

/// Worker to head: the phase is over here and every push of it is acknowledged. Repeated until the next PASS_PLAN.
struct PassDone {
  static constexpr MessageType kType = MessageType::kPassDone;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t pass = 0;
  Phase phase = Phase::kTrain;
  WorkSums work;
  EvaluationPart evaluation;  ///< kTrain: progressive; kValidate: held-out rows.
  BatchSums batch = {};
  template <typename V>
  void Fields(V& v) {
    v(job, slot, pass, phase, work, evaluation, batch);
  }
  Status Check() const;
};

/// Names of keys (--keep-names), in chunks counted from 0. Worker to head, which answers NAMES_ACK; and head to submitter
/// (slot 0, all slots' chunks in one count), which asks for each by NAMES_GET.
struct Names {
  static constexpr MessageType kType = MessageType::kNames;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t index = 0;
  bool last = false;
  std::vector<std::pair<Key, std::string>> names;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, index, last, names);
  }
  Status Check() const { return {}; }
};

struct NamesAck {
  static constexpr MessageType kType = MessageType::kNamesAck;
  JobId job = 0;
  std::uint32_t slot = 0;
  std::uint32_t index = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, index);
  }
  Status Check() const { return {}; }
};
struct NamesGet {
  static constexpr MessageType kType = MessageType::kNamesGet;
  JobId job = 0;
  std::uint32_t index = 0;
  template <typename V>
  void Fields(V& v) {
    v(job, index);
  }
  Status Check() const { return {}; }
};

/// Worker to head: this slot cannot go on (bad data, dead server); the job fails with this status.
struct WorkerFailed {
  static constexpr MessageType kType = MessageType::kWorkerFailed;
  JobId job = 0;
  std::uint32_t slot = 0;
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::string where;
  template <typename V>
  void Fields(V& v) {
    v(job, slot, code, message, where);
  }
  Status Check() const;
};

}  // namespace steelyard::wire
