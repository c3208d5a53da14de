// Goal: a simulated run is a function of its seed, its faults really happen and look to a node as TCP's would, and
// nothing reaches a node that was meant for its predecessor.
#include "transport/sim_network.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace steelyard::transport {
namespace {

using namespace std::chrono_literals;

wire::Frame MakeFrame(std::uint64_t request_id, std::size_t size = 32) {
  wire::Frame frame;
  frame.header.type = wire::MessageType::kHeartbeat;
  frame.header.request_id = request_id;
  frame.body = Buffer::Allocate(size);
  for (std::size_t i = 0; i < size; ++i) {
    frame.body.writable()[i] = static_cast<std::byte>(request_id + i);
  }
  return frame;
}

/// What all incarnations of one node have seen.
struct Log {
  int starts = 0;
  int destroyed = 0;
  int wakes = 0;
  int dones = 0;
  int wrong_bodies = 0;
  std::vector<std::uint64_t> frames;
  std::vector<std::string> closed;
  std::vector<StatusCode> codes;
  LinkId link = 0;  // The newest open one.
};

/// Keeps a link to `peer` open (if any), sends a numbered frame every millisecond, and works a little on each received.
class Talker final : public Node {
 public:
  Talker(runtime::Executor& executor, Log& log, std::string peer)
      : executor_(executor), log_(log), peer_(std::move(peer)) {}
  ~Talker() override { ++log_.destroyed; }

  void OnStart(Transport& t) override {
    ++log_.starts;
    if (peer_.empty()) return;
    t.Connect(peer_);
    t.WakeAt(t.now() + 1ms);
  }
  void OnOpen(Transport&, LinkId link, bool, const std::string&) override { log_.link = link; }
  void OnFrame(Transport&, LinkId, wire::Frame frame) override {
    log_.frames.push_back(frame.header.request_id);
    for (std::size_t i = 0; i < frame.body.size(); ++i) {
      const auto expected = static_cast<std::byte>(frame.header.request_id + i);
      if (frame.body.bytes()[i] != expected) ++log_.wrong_bodies;
    }
    executor_.Run([] {}, [this] { ++log_.dones; });
  }
  void OnClose(Transport& t, LinkId link, const Status& why) override {
    log_.closed.push_back(why.ToString());
    log_.codes.push_back(why.code());
    if (link == log_.link) log_.link = 0;
    if (!peer_.empty()) t.Connect(peer_);
  }
  void OnWake(Transport& t) override {
    ++log_.wakes;
    if (peer_.empty()) return;
    if (log_.link != 0) t.Send(log_.link, MakeFrame(++sent_));
    t.WakeAt(t.now() + 1ms);
  }

 private:
  runtime::Executor& executor_;
  Log& log_;
  const std::string peer_;
  std::uint64_t sent_ = 0;
};

/// A talker "a" and its listener "b".
struct Pair {
  explicit Pair(const SimOptions& options) : world(options) {
    a = world.AddNode("a", [this](runtime::Executor& executor) {
      return std::make_unique<Talker>(executor, log_a, "b");
    });
    b = world.AddNode("b", [this](runtime::Executor& executor) {
      return std::make_unique<Talker>(executor, log_b, "");
    });
  }
  Log log_a, log_b;
  SimWorld world;
  NodeIndex a, b;
};

FaultOptions AllFaults() {
  return {.drop = 0.02,
          .duplicate = 0.02,
          .reorder = 0.02,
          .slow = 0.05,
          .break_link = 0.005,
          .corrupt = 0.005};
}

/// One run with every fault, and a script that draws from the seed.
std::uint64_t HashOfRun(std::uint64_t seed, FaultCounts* counts = nullptr,
                        std::uint64_t* events = nullptr) {
  Pair pair({.seed = seed, .faults = AllFaults()});
  SimWorld& world = pair.world;
  for (int i = 1; i <= 12; ++i) {
    world.At(i * 100ms, [&] {
      const NodeIndex victim = world.Random() % 2;
      switch (world.Random() % 3) {
        case 0: {
          world.Crash(victim, world.Random() % 2 == 0 ? CrashKind::kProcess : CrashKind::kSilent);
          world.At(world.now() + 30ms, [&world, victim] { world.Restart(victim); });
          break;
        }
        case 1: {
          world.Pause(victim);
          world.At(world.now() + 20ms, [&world, victim] { world.Resume(victim); });
          break;
        }
        default: {
          world.Partition(pair.a, pair.b);
          world.At(world.now() + 40ms, [&world] { world.HealAll(); });
        }
      }
    });
  }
  world.Run(1500ms);
  if (counts != nullptr) *counts = world.fault_counts();
  if (events != nullptr) *events = world.event_count();
  return world.event_hash();
}

TEST(SimWorld, TheSameSeedGivesTheSameRunAndOthersOthers) {
  std::map<std::uint64_t, std::uint64_t> seed_of_hash;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FaultCounts first, second;
    const std::uint64_t hash = HashOfRun(seed, &first);
    EXPECT_EQ(hash, HashOfRun(seed, &second)) << "seed " << seed;
    EXPECT_EQ(first, second);
    EXPECT_TRUE(seed_of_hash.emplace(hash, seed).second) << "seed " << seed;
  }
}

TEST(SimWorld, EveryKindOfFaultHappens) {
  FaultCounts sum;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    FaultCounts counts;
    std::uint64_t events = 0;
    HashOfRun(seed, &counts, &events);
    EXPECT_GT(counts.total(), 0u);
    EXPECT_GT(events, 1000u);
    sum.dropped += counts.dropped;
    sum.duplicated += counts.duplicated;
    sum.reordered += counts.reordered;
    sum.slowed += counts.slowed;
    sum.links_broken += counts.links_broken;
    sum.corrupted += counts.corrupted;
    sum.crashes += counts.crashes;
    sum.restarts += counts.restarts;
    sum.pauses += counts.pauses;
    sum.partitions += counts.partitions;
  }
  for (const std::uint64_t count :
       {sum.dropped, sum.duplicated, sum.reordered, sum.slowed, sum.links_broken, sum.corrupted,
        sum.crashes, sum.restarts, sum.pauses, sum.partitions}) {
    EXPECT_GT(count, 0u) << sum.ToString();
  }
}

TEST(SimWorld, WithoutFaultsEveryFrameArrivesOnceInOrder) {
  Pair pair({});
  pair.world.Run(1s);
  ASSERT_GT(pair.log_b.frames.size(), 800u);
  for (std::size_t i = 0; i < pair.log_b.frames.size(); ++i) {
    ASSERT_EQ(pair.log_b.frames[i], i + 1);
  }
  EXPECT_TRUE(pair.log_a.closed.empty());
  EXPECT_EQ(pair.world.fault_counts().total(), 0u);
  EXPECT_EQ(pair.world.fault_counts().ToString(), "no faults");
  // Some work may still be in progress.
  EXPECT_GE(pair.log_b.dones + 2, static_cast<int>(pair.log_b.frames.size()));
}

TEST(SimWorld, DropsLeaveGapsAndDuplicatesRepeat) {
  Pair drops({.faults = {.drop = 0.1}});
  drops.world.Run(1s);
  const FaultCounts& dropped = drops.world.fault_counts();
  EXPECT_GT(dropped.dropped, 0u);
  EXPECT_TRUE(std::is_sorted(drops.log_b.frames.begin(), drops.log_b.frames.end()));
  EXPECT_GE(drops.log_b.frames.back(), drops.log_b.frames.size() + dropped.dropped - 1);

  Pair twice({.faults = {.duplicate = 0.1}});
  twice.world.Run(1s);
  std::map<std::uint64_t, int> seen;
  for (const std::uint64_t id : twice.log_b.frames) ++seen[id];
  EXPECT_GT(twice.log_b.frames.size(), seen.size());
  EXPECT_LE(twice.log_b.frames.size() - seen.size(), twice.world.fault_counts().duplicated);
  twice.world.Call(twice.a, [&](Node&, Transport& t) {
    EXPECT_LE(t.queued_bytes(twice.log_a.link), 10u * 96u);  // What is under way, counted once.
  });
  twice.world.Run(twice.world.now());

  Pair mixed({.faults = {.reorder = 0.1}});
  mixed.world.Run(1s);
  EXPECT_FALSE(std::is_sorted(mixed.log_b.frames.begin(), mixed.log_b.frames.end()));
}

TEST(SimWorld, CorruptFramesNeverArriveAndCloseTheLinkByName) {
  Pair pair({.faults = {.corrupt = 0.05}});
  pair.world.Run(2s);
  EXPECT_GT(pair.world.fault_counts().corrupted, 20u);
  // Some were under way on a link that another one closed.
  EXPECT_GT(pair.log_b.closed.size(), 20u);
  EXPECT_EQ(pair.log_b.wrong_bodies, 0);
  for (const StatusCode code : pair.log_b.codes) EXPECT_EQ(code, StatusCode::kCorruption);
  for (const std::string& why : pair.log_a.closed) EXPECT_EQ(why, "b closed the connection");
  EXPECT_TRUE(std::is_sorted(pair.log_b.frames.begin(), pair.log_b.frames.end()));
}

TEST(SimWorld, ACrashedProcessIsNoticedAndItsSuccessorStartsAfresh) {
  Pair pair({});
  pair.world.Run(100ms);
  // Frames, an alarm, work and a call are under way for each of the two when they die.
  for (const NodeIndex victim : {pair.a, pair.b}) {
    pair.world.Call(victim, [](Node&, Transport&) { ADD_FAILURE() << "the dead were called"; });
    pair.world.Crash(victim);
    EXPECT_FALSE(pair.world.alive(victim));
  }
  EXPECT_EQ(pair.log_a.destroyed, 1);
  const Log before_a = pair.log_a, before_b = pair.log_b;
  pair.world.Restart(pair.b);
  pair.world.Run(200ms);  // Longer than anything that was under way.
  EXPECT_EQ(pair.log_b.starts, 2);
  EXPECT_EQ(pair.log_b.frames.size(), before_b.frames.size());
  EXPECT_EQ(pair.log_b.dones, before_b.dones);
  EXPECT_EQ(pair.log_b.closed.size(), before_b.closed.size());
  EXPECT_EQ(pair.log_a.wakes, before_a.wakes);
  EXPECT_EQ(pair.log_a.starts, 1);
  pair.log_a.link = pair.log_b.link = 0;
  pair.world.Restart(pair.a);
  pair.world.Run(300ms);
  EXPECT_EQ(pair.log_a.starts, 2);
  EXPECT_GT(pair.log_b.frames.size(), before_b.frames.size() + 50);
  EXPECT_EQ(pair.log_b.frames[before_b.frames.size()], 1u);  // The new talker counts from 1.
}

TEST(SimWorld, PeersOfACrashedProcessAreRefusedUntilItIsBack) {
  Pair pair({});
  pair.world.Run(100ms);
  pair.world.Crash(pair.b);
  pair.world.Run(120ms);
  ASSERT_GE(pair.log_a.closed.size(), 2u);
  EXPECT_EQ(pair.log_a.closed[0], "b closed the connection");
  EXPECT_EQ(pair.log_a.closed[1], "connection to b refused");
  pair.world.Restart(pair.b);
  pair.world.Run(200ms);
  EXPECT_NE(pair.log_a.link, 0u);
  EXPECT_GT(pair.log_b.frames.size(), 0u);
}

TEST(SimWorld, ASilentCrashIsFoundByTimeoutOrWhenTheHostIsBack) {
  Pair pair({.connect_timeout = 1s, .link_timeout = 2s});
  pair.world.Run(100ms);
  pair.world.Crash(pair.b, CrashKind::kSilent);
  pair.world.Run(2s);
  EXPECT_TRUE(pair.log_a.closed.empty());
  pair.world.Run(4s);
  ASSERT_GE(pair.log_a.closed.size(), 2u);
  EXPECT_EQ(pair.log_a.closed[0], "b did not acknowledge data for 2 s");
  EXPECT_EQ(pair.log_a.closed[1], "connection to b timed out after 1 s");

  Pair back({});
  back.world.Run(100ms);
  back.world.Crash(back.b, CrashKind::kSilent);
  back.world.Run(200ms);
  back.world.Restart(back.b);
  back.world.Run(300ms);
  ASSERT_EQ(back.log_a.closed.size(), 1u);
  EXPECT_EQ(back.log_a.closed[0], "b reset the connection");
  EXPECT_NE(back.log_a.link, 0u);
}

TEST(SimWorld, WhatWasSentToASilentHostIsAnsweredWhenItIsBack) {
  Pair pair({});
  pair.world.Run(100ms);
  pair.world.Crash(pair.a, CrashKind::kSilent);
  pair.world.Call(pair.b, [&](Node&, Transport& t) { t.Send(pair.log_b.link, MakeFrame(1)); });
  pair.world.Run(200ms);
  EXPECT_TRUE(pair.log_b.closed.empty());
  pair.world.Restart(pair.a);
  pair.world.Run(300ms);
  EXPECT_EQ(pair.log_b.closed, (std::vector<std::string>{"a reset the connection"}));
}

TEST(SimWorld, AReplacedAlarmIsSilent) {
  Pair pair({});
  pair.world.Call(pair.b, [&](Node&, Transport& t) {
    t.WakeAt(t.now() + 20ms);
    t.WakeAt(t.now() + 10ms);
    t.WakeAt(t.now() + 30ms);
  });
  pair.world.Run(15ms);
  EXPECT_EQ(pair.log_b.wakes, 1);
  pair.world.Run(100ms);
  EXPECT_EQ(pair.log_b.wakes, 1);
}

TEST(SimWorld, TheHashSeesWhatFramesHold) {
  std::set<std::uint64_t> hashes;
  for (const std::byte content : {std::byte{1}, std::byte{2}}) {
    Pair pair({});
    pair.world.Run(10ms);
    pair.world.Call(pair.a, [&](Node&, Transport& t) {
      wire::Frame frame = MakeFrame(1);
      frame.body.writable()[0] = content;
      t.Send(pair.log_a.link, std::move(frame));
    });
    pair.world.Run(20ms);
    hashes.insert(pair.world.event_hash());
  }
  EXPECT_EQ(hashes.size(), 2u);
}

TEST(SimWorld, APausedNodeMissesNothingAndSeesItInOrder) {
  Pair pair({});
  pair.world.Run(100ms);
  pair.world.Pause(pair.b);
  const std::size_t before = pair.log_b.frames.size();
  pair.world.Run(200ms);
  EXPECT_TRUE(pair.world.paused(pair.b));
  EXPECT_EQ(pair.log_b.frames.size(), before);
  pair.world.Call(
      pair.a, [&](Node&, Transport& t) { EXPECT_GT(t.queued_bytes(pair.log_a.link), 50u * 96u); });
  pair.world.Run(200ms);
  pair.world.Resume(pair.b);
  pair.world.Run(300ms);
  EXPECT_GT(pair.log_b.frames.size(), before + 150);
  for (std::size_t i = 0; i < pair.log_b.frames.size(); ++i) {
    ASSERT_EQ(pair.log_b.frames[i], i + 1);
  }
  EXPECT_TRUE(pair.log_a.closed.empty());
}

TEST(SimWorld, AShortPartitionDelaysALongOneBreaks) {
  Pair pair({.link_timeout = 1s});
  pair.world.Run(100ms);
  pair.world.Partition(pair.a, pair.b);
  const std::size_t before = pair.log_b.frames.size();
  pair.world.Run(500ms);
  EXPECT_LE(pair.log_b.frames.size(), before + 1);
  pair.world.Heal(pair.a, pair.b);
  pair.world.Run(600ms);
  EXPECT_GT(pair.log_b.frames.size(), before + 400);
  for (std::size_t i = 0; i < pair.log_b.frames.size(); ++i) {
    ASSERT_EQ(pair.log_b.frames[i], i + 1);
  }
  // One way: what "a" sends is lost, so "a" gives up; "b" hears of it once the way is free.
  pair.world.PartitionOneWay(pair.a, pair.b);
  pair.world.Run(3s);
  ASSERT_FALSE(pair.log_a.closed.empty());
  EXPECT_EQ(pair.log_a.closed[0], "b did not acknowledge data for 1 s");
  EXPECT_TRUE(pair.log_b.closed.empty());
  pair.world.HealAll();
  pair.world.Run(4s);
  EXPECT_EQ(pair.log_b.closed, (std::vector<std::string>{"a closed the connection"}));
  EXPECT_NE(pair.log_a.link, 0u);
}

TEST(SimWorld, BrokenLinksCloseBothEnds) {
  Pair pair({.faults = {.break_link = 0.02}, .connect_timeout = 50ms});
  pair.world.Run(2s);
  EXPECT_GT(pair.world.fault_counts().links_broken, 10u);
  EXPECT_GT(pair.log_a.closed.size(), 10u);
  EXPECT_GT(pair.log_b.closed.size(), 10u);
  EXPECT_EQ(pair.log_b.closed[0], "a reset the connection");
}

TEST(SimWorld, ActionsHappenInTheOrderOfTheirTimesAndClocksDiffer) {
  SimWorld world(SimOptions{.seed = 3});
  std::vector<int> order;
  world.At(2ms, [&] { order.push_back(2); });
  world.At(1ms, [&] {
    order.push_back(1);
    EXPECT_EQ(world.now(), 1ms);
    world.At(1ms, [&] { order.push_back(11); });
  });
  world.At(2ms, [&] { order.push_back(3); });
  EXPECT_TRUE(world.Run(1s, [&] { return order.size() == 3; }));
  EXPECT_EQ(world.now(), 2ms);
  EXPECT_FALSE(world.Run(1s));
  EXPECT_EQ(world.now(), 1s);
  EXPECT_EQ(order, (std::vector<int>{1, 11, 2, 3}));
  EXPECT_EQ(world.event_count(), 4u);

  Pair pair({});
  std::map<NodeIndex, runtime::Time> clocks;
  for (const NodeIndex node : {pair.a, pair.b}) {
    pair.world.Call(node, [&, node](Node&, Transport& t) { clocks[node] = t.now(); });
  }
  pair.world.Run(1ms);
  EXPECT_NE(clocks[pair.a], clocks[pair.b]);
}

}  // namespace
}  // namespace steelyard::transport
