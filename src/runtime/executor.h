// Executor: where a state machine sends work that would hold up its loop.
#pragma once

#include <functional>

namespace steelyard::runtime {

/// Runs work away from the loop and reports back on it.
///
/// Threads: Run() is called on the loop; `work` runs on any one thread; `done` is posted to the loop, never called
///          inline. Work items of one Executor start in the order given; with one thread they do not overlap.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Run(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace steelyard::runtime
