#include "client/member_tasks.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace steelyard::client {

using transport::Transport;

Step MemberTasks::Member::through() const {
  return unsent.empty() ? complete : std::min(complete, *unsent.begin() - 1);
}

void MemberTasks::Begin(TableId table, JobId group, Step first_step) {
  members_[table] = {
      .group = group, .complete = first_step - 1, .unsent = {}, .announced = first_step - 1};
}

Result<Step> MemberTasks::WaitsForEarlier(const TaskSpec& spec) const {
  Step waits_for = wire::kNoGate;
  for (const TaskId before : spec.after) {
    if (before >= spec.id) {
      return Status(StatusCode::kInvalidArgument, "task " + std::to_string(spec.id) + " of step " +
                                                      std::to_string(spec.step) +
                                                      " waits for task " + std::to_string(before) +
                                                      ", which is not an earlier one");
    }
    const auto found = waits_for_.find(before);
    if (found != waits_for_.end()) waits_for = std::max(waits_for, found->second);
  }
  return waits_for;
}

Result<Step> MemberTasks::WaitsFor(const Member& member, const TaskSpec& spec, bool push) const {
  const auto refuse = [&](const std::string& why) {
    return Status(StatusCode::kInvalidArgument, "task " + std::to_string(spec.id) + " of step " +
                                                    std::to_string(spec.step) + " " + why);
  };
  Step waits_for = wire::kNoGate;
  if (spec.gate) {
    const bool own = spec.gate->group == 0 || spec.gate->group == member.group;
    if (own && member.group == 0) return refuse("waits for a worker group, but is in none");
    if (own) waits_for = spec.gate->step;
  }
  const Result<Step> earlier = WaitsForEarlier(spec);
  if (!earlier.ok()) return earlier.status();
  waits_for = std::max(waits_for, earlier.value());
  const Step latest = push ? spec.step - 1 : spec.step;
  if (waits_for > latest) {
    return refuse("waits for its own group to be through step " + std::to_string(waits_for) +
                  ", which is after " + std::to_string(latest) + ": it could wait for itself");
  }
  if (push && member.group != 0 && spec.step <= member.complete) {
    return refuse("comes after the last push of step " + std::to_string(member.complete) +
                  "; say more_of_step with all but the last of a step");
  }
  return waits_for;
}

void MemberTasks::Push(Transport& transport, TableId table, TaskSpec spec, PushRequest request,
                       Client::Done done) {
  Member& member = members_[table];
  const Result<Step> waits_for = WaitsFor(member, spec, /*push=*/true);
  if (!waits_for.ok()) return done(waits_for.status());
  if (waits_for.value() != wire::kNoGate) waits_for_[spec.id] = waits_for.value();
  member.unsent.insert(spec.step);
  if (!spec.more_of_step) member.complete = std::max(member.complete, spec.step);
  auto finish = [this, id = spec.id, done = std::move(done)](const Status& status) {
    waits_for_.erase(id);
    done(status);
    graph_.End(id, status);
  };
  const TaskId id = spec.id;
  const std::vector<TaskId> after = spec.after;
  graph_.Add(id, after,
             [this, &transport, table, spec = std::move(spec),
              request = std::make_shared<PushRequest>(std::move(request)),
              finish = std::move(finish)](const Status& status) {
               if (!status.ok()) {
                 GiveUp(transport, table, spec);
                 return finish(status);
               }
               if (!spec.gate) return Send(transport, table, spec, std::move(*request), finish);
               const PullRequest gate{.step = std::max(spec.step, spec.gate->step),
                                      .gate_step = spec.gate->step,
                                      .group = spec.gate->group,
                                      .every_server = true,
                                      .keys = {}};
               const auto passed = [this, &transport, table, spec, request,
                                    finish](const Result<Pulled>& pulled) {
                 if (pulled.ok()) return Send(transport, table, spec, std::move(*request), finish);
                 GiveUp(transport, table, spec);
                 finish(pulled.status());
               };
               const Status asked = client_->Pull(transport, table, gate, passed);
               if (!asked.ok()) passed(asked);
             });
}

void MemberTasks::Send(Transport& transport, TableId table, const TaskSpec& spec,
                       PushRequest request, const Client::Done& done) {
  Member& member = members_[table];
  if (const auto step = member.unsent.find(spec.step); step != member.unsent.end())
    member.unsent.erase(step);
  request.step = spec.step;
  request.through_step = member.announced = std::max(member.announced, member.through());
  const auto given = client_->Push(transport, table, std::move(request), done);
  if (!given.ok()) done(given.status());
}

void MemberTasks::GiveUp(Transport& transport, TableId table, const TaskSpec& spec) {
  Member& member = members_[table];
  if (const auto step = member.unsent.find(spec.step); step != member.unsent.end())
    member.unsent.erase(step);
  if (member.group == 0 || member.through() <= member.announced) return;
  // The others must not wait for a push that never comes.
  member.announced = member.through();
  (void)client_->Push(
      transport, table,
      {.step = spec.step, .through_step = member.announced, .keys = {}, .floats = {}},
      [](const Status&) {});
}

void MemberTasks::Pull(Transport& transport, TableId table, TaskSpec spec, PullRequest request,
                       std::function<void(Result<Pulled>)> done) {
  const Result<Step> waits_for = WaitsFor(members_[table], spec, /*push=*/false);
  if (!waits_for.ok()) return done(waits_for.status());
  if (waits_for.value() != wire::kNoGate) waits_for_[spec.id] = waits_for.value();
  request.step = spec.step;
  if (spec.gate) {
    request.gate_step = spec.gate->step;
    request.step =
        std::max(spec.step, spec.gate->step);  // Of another group: no step of its own is asked.
    request.group = spec.gate->group;
    request.every_server = request.keys.empty();
  }
  auto finish = [this, id = spec.id, done = std::move(done)](Result<Pulled> pulled) {
    waits_for_.erase(id);
    const Status status = pulled.ok() ? Status() : pulled.status();
    done(std::move(pulled));
    graph_.End(id, status);
  };
  graph_.Add(spec.id, spec.after,
             [this, &transport, table, request = std::make_shared<PullRequest>(std::move(request)),
              finish = std::move(finish)](const Status& status) {
               if (!status.ok()) return finish(status);
               const Status asked = client_->Pull(transport, table, std::move(*request), finish);
               if (!asked.ok()) finish(asked);
             });
}

void MemberTasks::Run(const TaskSpec& spec, std::function<void(Client::Done)> start,
                      Client::Done done) {
  const Result<Step> waits_for = WaitsForEarlier(spec);
  if (!waits_for.ok()) return done(waits_for.status());
  if (waits_for.value() != wire::kNoGate) waits_for_[spec.id] = waits_for.value();
  auto finish = [this, id = spec.id, done = std::move(done)](const Status& status) {
    waits_for_.erase(id);
    done(status);
    graph_.End(id, status);
  };
  graph_.Add(spec.id, spec.after,
             [start = std::move(start), finish = std::move(finish)](const Status& status) {
               status.ok() ? start(finish) : finish(status);
             });
}

}  // namespace steelyard::client
