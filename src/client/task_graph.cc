#include "client/task_graph.h"

#include <string>

#include "base/check.h"

namespace steelyard::client {

void TaskGraph::Add(TaskId id, std::span<const TaskId> after, Run run) {
  SY_CHECK(!tasks_.contains(id));
  Task& task = tasks_[id];
  task.run = std::move(run);
  ++waiting_;
  for (const TaskId before : after) {
    if (const auto failed = failed_.find(before); failed != failed_.end()) {
      Fail(id, failed->second);
      return RunReady();
    }
    const auto open = before == id ? tasks_.end() : tasks_.find(before);
    if (open == tasks_.end()) continue;
    open->second.dependants.push_back(id);
    ++task.unfinished;
  }
  if (task.unfinished == 0) Release(id);
  RunReady();
}

void TaskGraph::End(TaskId id, const Status& status) {
  Close(id, status, id);
  RunReady();
}

void TaskGraph::Close(TaskId id, const Status& status, TaskId root) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  const std::vector<TaskId> dependants = std::move(found->second.dependants);
  tasks_.erase(found);
  const Failure failure{.root = root, .why = status};
  if (!status.ok()) {
    failed_.emplace(id, failure);
    if (failed_.size() > kFailedMax) failed_.erase(failed_.begin());
  }
  for (const TaskId dependant : dependants) {
    const auto waiting = tasks_.find(dependant);
    if (waiting == tasks_.end() || !waiting->second.run) continue;  // Another one failed it.
    if (!status.ok()) {
      Fail(dependant, failure);
    } else if (--waiting->second.unfinished == 0) {
      Release(dependant);
    }
  }
}

void TaskGraph::Release(TaskId id) {
  --waiting_;
  ready_.emplace_back([run = std::exchange(tasks_.at(id).run, nullptr)] { run({}); });
}

void TaskGraph::Fail(TaskId id, const Failure& failure) {
  --waiting_;
  ready_.emplace_back([this, id, failure, run = std::exchange(tasks_.at(id).run, nullptr)] {
    Close(id, failure.why, failure.root);
    run(Status(failure.why.code(),
               "task " + std::to_string(id) + " was not run: task " + std::to_string(failure.root) +
                   ", which must have finished before, failed: " + failure.why.message(),
               failure.why.where()));
  });
}

void TaskGraph::RunReady() {
  if (std::exchange(running_, true)) return;
  while (!ready_.empty()) {
    const std::function<void()> next = std::move(ready_.front());
    ready_.pop_front();
    next();
  }
  running_ = false;
}

}  // namespace steelyard::client
