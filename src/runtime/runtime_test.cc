// Goal: posts run in order on the loop, alarms ring once at the earliest time, work runs off the loop and reports on
// it, and shutting down waits for work in progress only.
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <csignal>
#include <future>
#include <thread>
#include <vector>

#include "runtime/real_executor.h"
#include "runtime/real_loop.h"
#include "runtime/real_signals.h"

namespace steelyard::runtime {
namespace {

/// Wait until everything posted to `loop` so far has run.
void Drain(RealLoop& loop) {
  std::promise<void> reached;
  loop.Post([&] { reached.set_value(); });
  reached.get_future().wait();
}

TEST(RealLoop, RunsThePostsOfOneThreadInOrderAndNeverInline) {
  LoopThread thread;
  std::vector<int> order;
  std::thread::id runner;
  thread.loop().Post([&] {
    thread.loop().Post([&] { order.push_back(2); });
    order.push_back(1);
    runner = std::this_thread::get_id();
  });
  Drain(thread.loop());
  Drain(thread.loop());
  thread.Join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_NE(runner, std::this_thread::get_id());
}

TEST(RealLoop, TakesPostsFromManyThreads) {
  LoopThread thread;
  int count = 0;  // Touched by the loop only.
  std::vector<std::thread> posters;
  for (int i = 0; i < 4; ++i) {
    posters.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) thread.loop().Post([&] { ++count; });
    });
  }
  for (std::thread& poster : posters) poster.join();
  Drain(thread.loop());
  thread.Join();
  EXPECT_EQ(count, 4000);
}

TEST(RealLoop, OneStopEndsOneRun) {
  RealLoop loop;
  bool ran = false;
  loop.Stop();
  loop.Post([&] { ran = true; });
  loop.Run();
  EXPECT_FALSE(ran);
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  EXPECT_TRUE(ran);
}

TEST(RealLoop, OneThatSpinsWorksTheSameAndSleepsInTheEnd) {
  using namespace std::chrono_literals;
  LoopThread thread(50us);
  int count = 0;  // Touched by the loop only.
  Time rang{0};
  RealAlarm alarm(thread.loop(), [&] { rang = thread.loop().now(); });
  thread.loop().Post([&] { alarm.RingAt(thread.loop().now() + 20ms); });
  for (int n = 0; n < 1000; ++n) {
    thread.loop().Post([&] { ++count; });
    if (n % 100 == 0) std::this_thread::sleep_for(1ms);  // So that it sleeps now and then.
  }
  Drain(thread.loop());
  const auto processor_ns = [&] {
    timespec used{};
    std::promise<void> read;
    thread.loop().Post([&] {
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
      read.set_value();
    });
    read.get_future().wait();
    return used.tv_sec * 1'000'000'000L + used.tv_nsec;
  };
  const auto before = processor_ns();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(processor_ns() - before, 100'000'000) << "it never slept";
  thread.Join();
  EXPECT_EQ(count, 1000);
  EXPECT_GT(rang.count(), 0);
}

TEST(RealLoop, OneStopEndsOneRunOfASpinningLoop) {
  RealLoop loop(std::chrono::milliseconds(1));
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  bool ran = false;
  loop.Post([&] {
    ran = true;
    loop.Stop();
  });
  loop.Run();
  EXPECT_TRUE(ran);
}

TEST(RealAlarm, AnEarlierTimeReplacesALaterOneAndItRingsOnce) {
  RealLoop loop;
  std::vector<Time> rings;
  const Time start = loop.now();
  RealAlarm alarm(loop, [&] { rings.push_back(loop.now()); });
  RealAlarm end(loop, [&] { loop.Stop(); });
  alarm.RingAt(start + 10s);
  alarm.RingAt(start + 10ms);
  alarm.RingAt(start + 5s);
  end.RingAt(start + 40ms);
  loop.Run();
  ASSERT_EQ(rings.size(), 1u);
  EXPECT_GE(rings[0], start + 10ms);
}

TEST(RealAlarm, MayBeSetAgainWhileItRingsAndRingsSoonForThePast) {
  RealLoop loop;
  int rings = 0;
  RealAlarm alarm(loop, [&] {
    if (++rings == 3) return loop.Stop();
    alarm.RingAt(loop.now() - 1s);
  });
  alarm.RingAt(Time(0));
  EXPECT_EQ(rings, 0);
  loop.Run();
  EXPECT_EQ(rings, 3);
}

TEST(RealAlarm, IsSilentOnceCancelledOrDestroyed) {
  RealLoop loop;
  int rings = 0;
  RealAlarm cancelled(loop, [&] { ++rings; });
  {
    RealAlarm destroyed(loop, [&] { ++rings; });
    destroyed.RingAt(loop.now());
  }
  cancelled.RingAt(loop.now());
  cancelled.Cancel();
  RealAlarm end(loop, [&] { loop.Stop(); });
  end.RingAt(loop.now() + 5ms);
  loop.Run();
  EXPECT_EQ(rings, 0);
}

TEST(RealExecutor, RunsWorkOffTheLoopAndDoneOnIt) {
  LoopThread thread;
  RealExecutor executor(thread.loop(), 2);
  std::promise<std::pair<std::thread::id, std::thread::id>> ids;
  std::thread::id worker;
  executor.Run([&] { worker = std::this_thread::get_id(); },
               [&] {
                 ids.set_value({worker, std::this_thread::get_id()});
               });
  const auto [work_id, done_id] = ids.get_future().get();
  std::promise<std::thread::id> loop_id;
  thread.loop().Post([&] { loop_id.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(done_id, loop_id.get_future().get());
  EXPECT_NE(work_id, done_id);
  thread.Join();
}

TEST(RealExecutor, OneThreadKeepsTheOrder) {
  LoopThread thread;
  RealExecutor executor(thread.loop(), 1);
  std::vector<int> worked, done;
  std::promise<void> last;
  for (int i = 0; i < 100; ++i) {
    executor.Run([&, i] { worked.push_back(i); },
                 [&, i] {
                   done.push_back(i);
                   if (i == 99) last.set_value();
                 });
  }
  last.get_future().wait();
  thread.Join();
  ASSERT_EQ(worked.size(), 100u);
  EXPECT_TRUE(std::is_sorted(worked.begin(), worked.end()));
  EXPECT_EQ(done, worked);
}

TEST(RealExecutor, ShutdownFinishesWorkInProgressAndDropsTheRest) {
  RealLoop loop;
  std::promise<void> started, release;
  std::atomic<bool> finished = false, second = false;
  int dones = 0;
  std::thread releaser;
  {
    RealExecutor executor(loop, 1);
    executor.Run(
        [&] {
          started.set_value();
          release.get_future().wait();
          finished = true;
        },
        [&] { ++dones; });
    executor.Run([&] { second = true; }, [&] { ++dones; });
    started.get_future().wait();
    // Released from elsewhere only once this thread is on its way into the destructor.
    releaser = std::thread([&] { release.set_value(); });
  }
  releaser.join();
  EXPECT_TRUE(finished);
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(dones, 0);
}

TEST(LoopExecutor, WorksOnTheLoopInTurnsOfItsOwn) {
  RealLoop loop;
  LoopExecutor executor(loop);
  std::vector<std::string> seen;
  executor.Run([&] { seen.emplace_back("work"); }, [&] { seen.emplace_back("done"); });
  loop.Post([&] { loop.Stop(); });
  seen.emplace_back("given");
  loop.Run();
  EXPECT_EQ(seen, (std::vector<std::string>{"given", "work", "done"}));
}

TEST(LoopExecutor, WhatHasNotStartedIsDroppedWithIt) {
  RealLoop loop;
  int works = 0, dones = 0;
  auto executor = std::make_unique<LoopExecutor>(loop);
  executor->Run([&] { ++works; }, [&] { ++dones; });
  // Ends between its work and its `done`.
  auto ended = std::make_unique<LoopExecutor>(loop);
  ended->Run(
      [&] {
        ++works;
        ended.reset();
      },
      [&] { ++dones; });
  executor.reset();
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(works, 1);
  EXPECT_EQ(dones, 0);
}

TEST(RealSignals, BecomeCallbacksAndSigpipeIsIgnored) {
  RealLoop loop;
  std::vector<int> seen;
  {
    RealSignals signals(loop, [&](int signal) {
      seen.push_back(signal);
      if (seen.size() == 2) return loop.Stop();
      std::raise(SIGINT);
    });
    std::raise(SIGPIPE);
    std::raise(SIGTERM);
    EXPECT_TRUE(seen.empty());
    loop.Run();
  }
  EXPECT_EQ(seen, (std::vector<int>{SIGTERM, SIGINT}));
}

}  // namespace
}  // namespace steelyard::runtime
