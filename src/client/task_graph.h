// TaskGraph: tasks that name earlier tasks which must have finished before they run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::client {

/// Counts up; a task can wait for smaller ones only, so there are no cycles.
using TaskId = std::uint64_t;

/// Holds what is open, nothing else: a task that is not known any more has finished. One that failed is remembered for
/// those who name it later, the last kFailedMax of them.
///
/// Threads: confined to its owner's. PURE.
/// Cost:    O(log open) for each task and edge; chains of any length take no stack.
/// Source:  tasks and "execute after finished" edges, Li et al., OSDI 2014, section 3.3.
class TaskGraph {
 public:
  /// Runs a task (OK), or says why it never will (its predecessor's failure).
  using Run = std::function<void(const Status&)>;
  static constexpr std::size_t kFailedMax = 1024;

  /// `run` is called once, when every task of `after` has finished well or one of them has failed: now, if that is so.
  /// After a failure the task is closed; after OK it is open until End().
  void Add(TaskId id, std::span<const TaskId> after, Run run);

  /// The task has run. Nothing happens when it is not open.
  void End(TaskId id, const Status& status);

  bool open(TaskId id) const { return tasks_.contains(id); }
  std::size_t open_count() const { return tasks_.size(); }
  /// Of those, the tasks that wait for others.
  std::size_t waiting_count() const { return waiting_; }

 private:
  struct Task {
    Run run;
    std::size_t unfinished = 0;  ///< Edges that are left.
    std::vector<TaskId> dependants;
  };
  struct Failure {
    TaskId root = 0;  ///< The task that failed by itself.
    Status why;
  };
  void Close(TaskId id, const Status& status, TaskId root);
  void Release(TaskId id);
  void Fail(TaskId id, const Failure& failure);
  void RunReady();

  std::map<TaskId, Task> tasks_;
  std::map<TaskId, Failure> failed_;
  std::deque<std::function<void()>>
      ready_;  ///< Released or failed tasks, to be run one after another.
  bool running_ = false;
  std::size_t waiting_ = 0;
};

}  // namespace steelyard::client
