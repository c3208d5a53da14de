#include "job/scheduler.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "job/evaluation_codec.h"

namespace steelyard::job {
namespace {

using wire::JobState;
using wire::Phase;

constexpr runtime::Duration kResendAfter = std::chrono::milliseconds(250);
constexpr runtime::Duration kReportEvery = std::chrono::milliseconds(100);
/// Names kept for the submitter.
constexpr std::size_t kNameChunksMax = 1 << 20;

/// Does the phase read the rows to learn from?
bool Learns(Phase phase) {
  return phase == Phase::kTrain || phase == Phase::kLoad;
}

/// Is it about the rows that a slot of a batch solver has?
bool Solves(Phase phase) {
  return phase > Phase::kLoad;
}

}  // namespace

math::LossKind LossOf(Task task) {
  switch (task) {
    case Task::kLogistic:
      return math::LossKind::kLogistic;
    case Task::kSquared:
      return math::LossKind::kSquared;
    case Task::kHinge:
      return math::LossKind::kHinge;
    case Task::kSquaredHinge:
      return math::LossKind::kSquaredHinge;
  }
  return math::LossKind::kLogistic;
}

bool Scheduler::Ended(const Job& job) {
  return job.status.state == JobState::kDone || job.status.state == JobState::kFailed;
}

Scheduler::Job* Scheduler::FindJob(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

const Scheduler::Job* Scheduler::FindJob(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

std::string Scheduler::NameOf(NodeId node) const {
  const coord::Member* member = members_->Find(node);
  return member == nullptr ? "node " + std::to_string(node) : member->name();
}

Scheduler::Slot* Scheduler::FindSlot(JobId id, std::uint32_t slot, NodeId worker,
                                     std::vector<Outgoing>& out) {
  Job* job = FindJob(id);
  const bool running = job != nullptr && job->status.state == JobState::kRunning;
  if (running && slot < job->slots.size() && job->slots[slot].worker == worker) {
    return &job->slots[slot];
  }
  // The worker works on what has ended: the JOB_CANCEL that told it so was lost.
  out.push_back({worker, wire::MakeFrame(wire::JobCancel{.job = id, .reason = "it has ended"})});
  return nullptr;
}

void Scheduler::Submit(NodeId client, std::uint64_t request_id, const wire::JobSubmit& submit,
                       std::vector<Outgoing>& out) {
  for (const auto& [id, job] : jobs_) {
    if (job.client == client && job.request_id == request_id) {
      out.push_back({client, wire::MakeFrame(wire::JobAccepted{.job = id}, request_id)});
      return;
    }
  }
  auto parameters = FromPairs(submit.parameters);
  Status wrong = parameters.ok() ? Status() : parameters.status();
  if (const auto view = tables_->ViewOf(submit.table); wrong.ok() && !view.ok())
    wrong = view.status();
  if (!wrong.ok()) {
    out.push_back({client, wire::MakeFrame(wire::Refused::From(wrong), request_id)});
    return;
  }
  Job& job = jobs_[next_job_];
  job.id = job.status.job = next_job_++;
  job.client = client;
  job.request_id = request_id;
  job.followers = {client};
  job.spec = submit;
  job.parameters = std::move(parameters.value());
  job.loss = LossOf(job.parameters.task);
  job.progressive = math::Evaluation(job.loss, /*ranks=*/false);
  out.push_back({client, wire::MakeFrame(wire::JobAccepted{.job = job.id}, request_id)});
  Log("job " + std::to_string(job.id) + " of " + NameOf(client) + ": submitted" +
      (submit.detached ? ", detached" : ""));
  TryStart(job, out);
}

void Scheduler::TryStart(Job& job, std::vector<Outgoing>& out) {
  std::set<NodeId> busy;
  for (const auto& [id, other] : jobs_) {
    if (other.status.state != JobState::kRunning) continue;
    for (const Slot& slot : other.slots) busy.insert(slot.worker);
  }
  std::vector<NodeId> idle;
  for (const coord::Member* worker : members_->Live(wire::Role::kWorker)) {
    if (!busy.contains(worker->id)) idle.push_back(worker->id);
  }
  if (idle.size() < job.spec.slot_count) {
    job.status.message = "waiting for workers: " + std::to_string(idle.size()) + " of " +
                         std::to_string(job.spec.slot_count) + " are free";
    if (!busy.empty())
      job.status.message += ", " + std::to_string(busy.size()) + " work for other jobs";
    return;
  }
  job.status.message.clear();
  job.status.state = JobState::kRunning;
  job.slots.resize(job.spec.slot_count);
  const bool adapts = job.parameters.tau.automatic && job.slots.size() > 1;
  job.delay = DelayControl(job.parameters.tau.steps, job.slots.size(),
                           adapts ? options_.make_delay_policy() : nullptr);
  for (std::size_t i = 0; i < job.slots.size(); ++i) {
    job.slots[i].worker = idle[i];
    job.slots[i].stream = next_stream_++;
    job.slots[i].session = next_session_++;
    SendAssign(job, i, out);
    job.slots[i].sent_at = now_;
  }
}

void Scheduler::SendAssign(const Job& job, std::size_t slot, std::vector<Outgoing>& out) {
  const auto view = tables_->ViewOf(job.spec.table);
  if (!view.ok()) return;  // OnDeparture() ends the job.
  out.push_back({job.slots[slot].worker,
                 wire::MakeFrame(wire::SlotAssign{.job = job.id,
                                                  .slot = static_cast<std::uint32_t>(slot),
                                                  .slot_count = job.spec.slot_count,
                                                  .stream = job.slots[slot].stream,
                                                  .session = job.slots[slot].session,
                                                  .rows_total = job.spec.rows_total,
                                                  .parameters = job.spec.parameters,
                                                  .view = view.value()})});
}

void Scheduler::OnSlotReady(NodeId worker, const wire::SlotReady& ready,
                            std::vector<Outgoing>& out) {
  Slot* slot = FindSlot(ready.job, ready.slot, worker, out);
  if (slot == nullptr || slot->ready || slot->session != ready.session) return;
  slot->ready = true;
  Job& job = *FindJob(ready.job);
  if (!std::ranges::all_of(job.slots, &Slot::ready)) return;
  StartPhase(job, 0, IsBatch(job.parameters.solver) ? Phase::kLoad : Phase::kTrain, out);
}

void Scheduler::StartPhase(Job& job, std::uint32_t pass, Phase phase, std::vector<Outgoing>& out) {
  job.status.pass = pass;
  job.status.phase = phase;
  job.next_shard = 0;
  if (phase == Phase::kTrain) job.delay.BeginPass(FirstStepOfPass(pass));
  if (phase == Phase::kValidate) job.valid = math::Evaluation(job.loss);
  for (Slot& slot : job.slots) {
    slot.phase_done = slot.rests && Solves(phase);
    slot.assigned.clear();
    slot.sent_at = now_;
    if (!slot.phase_done) SendPlan(job, slot, out);
  }
}

void Scheduler::SendPlan(const Job& job, const Slot& slot, std::vector<Outgoing>& out) const {
  wire::BatchPlan batch = job.batch_plan;
  batch.slot_count = static_cast<std::uint32_t>(
      std::ranges::count(job.slots, false, [](const Slot& other) { return other.rests; }));
  batch.shards_kept = static_cast<std::uint32_t>(slot.held.size());
  out.push_back(
      {slot.worker, wire::MakeFrame(wire::PassPlan{.job = job.id,
                                                   .pass = job.status.pass,
                                                   .phase = job.status.phase,
                                                   .first_step = FirstStepOfPass(job.status.pass),
                                                   .decision = job.delay.decision(),
                                                   .tau = job.delay.tau(),
                                                   .batch = std::move(batch)})});
}

void Scheduler::OnShardRequest(NodeId worker, const wire::ShardRequest& request,
                               std::vector<Outgoing>& out) {
  Slot* slot = FindSlot(request.job, request.slot, worker, out);
  if (slot == nullptr) return;
  Job& job = *FindJob(request.job);
  if (request.pass != job.status.pass || request.phase != job.status.phase ||
      request.index > slot->assigned.size()) {
    return;  // Of an earlier phase.
  }
  const auto& shards = request.phase == Phase::kValidate ? job.spec.valid_shards : job.spec.shards;
  const bool shared = !shards.empty() && shards.front().byte_count == data::kSharedStream;
  // Rows that stay with a slot are dealt out, so that every run gives every slot the same; likewise where every step's
  // sum is to have the same bits.
  const bool dealt = request.phase == Phase::kLoad || job.parameters.aggregate;
  const std::size_t next = shared  ? slot->assigned.size()
                           : dealt ? request.slot + slot->assigned.size() * job.slots.size()
                                   : job.next_shard;
  const bool grows = request.phase != Phase::kDeal;  // There, it is known before.
  if (grows && request.index == slot->assigned.size() && next < shards.size()) {
    slot->assigned.push_back(shards[next]);
    if (!shared && !dealt) ++job.next_shard;
  }
  wire::ShardAssign assign{.job = job.id,
                           .pass = request.pass,
                           .phase = request.phase,
                           .index = request.index,
                           .end = true,
                           .shard = {}};
  if (request.index < slot->assigned.size()) {
    assign.end = false;
    assign.shard = slot->assigned[request.index];
  }
  out.push_back({worker, wire::MakeFrame(assign)});
}

void Scheduler::OnProgress(NodeId worker, const wire::Progress& progress,
                           std::vector<Outgoing>& out) {
  Slot* slot = FindSlot(progress.job, progress.slot, worker, out);
  if (slot == nullptr) return;
  const wire::JobStatus& status = FindJob(progress.job)->status;
  const bool current = status.pass == progress.pass && Learns(status.phase);
  if (!current || slot->phase_done) return;
  slot->work = progress.work;
  Job& job = *FindJob(progress.job);
  if (!CheckBadRows(job, out)) return;
  const auto decide = job.delay.OnProgress(progress);
  if (decide) out.push_back({worker, wire::MakeFrame(*decide)});
}

bool Scheduler::CheckBadRows(Job& job, std::vector<Outgoing>& out) {
  const BadRowsLimit& limit = job.parameters.bad_rows_max;
  const bool counted = job.spec.rows_total != data::kRowsUnknown;
  if (limit.percent > 0 && !counted) return true;  // Workers judge a stream at its end.
  std::uint64_t bad_rows = 0;
  for (const Slot& slot : job.slots) bad_rows += slot.work.bad_rows;
  const double share = counted ? limit.percent / 100 * static_cast<double>(job.spec.rows_total) : 0;
  const std::uint64_t allowed = std::max(limit.rows, static_cast<std::uint64_t>(share));
  if (bad_rows <= allowed) return true;
  End(job, JobState::kFailed,
      Status(StatusCode::kBadData,
             "the workers found " + std::to_string(bad_rows) + " bad rows; --bad-rows-max allows " +
                 std::to_string(allowed) + " (one worker names the row that is too much)"),
      out);
  return false;
}

void Scheduler::OnPassDone(NodeId worker, const wire::PassDone& done, std::vector<Outgoing>& out) {
  Slot* slot = FindSlot(done.job, done.slot, worker, out);
  if (slot == nullptr || slot->phase_done) return;
  Job& job = *FindJob(done.job);
  if (done.pass != job.status.pass || done.phase != job.status.phase) return;
  slot->phase_done = true;
  slot->work = done.work;
  slot->batch = done.batch;
  if (Learns(done.phase) && !CheckBadRows(job, out)) return;
  if (!MergePart(job, done, out)) return;
  if (std::ranges::all_of(job.slots, &Slot::phase_done)) EndPhase(job, out);
}

bool Scheduler::MergePart(Job& job, const wire::PassDone& done, std::vector<Outgoing>& out) {
  const bool train = done.phase == Phase::kTrain;
  if (done.phase != Phase::kValidate && !train) return true;
  if (train && done.pass > 0) return true;
  const auto part = FromWire(done.evaluation, job.loss, /*ranks=*/!train);
  if (!part.ok()) {
    End(job, JobState::kFailed, part.status(), out);
    return false;
  }
  (train ? job.progressive : job.valid).Merge(part.value());
  return true;
}

void Scheduler::EndPhase(Job& job, std::vector<Outgoing>& out) {
  switch (job.status.phase) {
    case Phase::kTrain:
      if (job.status.pass == 0) job.status.progressive = ToWire(job.progressive);
      for (Slot& slot : job.slots) {
        job.status.earlier.Add(slot.work);
        slot.work = {};
      }
      if (job.parameters.has_validation())
        return StartPhase(job, job.status.pass, Phase::kValidate, out);
      return NextPass(job, out);
    case Phase::kValidate:
      job.status.has_valid = true;
      job.status.valid = ToWire(job.valid);
      if (IsBatch(job.parameters.solver))
        return StartPhase(job, job.status.pass + 1, Phase::kFinish, out);
      return NextPass(job, out);
    case Phase::kFinish:
      if (job.kept_loss) job.status.valid = job.kept_valid;
      return End(job, JobState::kDone, {}, out);
    case Phase::kLoad:
    case Phase::kPrepare:
    case Phase::kBlocks:
    case Phase::kCertify:
    case Phase::kDual:
    case Phase::kSearch:
    case Phase::kMove:
    case Phase::kGradient:
    case Phase::kDeal:
      return EndBatchPhase(job, out);
  }
}

bool Scheduler::ShouldStop(Job& job) {
  if (job.parameters.tolerance <= 0 || !job.status.has_valid) return false;
  const auto loss = job.valid.mean_loss();
  if (!loss) return false;
  const bool improved = !job.best_loss || *loss < *job.best_loss * (1 - job.parameters.tolerance);
  if (improved) job.best_loss = loss;
  return !improved;
}

bool Scheduler::NoteBest(Job& job) {
  const bool keeps_best = job.parameters.tolerance > 0 && job.status.has_valid;
  const auto loss = keeps_best ? job.valid.mean_loss() : std::nullopt;
  const bool best = loss && std::isfinite(*loss) && (!job.kept_loss || *loss < *job.kept_loss);
  if (best || !job.kept_loss) job.status.kept_pass = job.status.pass;
  if (!best) return false;
  job.kept_loss = loss;
  job.kept_valid = job.status.valid;
  return true;
}

void Scheduler::NextPass(Job& job, std::vector<Outgoing>& out) {
  const bool last = job.status.pass + 1 >= job.parameters.passes;
  job.status.stopped_early = ShouldStop(job) && !last;
  const bool best = NoteBest(job);
  if (last || job.status.stopped_early) {
    return StartPhase(job, job.status.pass, Phase::kFinish, out);
  }
  if (!best) return StartPhase(job, job.status.pass + 1, Phase::kTrain, out);
  job.status.keep = true;
  Report(job, out);
}

void Scheduler::OnKept(NodeId client, const wire::JobKept& kept, std::vector<Outgoing>& out) {
  Job* job = FindJob(kept.job);
  const bool awaited = job != nullptr && job->client == client &&
                       job->status.state == JobState::kRunning && job->status.keep &&
                       job->status.pass == kept.pass;
  if (!awaited) return;  // A repeat.
  job->status.keep = false;
  StartPhase(*job, kept.pass + 1, Phase::kTrain, out);
}

void Scheduler::OnNames(NodeId worker, wire::Names names, std::vector<Outgoing>& out) {
  Slot* slot = FindSlot(names.job, names.slot, worker, out);
  if (slot == nullptr || names.index > slot->names_count) return;
  out.push_back({worker, wire::MakeFrame(wire::NamesAck{
                             .job = names.job, .slot = names.slot, .index = names.index})});
  Job& job = *FindJob(names.job);
  if (names.index < slot->names_count || job.names.size() >= kNameChunksMax) return;  // A repeat.
  ++slot->names_count;
  names.index = static_cast<std::uint32_t>(job.names.size());
  names.slot = 0;
  job.names.push_back(std::move(names));
}

void Scheduler::OnWorkerFailed(NodeId worker, const wire::WorkerFailed& failed,
                               std::vector<Outgoing>& out) {
  if (FindSlot(failed.job, failed.slot, worker, out) == nullptr) return;
  const std::string who = options_.names_workers ? " (" + NameOf(worker) + ")" : "";
  End(*FindJob(failed.job), JobState::kFailed,
      Status(failed.code, failed.message + who, failed.where), out);
}

void Scheduler::OnDeparture(const coord::Departure& gone, std::vector<Outgoing>& out) {
  for (auto& [id, job] : jobs_) {
    job.followers.erase(gone.member.id);
    if (Ended(job)) continue;
    const bool works = std::ranges::any_of(
        job.slots, [&](const Slot& slot) { return slot.worker == gone.member.id; });
    const auto view = tables_->ViewOf(job.spec.table);
    if (works) {
      End(job, JobState::kFailed, gone.why, out);
    } else if (job.client == gone.member.id && !job.spec.detached) {  // Its table goes as well.
      End(job, JobState::kFailed,
          Status(StatusCode::kCancelled, "its submitter is gone: " + gone.why.message(),
                 gone.why.where()),
          out);
    } else if (!view.ok()) {
      End(job, JobState::kFailed, view.status(), out);
    }
  }
  std::erase_if(jobs_, [&](const auto& entry) {
    return entry.second.client == gone.member.id && !entry.second.spec.detached;
  });
  for (auto& [id, job] : jobs_) {
    if (job.client == gone.member.id) job.client = 0;
  }
  ForgetFailed();
}

void Scheduler::End(Job& job, JobState state, const Status& why, std::vector<Outgoing>& out) {
  job.status.state = state;
  job.status.code = why.code();
  job.status.message = why.message();
  job.status.where = why.where();
  Log("job " + std::to_string(job.id) + ": " +
      (why.ok() ? std::string("done") : "failed: " + why.ToString()));
  if (job.spec.detached && state == JobState::kFailed) unused_tables_.push_back(job.spec.table);
  for (const Slot& slot : job.slots) {
    ended_streams_.push_back(slot.stream);
    if (members_->Find(slot.worker) == nullptr) continue;
    out.push_back(
        {slot.worker, wire::MakeFrame(wire::JobCancel{.job = job.id, .reason = why.ToString()})});
  }
  Report(job, out);
}

void Scheduler::Report(Job& job, std::vector<Outgoing>& out) {
  job.reported_at = now_;
  job.status.work = {};
  for (const Slot& slot : job.slots) job.status.work.Add(slot.work);
  job.status.delays = job.delay.choices();
  for (const NodeId follower : job.followers)
    out.push_back({follower, wire::MakeFrame(job.status)});
}

void Scheduler::OnWake(runtime::Time now, std::vector<Outgoing>& out) {
  now_ = now;
  for (auto& [id, job] : jobs_) {
    if (job.status.state == JobState::kWaiting) TryStart(job, out);
    if (job.status.state == JobState::kRunning) {
      const bool starting = !std::ranges::all_of(job.slots, &Slot::ready);
      for (std::size_t i = 0; i < job.slots.size(); ++i) {
        Slot& slot = job.slots[i];
        if (now < slot.sent_at + kResendAfter) continue;
        slot.sent_at = now;
        if (!slot.ready) SendAssign(job, i, out);
        if (!starting && !slot.phase_done) SendPlan(job, slot, out);
      }
    }
    if (now >= job.reported_at + kReportEvery) Report(job, out);
  }
}

std::optional<runtime::Time> Scheduler::next_wake() const {
  if (jobs_.empty()) return std::nullopt;
  runtime::Time next = runtime::Time::max();
  for (const auto& [id, job] : jobs_) next = std::min(next, job.reported_at + kReportEvery);
  return next;
}

}  // namespace steelyard::job
