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

void MemberTasks::Member::Forget(Step step) {
  if (const auto found = unsent.find(step); found != unsent.end()) unsent.erase(found);
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
  const auto send = [this, &transport, table,
                     request = std::make_shared<PushRequest>(std::move(request))](
                        const Progress& at, const Client::Done& finished) {
    request->step = at.step;
    request->through_step = at.through;
    const auto given = client_->Push(transport, table, std::move(*request), finished);
    return given.ok() ? Status() : given.status();
  };
  Change(transport, table, std::move(spec), send, std::move(done));
}

void MemberTasks::Change(Transport& transport, TableId table, TaskSpec spec, SendChange send,
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
  graph_.Add(
      id, after,
      [this, &transport, table, spec = std::move(spec), send = std::move(send),
       finish = std::move(finish)](const Status& status) {
        const auto fail = [this, &transport, table, spec, finish](const Status& why) {
          GiveUp(transport, table, spec);
          finish(why);
        };
        if (!status.ok()) return fail(status);
        AfterGate(transport, table, spec,
                  [this, &transport, table, spec, send, finish, fail](const Result<Step>& through) {
                    if (!through.ok()) return fail(through.status());
                    Send(transport, table, spec, send, finish);
                  });
      });
}

void MemberTasks::Read(Transport& transport, TableId table, TaskSpec spec, StartRead start,
                       Client::Done done) {
  const Result<Step> waits_for = WaitsFor(members_[table], spec, /*push=*/false);
  if (!waits_for.ok()) return done(waits_for.status());
  if (waits_for.value() != wire::kNoGate) waits_for_[spec.id] = waits_for.value();
  auto finish = [this, id = spec.id, done = std::move(done)](const Status& status) {
    waits_for_.erase(id);
    done(status);
    graph_.End(id, status);
  };
  const TaskId id = spec.id;
  const std::vector<TaskId> after = spec.after;
  graph_.Add(id, after,
             [this, &transport, table, spec = std::move(spec), start = std::move(start),
              finish = std::move(finish)](const Status& status) {
               if (!status.ok()) return finish(status);
               AfterGate(transport, table, spec, [start, finish](const Result<Step>& through) {
                 through.ok() ? start(through.value(), finish) : finish(through.status());
               });
             });
}

void MemberTasks::AfterGate(Transport& transport, TableId table, const TaskSpec& spec,
                            std::function<void(Result<Step>)> then) {
  if (!spec.gate) return then(wire::kStepMax);
  const PullRequest gate{.step = std::max(spec.step, spec.gate->step),
                         .gate_step = spec.gate->step,
                         .group = spec.gate->group,
                         .every_server = true,
                         .keys = {}};
  const auto passed = [then = std::move(then)](const Result<Pulled>& pulled) {
    then(pulled.ok() ? Result<Step>(pulled.value().through_min) : pulled.status());
  };
  const Status asked = client_->Pull(transport, table, gate, passed);
  if (!asked.ok()) passed(asked);
}

void MemberTasks::Send(Transport& transport, TableId table, const TaskSpec& spec,
                       const SendChange& send, const Client::Done& done) {
  Member& member = members_[table];
  member.Forget(spec.step);
  const Step through = std::max(member.announced, member.through());
  const Status sent = send({.step = spec.step, .through = through}, done);
  if (sent.ok()) {
    member.announced = through;
    return;
  }
  Announce(transport, table, spec.step);
  done(sent);
}

void MemberTasks::GiveUp(Transport& transport, TableId table, const TaskSpec& spec) {
  members_[table].Forget(spec.step);
  Announce(transport, table, spec.step);
}

void MemberTasks::Announce(Transport& transport, TableId table, Step step) {
  Member& member = members_[table];
  if (member.group == 0 || member.through() <= member.announced) return;
  member.announced = member.through();
  (void)client_->Push(transport, table,
                      {.step = step, .through_step = member.announced, .keys = {}, .floats = {}},
                      [](const Status&) {});
}

Step MemberTasks::StepOf(TableId table) const {
  const auto member = members_.find(table);
  return member == members_.end() ? 0 : member->second.complete + 1;
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
