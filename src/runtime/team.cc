#include "runtime/team.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <thread>
#include <vector>

namespace steelyard::runtime {

struct Team::Crew {
  explicit Crew(std::size_t helpers) {
    for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back([this] { Help(); });
  }
  ~Crew() {
    {
      const std::lock_guard lock(mutex);
      ended = true;
    }
    begun.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void Run(std::size_t count, const std::function<void(std::size_t)>& what) {
    std::unique_lock lock(mutex);
    work = &what;
    parts = count;
    next = 0;
    lock.unlock();
    begun.notify_all();
    lock.lock();
    TakeParts(lock);
    done.wait(lock, [this] { return working == 0; });
    work = nullptr;
  }

  /// Work on parts that nobody has taken. @param lock  is held before and after.
  void TakeParts(std::unique_lock<std::mutex>& lock) {
    ++working;
    while (next < parts) {
      const std::size_t part = next++;
      const auto* const what = work;
      lock.unlock();
      (*what)(part);
      lock.lock();
    }
    if (--working == 0) done.notify_all();
  }

  void Help() {
    std::unique_lock lock(mutex);
    for (;;) {
      begun.wait(lock, [this] { return ended || next < parts; });
      if (ended) return;
      TakeParts(lock);
    }
  }

  std::mutex mutex;
  std::condition_variable begun;
  std::condition_variable done;
  const std::function<void(std::size_t)>* work = nullptr;
  std::size_t parts = 0;
  std::size_t next = 0;     // Of the parts, the first that nobody has taken.
  std::size_t working = 0;  // Threads, the caller's among them.
  bool ended = false;
  std::vector<std::thread> threads;
};

Team::Team(std::size_t threads) : size_(std::max<std::size_t>(threads, 1)) {}

Team::~Team() = default;

void Team::Run(std::size_t parts, const std::function<void(std::size_t)>& work) {
  const std::unique_lock turn(turn_, std::try_to_lock);
  if (size_ == 1 || parts <= 1 || !turn) {
    for (std::size_t part = 0; part < parts; ++part) work(part);
    return;
  }
  if (!crew_) crew_ = std::make_unique<Crew>(size_ - 1);
  crew_->Run(parts, work);
}

void ForEach(Team* team, std::size_t parts, const std::function<void(std::size_t)>& work) {
  if (team != nullptr) return team->Run(parts, work);
  for (std::size_t i = 0; i < parts; ++i) work(i);
}

}  // namespace steelyard::runtime
