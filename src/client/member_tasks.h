// MemberTasks: a program's pushes and pulls as tasks: what each waits for, and how far the program is through its steps.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "client/client.h"
#include "client/task_graph.h"

namespace steelyard::client {

/// "Every member of the group is through this step."
struct GroupGate {
  JobId group = 0;  ///< 0: the own one.
  Step step = 0;
};

struct TaskSpec {
  TaskId id = 0;                   ///< Counts up over all tables.
  Step step = 0;                   ///< The member's iteration that the task belongs to.
  std::vector<TaskId> after = {};  ///< These must have finished.
  std::optional<GroupGate> gate = {};
  bool more_of_step = false;  ///< Of a push: the member is not through `step` with it.
};

/// Runs tasks on a client. Tasks without an edge between them run in any order.
///
/// Own tasks that must have finished are waited for here, before anything is sent. A gate is waited for at the servers: a
/// pull carries it; a push follows a pull of no keys that carries it. The member is through a step when the last push
/// of that step, and each push of a step before, is on its way: pushes that still wait hold it back.
///
/// A push of step t may wait for its own group to be through a step < t at most, directly or through tasks before it, and a
/// pull for t: later ones could wait for the push itself.
///
/// Threads: confined to the client's loop. PURE.
class MemberTasks {
 public:
  explicit MemberTasks(Client* client) : client_(client) {}

  /// Begin anew with a table, as a member of `group` (0: of none).
  void Begin(TableId table, JobId group, Step first_step);

  /// `done` comes once. Errors: as Client; kInvalidArgument  a gate or step that could wait for itself.
  void Push(transport::Transport& transport, TableId table, TaskSpec spec, PushRequest request,
            Client::Done done);
  void Pull(transport::Transport& transport, TableId table, TaskSpec spec, PullRequest request,
            std::function<void(Result<Pulled>)> done);

  /// What a change of rows is sent with.
  struct Progress {
    Step step = 0;
    Step through = 0;  ///< With it the member is through this step.
  };
  /// Sends a change and calls `finished` when it is applied. Errors: it is not sent, and `finished` does not come.
  using SendChange = std::function<Status(const Progress& at, const Client::Done& finished)>;
  /// Anything else that changes rows: a push in all but what is sent. `send` is run once, when nothing is waited for any
  /// more. `done` as above.
  void Change(transport::Transport& transport, TableId table, TaskSpec spec, SendChange send,
              Client::Done done);
  /// Anything else that reads rows: waits as a pull does. `start` is run once, then, with the step that every member of
  /// the gate's group is through (wire::kStepMax without a gate), and calls `finished` when it has. `done` as above.
  using StartRead = std::function<void(Step through, const Client::Done& finished)>;
  void Read(transport::Transport& transport, TableId table, TaskSpec spec, StartRead start,
            Client::Done done);

  /// Anything else that has edges. `start` is run once when its predecessors have finished, and calls what it is given
  /// when it has; a gate of its own it has none. `done` as above.
  void Run(const TaskSpec& spec, std::function<void(Client::Done finished)> start,
           Client::Done done);

  /// The step that the member is in: it has not given the last push of it.
  Step StepOf(TableId table) const;

  std::size_t open_count() const { return graph_.open_count(); }
  std::size_t waiting_count() const { return graph_.waiting_count(); }

 private:
  struct Member {
    JobId group = 0;
    Step complete = -1;          ///< The member has given its last push of this step.
    std::multiset<Step> unsent;  ///< Steps of pushes that wait.
    Step announced = -1;         ///< With the last push sent.
    Step through() const;
    /// A push of `step` waits no more.
    void Forget(Step step);
  };
  /// The step of the own group that the tasks before it wait for. Errors: kInvalidArgument  one is not earlier.
  Result<Step> WaitsForEarlier(const TaskSpec& spec) const;
  /// The step of the own group that a task waits for, at the latest; kNoGate for none. Errors: kInvalidArgument.
  Result<Step> WaitsFor(const Member& member, const TaskSpec& spec, bool push) const;
  /// Run `then` once the task's gate is open, at once without one. @param then  gets the step that the group is through.
  void AfterGate(transport::Transport& transport, TableId table, const TaskSpec& spec,
                 std::function<void(Result<Step> through)> then);
  void Send(transport::Transport& transport, TableId table, const TaskSpec& spec,
            const SendChange& send, const Client::Done& done);
  /// The change that `spec` is about is never sent.
  void GiveUp(transport::Transport& transport, TableId table, const TaskSpec& spec);
  /// Say how far the member is where a change that would have said it never comes: the others must not wait for it.
  void Announce(transport::Transport& transport, TableId table, Step step);

  Client* client_;
  TaskGraph graph_;
  std::map<TableId, Member> members_;
  std::map<TaskId, Step> waits_for_;  ///< Of open tasks that wait for their own group.
};

}  // namespace steelyard::client
