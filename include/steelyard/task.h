// Tasks: pushes, pulls and calls with a logical time, and what must have finished before each of them runs.
#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <vector>

#include "steelyard/types.h"

namespace steelyard {

/// A push, pull or call that was given to a connection; known to that connection only.
struct Task {
  std::uint64_t id = 0;  ///< Counts up; 0 is no task, and has finished.
};

/// Programs that train together. Not created: it is there when its members join.
struct WorkerGroup {
  std::uint32_t id = 0;

  /// The group that programs agree on by a number below 2^31.
  static constexpr WorkerGroup Numbered(std::uint32_t number) {
    return {(std::uint32_t{1} << 31) | number};
  }
  /// The workers of a training job: step s of pass p, from 0, is p x 2^32 + s there.
  static constexpr WorkerGroup OfJob(JobId job) { return {job}; }

  bool operator==(const WorkerGroup&) const = default;
};

/// "Every member of `group` is through `step`": each of its pushes of steps up to that one is applied.
struct Gate {
  WorkerGroup group;
  Step step = 0;
};

/// How a program takes part in a group, on one table.
struct Membership {
  WorkerGroup group;
  std::uint32_t members = 1;  ///< Gates of the group stay closed until so many have joined.
  Step first_step = 0;        ///< Nobody waits for what this member does before it.
};

/// Tasks with no edge between them run in any order.
///
/// A push of step t may wait for its own group to be through a step < t at most, a pull for t; the same through the tasks
/// that it comes after. Anything else could wait for itself and is refused. A call that changes rows is a push in this, one
/// that reads a pull.
struct TaskOptions {
  Step step = 0;  ///< The member's iteration; of no meaning outside of groups.
  std::vector<Task>
      after{};  ///< Run after these have finished. If one has failed, fail and name it.
  std::optional<Gate> gate{};  ///< Run after this.
  bool more_of_step = false;   ///< Of a push or change: not the member's last one of `step`.
};

/// Bounded delay: what a pull of `step` waits for when members may be `tau` steps ahead; 0 is sequential.
constexpr Gate BoundedDelay(WorkerGroup group, Step step, Step tau) {
  return {group, step - tau - 1};
}

/// What a pull with options returns.
struct Pulled {
  std::vector<float> values;  ///< [n, width]
  Step through =
      0;  ///< The slowest member of the gate's group, or else of the own one, is through this step.
};

/// The rows of a range.
struct PulledRange {
  std::vector<Key> keys;      ///< [n] strictly increasing: those that have a row.
  std::vector<float> values;  ///< [n, width]
  Step through =
      0;  ///< Of a task with a gate: the slowest member of its group is through this step.
};

template <typename T>
struct Submitted {
  Task task;
  std::future<T> result;
};

}  // namespace steelyard
