#include "runtime/team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <thread>
#include <vector>

#include "runtime/pause.h"

namespace steelyard::runtime {
namespace {

/// How long a thread looks for the next piece of work before it sleeps. Between two steps of a solver in one process lie
/// some 100 us.
constexpr std::chrono::microseconds kLookFor{200};

/// Wait for a short while until ready() is true. Others that want this processor get it.
template <typename Ready>
void LookFor(const Ready& ready) {
  constexpr int kLooksAtATime = 32;
  const auto until = std::chrono::steady_clock::now() + kLookFor;
  while (std::chrono::steady_clock::now() < until) {
    for (int i = 0; i < kLooksAtATime; ++i) {
      if (ready()) return;
      Pause();
    }
    std::this_thread::yield();
  }
}

}  // namespace

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
    lock.unlock();
    LookFor([this] { return working == 0; });
    lock.lock();
    done.wait(lock, [this] { return working == 0; });
  }

  /// Work on parts that nobody has taken. @param lock  is held before and after.
  void TakeParts(std::unique_lock<std::mutex>& lock) {
    ++working;
    lock.unlock();
    for (std::size_t part = next++; part < parts; part = next++) (*work)(part);
    lock.lock();
    if (--working == 0) done.notify_all();
  }

  void Help() {
    const auto has_more = [this] { return ended || next < parts; };
    for (;;) {
      LookFor(has_more);
      std::unique_lock lock(mutex);
      begun.wait(lock, has_more);
      if (ended) return;
      TakeParts(lock);
    }
  }

  std::mutex mutex;
  std::condition_variable begun;
  std::condition_variable done;
  // Set with the mutex held while nobody works.
  const std::function<void(std::size_t)>* work = nullptr;
  std::atomic<std::size_t> parts = 0;
  std::atomic<std::size_t> next = 0;  // The first part that nobody has taken.
  // Set with the mutex held.
  std::atomic<std::size_t> working = 0;  // Threads, the caller's among them.
  std::atomic<bool> ended = false;
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
