#include "wire/job_messages.h"

#include <algorithm>

namespace steelyard::wire {
namespace {

constexpr std::uint32_t kSlotsMax = 65'536;

Status Wrong(std::string what) {
  return Status(StatusCode::kCorruption, std::move(what));
}

Status CheckPhase(Phase phase) {
  return IsPhase(phase) ? Status() : Wrong("unknown phase");
}

Status CheckDelay(Step tau) {
  return tau < 0 ? Wrong("delay " + std::to_string(tau)) : Status();
}

Status CheckPart(const EvaluationPart& part) {
  if (part.positive.size() != part.scores.size() || part.negative.size() != part.scores.size()) {
    return Wrong("evaluation arrays differ in length");
  }
  return {};
}

}  // namespace

const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kTrain:
      return "training";
    case Phase::kValidate:
      return "validating";
    case Phase::kFinish:
      return "finishing";
    case Phase::kLoad:
      return "reading";
    case Phase::kPrepare:
      return "preparing";
    case Phase::kBlocks:
    case Phase::kSearch:
    case Phase::kMove:
    case Phase::kGradient:
      return "solving";
    case Phase::kCertify:
    case Phase::kDual:
      return "certifying";
    case Phase::kDeal:
      return "moving rows";
  }
  return "working";
}

void StageSums::Add(const StageSums& other) {
  parse_ns += other.parse_ns;
  localise_ns += other.localise_ns;
  pull_ns += other.pull_ns;
  compute_ns += other.compute_ns;
  push_ns += other.push_ns;
}

void WorkSums::Add(const WorkSums& other) {
  rows += other.rows;
  bad_rows += other.bad_rows;
  minibatches += other.minibatches;
  nonzeros += other.nonzeros;
  loss_sum += other.loss_sum;
  weight_sum += other.weight_sum;
  pushed_bytes += other.pushed_bytes;
  pulled_bytes += other.pulled_bytes;
  before_filters_bytes += other.before_filters_bytes;
  idle_ns += other.idle_ns;
  read_ns += other.read_ns;
  busy_ns += other.busy_ns;
  peak_memory_bytes += other.peak_memory_bytes;
  stages.Add(other.stages);
  staleness.Add(other.staleness);
  for (const FilterSums& more : other.filters) {
    auto sums = std::ranges::find(filters, more.name, &FilterSums::name);
    if (sums == filters.end()) sums = filters.insert(filters.end(), {.name = more.name});
    sums->bytes_before += more.bytes_before;
    sums->bytes_after += more.bytes_after;
  }
}

Status JobSubmit::Check() const {
  if (slot_count == 0 || slot_count > kSlotsMax)
    return Wrong("slot count " + std::to_string(slot_count));
  if (shards.empty()) return Wrong("no shards");
  return {};
}

Status JobStatus::Check() const {
  if (state > JobState::kFailed) return Wrong("unknown job state");
  if (code > StatusCode::kCancelled) return Wrong("unknown status code");
  SY_RETURN_IF_ERROR(CheckPart(progressive));
  SY_RETURN_IF_ERROR(CheckPart(valid));
  SY_RETURN_IF_ERROR(work.staleness.Check());
  SY_RETURN_IF_ERROR(earlier.staleness.Check());
  return CheckPhase(phase);
}

Status SlotAssign::Check() const {
  if (slot_count == 0 || slot_count > kSlotsMax || slot >= slot_count)
    return Wrong("slot out of range");
  if (session == 0) return Wrong("session is zero");
  return view.Check();
}

Status PassPlan::Check() const {
  SY_RETURN_IF_ERROR(CheckDelay(tau));
  SY_RETURN_IF_ERROR(batch.Check());
  return CheckPhase(phase);
}
Status Decide::Check() const {
  return CheckDelay(tau);
}
Status ShardRequest::Check() const {
  return CheckPhase(phase);
}
Status ShardAssign::Check() const {
  return CheckPhase(phase);
}

Status PassDone::Check() const {
  SY_RETURN_IF_ERROR(CheckPart(evaluation));
  SY_RETURN_IF_ERROR(work.staleness.Check());
  return CheckPhase(phase);
}

Status WorkerFailed::Check() const {
  if (code == StatusCode::kOk || code > StatusCode::kCancelled) return Wrong("not an error code");
  return {};
}

}  // namespace steelyard::wire
