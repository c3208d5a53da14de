// Goal: every part is done once before Run() returns, whatever threads there are, and they end with their team.
// Method: counts by part, over many runs; parts that wait for each other, to see that threads work at the same time.
#include "runtime/team.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace steelyard::runtime {
namespace {

using namespace std::chrono_literals;

TEST(Team, DoesEveryPartOnce) {
  std::size_t done = 0;
  for (const std::size_t threads : {0u, 1u, 2u, 5u}) {
    Team team(threads);
    EXPECT_EQ(team.size(), std::max<std::size_t>(threads, 1));
    for (const std::size_t parts : {0u, 1u, 2u, 3u, 100u}) {
      for (int run = 0; run < 200; ++run) {
        std::vector<int> counts(parts);
        team.Run(parts, [&](std::size_t part) { ++counts[part]; });
        EXPECT_EQ(counts, std::vector<int>(parts, 1)) << threads;
        done += parts;
      }
    }
  }
  EXPECT_EQ(done, 4u * 200u * 106u);
}

/// Threads that work on parts which wait for each other.
std::set<std::thread::id> ThreadsAtOnce(Team& team, int parts) {
  std::atomic<int> there = 0;
  std::mutex mutex;
  std::set<std::thread::id> threads;
  team.Run(static_cast<std::size_t>(parts), [&](std::size_t) {
    ++there;
    const auto patience = std::chrono::steady_clock::now() + 60s;
    while (there < parts && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(there, parts);
  return threads;
}

TEST(Team, WorksOnSeveralThreadsAtOnce) {
  Team team(3);
  // Threads that have just worked look for more; after a while they sleep.
  for (const auto pause : {0ms, 0ms, 20ms, 0ms}) {
    std::this_thread::sleep_for(pause);
    const auto threads = ThreadsAtOnce(team, 3);
    EXPECT_EQ(threads.size(), 3u);
    EXPECT_TRUE(threads.contains(std::this_thread::get_id()));
  }
}

TEST(Team, WaitsForTheSlowestPart) {
  Team team(2);
  for (int run = 0; run < 5; ++run) {
    std::atomic<bool> helped = false;
    std::atomic<int> done = 0;
    team.Run(2, [&, caller = std::this_thread::get_id()](std::size_t) {
      if (std::this_thread::get_id() == caller) {
        helped.wait(false);
      } else {
        helped = true;
        helped.notify_all();
        std::this_thread::sleep_for(5ms);
      }
      ++done;
    });
    EXPECT_EQ(done, 2);
  }
}

TEST(Team, DoesTheWorkOfSeveralCallers) {
  Team team(2);
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (int run = 0; run < 300; ++run) {
        std::vector<int> counts(7);
        team.Run(counts.size(), [&](std::size_t part) { ++counts[part]; });
        done += static_cast<int>(std::ranges::count(counts, 1));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 3 * 300 * 7);
}

TEST(Team, OfOneUsesNoOtherThread) {
  Team team(1);
  int done = 0;
  team.Run(50, [&, caller = std::this_thread::get_id()](std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++done;
  });
  EXPECT_EQ(done, 50);
}

}  // namespace
}  // namespace steelyard::runtime
