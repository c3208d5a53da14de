// The scheduler as clients see it: what they may ask of jobs, theirs and others'.
#include <algorithm>

#include "job/scheduler.h"

namespace steelyard::job {

using wire::JobState;

void Scheduler::Cancel(NodeId client, std::uint64_t request_id, const wire::JobCancel& cancel,
                       std::vector<Outgoing>& out) {
  const coord::Member* member = members_->Find(client);
  if (member == nullptr || member->role != wire::Role::kClient) return;
  Job* job = FindJob(cancel.job);
  if (job == nullptr) {
    if (request_id != 0) {
      const Status unknown(StatusCode::kNotFound, "there is no job " + std::to_string(cancel.job));
      out.push_back({client, wire::MakeFrame(wire::Refused::From(unknown), request_id)});
    }
    return;
  }
  const bool done = job->status.state == JobState::kDone;
  if (!Ended(*job))
    End(*job, JobState::kFailed, Status(StatusCode::kCancelled, cancel.reason), out);
  if (request_id != 0) out.push_back({client, wire::MakeFrame(job->status, request_id)});
  if (job->spec.detached) {
    if (!done) return;  // What became of it stays known for a while.
    unused_tables_.push_back(job->spec.table);
    jobs_.erase(cancel.job);
  } else if (job->client == client) {
    jobs_.erase(cancel.job);
  }
}

void Scheduler::Get(NodeId client, std::uint64_t request_id, const wire::JobGet& get,
                    std::vector<Outgoing>& out) {
  Job* job = FindJob(get.job);
  Status wrong;
  wire::JobInfo info{.job = get.job, .parameters = {}, .notes = {}, .view = {}};
  if (job == nullptr) {
    wrong = Status(StatusCode::kNotFound, "there is no job " + std::to_string(get.job));
  } else if (job->status.state == JobState::kFailed) {
    wrong = Status(job->status.code, job->status.message, job->status.where);
  } else if (auto view = tables_->ViewOf(job->spec.table); view.ok()) {
    info.view = std::move(view.value());
  } else {
    wrong = view.status();
  }
  if (!wrong.ok()) {
    out.push_back({client, wire::MakeFrame(wire::Refused::From(wrong), request_id)});
    return;
  }
  info.detached = job->spec.detached;
  info.parameters = job->spec.parameters;
  info.notes = job->spec.notes;
  job->followers.insert(client);
  out.push_back({client, wire::MakeFrame(info, request_id)});
}

void Scheduler::ForgetFailed() {
  std::size_t failed = 0;
  for (auto at = jobs_.rbegin(); at != jobs_.rend(); ++at) {
    const Job& job = at->second;
    if (!job.spec.detached || job.status.state != JobState::kFailed || job.client != 0) continue;
    if (++failed <= kFailedMax) continue;
    jobs_.erase(at->first);
    return;  // One at a time comes, one at a time goes.
  }
}

std::vector<wire::JobSummary> Scheduler::List() const {
  std::vector<wire::JobSummary> list;
  for (const auto& [id, job] : jobs_) {
    const std::string& where = job.status.where;
    list.push_back(
        {.job = id,
         .state = job.status.state,
         .phase = job.status.phase,
         .pass = job.status.pass,
         .passes = static_cast<std::uint32_t>(job.parameters.passes),
         .slots = job.spec.slot_count,
         .rows = job.status.earlier.rows + job.status.work.rows,
         .detached = job.spec.detached,
         .submitter = job.client == 0 ? std::string() : NameOf(job.client),
         .message = where.empty() ? job.status.message : where + ": " + job.status.message,
         .batch = job.status.batch});
  }
  return list;
}

JobId Scheduler::JobOfWorker(NodeId worker) const {
  for (const auto& [id, job] : jobs_) {
    if (job.status.state != JobState::kRunning) continue;
    if (std::ranges::any_of(job.slots, [&](const Slot& slot) { return slot.worker == worker; }))
      return id;
  }
  return 0;
}

JobId Scheduler::JobOfTable(TableId table) const {
  for (const auto& [id, job] : jobs_) {
    if (job.spec.table == table && job.status.state != JobState::kFailed) return id;
  }
  return 0;
}

NodeId Scheduler::SubmitterOf(JobId id) const {
  const Job* job = FindJob(id);
  return job == nullptr ? 0 : job->client;
}

void Scheduler::OnNamesGet(NodeId client, const wire::NamesGet& get, std::vector<Outgoing>& out) {
  const Job* job = FindJob(get.job);
  if (job == nullptr || !job->followers.contains(client)) return;
  wire::Names answer{.job = get.job, .slot = 0, .index = get.index, .last = true, .names = {}};
  if (get.index < job->names.size()) {
    answer = job->names[get.index];
    answer.last = get.index + 1 == job->names.size();
  }
  out.push_back({client, wire::MakeFrame(answer)});
}

}  // namespace steelyard::job
