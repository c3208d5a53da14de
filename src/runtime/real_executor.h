// RealExecutor: a pool of threads that works for one loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

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

}  // namespace steelyard::runtime
