// RealExecutor: threads that take work from a queue under one mutex.
#include "runtime/real_executor.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace steelyard::runtime {

struct RealExecutor::Pool {
  struct Item {
    std::function<void()> work;
    std::function<void()> done;
  };

  explicit Pool(RealLoop& owner) : loop(owner) {}

  void Work() {
    for (;;) {
      Item item;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopping || !queue.empty(); });
        if (stopping) return;
        item = std::move(queue.front());
        queue.pop_front();
      }
      item.work();
      item.work = nullptr;  // What it captured dies here, not on the loop.
      if (!item.done) continue;
      loop.Post([open = open, done = std::move(item.done)] {
        if (*open) done();
      });
    }
  }

  RealLoop& loop;
  /// False once the executor is gone; shared with every `done` that is still under way.
  std::shared_ptr<std::atomic<bool>> open = std::make_shared<std::atomic<bool>>(true);
  std::mutex mutex;  // Guards queue and stopping.
  std::condition_variable changed;
  std::deque<Item> queue;
  bool stopping = false;
  std::vector<std::thread> threads;
};

RealExecutor::RealExecutor(RealLoop& loop, std::size_t thread_count)
    : pool_(std::make_unique<Pool>(loop)) {
  SY_CHECK(thread_count > 0);
  for (std::size_t i = 0; i < thread_count; ++i) {
    pool_->threads.emplace_back([pool = pool_.get()] { pool->Work(); });
  }
}

RealExecutor::~RealExecutor() {
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->stopping = true;
  }
  pool_->changed.notify_all();
  *pool_->open = false;
  for (std::thread& thread : pool_->threads) thread.join();
}

void RealExecutor::Run(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->queue.push_back({std::move(work), std::move(done)});
  }
  pool_->changed.notify_one();
}

}  // namespace steelyard::runtime
