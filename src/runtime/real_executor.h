// RealExecutor: a pool of threads that works for one loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "runtime/executor.h"
#include "runtime/real_loop.h"

namespace steelyard::runtime {

/// Executor of `thread_count` threads that share one queue.
///
/// Threads: Run() from any thread. Destroy it on the loop or while the loop is not running: the destructor waits for the
///          work in progress, drops what has not started, and no `done` runs after it.
class RealExecutor final : public Executor {
 public:
  RealExecutor(RealLoop& loop, std::size_t thread_count);
  ~RealExecutor() override;
  RealExecutor(const RealExecutor&) = delete;
  RealExecutor& operator=(const RealExecutor&) = delete;

  void Run(std::function<void()> work, std::function<void()> done) override;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

/// Executor that works on the loop itself, each item in a turn of its own: for work that is shorter than waking a thread.
///
/// Threads: confined to the loop. Its destructor drops what has not started, and no `done` runs after it; the loop may go
///          on with another executor.
class LoopExecutor final : public Executor {
 public:
  explicit LoopExecutor(RealLoop& loop) : loop_(loop) {}
  ~LoopExecutor() override { *open_ = false; }
  LoopExecutor(const LoopExecutor&) = delete;
  LoopExecutor& operator=(const LoopExecutor&) = delete;

  void Run(std::function<void()> work, std::function<void()> done) override {
    loop_.Post([open = open_, work = std::move(work), done = std::move(done)] {
      if (*open) work();
      if (*open && done) done();
    });
  }

 private:
  RealLoop& loop_;
  std::shared_ptr<bool> open_ =
      std::make_shared<bool>(true);  ///< Shared with the items on the loop.
};

}  // namespace steelyard::runtime
