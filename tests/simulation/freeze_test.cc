// Goal: freezing a table ends, well or with the name of who is gone, whatever the network and the processes do meanwhile.
// Method: programs push and pull while one of them freezes; faults by seed; servers and the head pause, die and come back.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>

#include "base/hash.h"
#include "client/member_node.h"
#include "cluster.h"

namespace steelyard::simulation {
namespace {

using runtime::Time;
using transport::Transport;
using namespace std::chrono_literals;

constexpr std::size_t kServers = 3;
constexpr std::uint64_t kKeys = 3'000;
constexpr std::uint64_t kRareEvery = 3;  // Every third key is pushed once, the others twice.
constexpr std::uint64_t kKept = kKeys - (kKeys + kRareEvery - 1) / kRareEvery;
constexpr KeyRange kEveryKey{0, kKeyMax};
constexpr KeyRange kLowerHalf{0, kKeyMax / 2};
constexpr std::size_t kBlockPushes = 6;  // Of all keys and of the lower half, in turns.

struct Seen {
  bool ready = false;  ///< The keys are in the table.
  std::optional<Result<wire::TableFrozen>> frozen;
  std::size_t answers = 0;  ///< TABLE_FROZEN; a repeated question may be answered twice.
  std::optional<Status> pushed_after;
  std::optional<Result<client::Pulled>> pulled_after;
  std::optional<Result<client::Pulled>>
      block_after;  ///< Pulled by range, once it was pushed by range.
  bool done = false;
};

/// Creates a table, fills it, freezes it, then pulls all, pushes and pulls ranges without keys, and pushes a key that was
/// dropped.
class Freezer final : public client::MemberNode {
 public:
  Freezer(Seen* seen, Options options)
      : MemberNode(wire::Role::kClient, std::move(options)), seen_(seen) {}

 private:
  void OnHeadReady(Transport& transport) override { Ask(transport); }
  void OnTurn(Transport& transport) override {
    if (seen_->done) return;
    const Status lost = head_.failure(transport.now());
    if (!lost.ok() && !seen_->frozen) {
      seen_->frozen = lost;
      seen_->done = true;
    } else if (head_.ready() && transport.now() >= asked_at_ + kAskAgainAfter) {
      Ask(transport);
    }
  }
  std::optional<Time> next_turn() const override {
    if (seen_->done) return {};
    return asked_at_ + kAskAgainAfter;
  }
  void Ask(Transport& transport) {
    asked_at_ = transport.now();
    if (!view_) {
      head_.Send(
          transport,
          wire::MakeFrame(
              wire::TableCreate{.spec = {{.name = "counts", .updater = {}, .segment_count = 16}},
                                .servers_min = kServers,
                                .stays = true,
                                .cuts = {}},
              1));
    } else if (seen_->ready && !seen_->frozen) {
      head_.Send(transport, wire::MakeFrame(wire::TableFreeze{view_->table, 2.0F}, 2));
    }
  }
  void OnHeadFrame(Transport& transport, wire::Frame frame) override {
    if (frame.header.type == wire::MessageType::kView && !view_) {
      view_ = wire::Decode<wire::View>(frame.body.bytes()).value();
      AttachAlone(transport, *view_, [this, &transport](const Status& status) {
        if (status.ok()) return Fill(transport, 0);
        seen_->frozen = status;
        seen_->done = true;
      });
    }
    if (frame.header.request_id != 2) return;
    if (frame.header.type == wire::MessageType::kRefused) {
      if (!seen_->frozen)
        seen_->frozen = wire::Decode<wire::Refused>(frame.body.bytes()).value().ToStatus();
      seen_->done = true;
    } else if (frame.header.type == wire::MessageType::kTableFrozen) {
      ++seen_->answers;
      if (seen_->frozen) return;
      seen_->frozen = wire::Decode<wire::TableFrozen>(frame.body.bytes()).value();
      After(transport);
    }
  }
  static std::vector<Key> Sorted(std::uint64_t from, std::uint64_t step) {
    std::vector<Key> keys;
    for (std::uint64_t id = from; id < kKeys; id += step) keys.push_back(KeyOfId(id));
    std::ranges::sort(keys);
    return keys;
  }
  void Fill(Transport& transport, int round) {
    std::vector<Key> keys = Sorted(0, 1);
    if (round == 1) std::erase_if(keys, [](Key key) { return IdOfKey(key) % kRareEvery == 0; });
    std::vector<float> ones(keys.size(), 1.0F);
    const auto given =
        client_.Push(transport, view_->table, {.keys = std::move(keys), .floats = std::move(ones)},
                     [this, &transport, round](const Status& status) {
                       if (!status.ok()) {
                         seen_->frozen = status;
                         seen_->done = true;
                       } else if (round == 0) {
                         Fill(transport, 1);
                       } else {
                         seen_->ready = true;
                         Ask(transport);
                       }
                     });
    EXPECT_TRUE(given.ok());
  }
  void After(Transport& transport) {
    const auto pulled = client_.Pull(transport, view_->table, {.keys = Sorted(0, 1)},
                                     [this, &transport](Result<client::Pulled> result) {
                                       seen_->pulled_after = std::move(result);
                                       if (seen_->pulled_after->ok()) return PushBlocks(transport);
                                       seen_->done = true;
                                     });
    EXPECT_TRUE(pulled.ok());
  }
  static std::vector<Key> Kept(KeyRange range) {
    std::vector<Key> keys = Sorted(0, 1);
    std::erase_if(keys,
                  [range](Key key) { return key > range.last || IdOfKey(key) % kRareEvery == 0; });
    return keys;
  }
  void PushBlocks(Transport& transport) {
    blocks_out_ = kBlockPushes;
    for (std::size_t i = 0; i < kBlockPushes; ++i) {
      const KeyRange range = i % 2 == 0 ? kEveryKey : kLowerHalf;
      client::PushRequest request{.keys = Kept(range), .floats = {}, .all_of = range};
      request.floats.assign(request.keys.size(), 1.0F);
      const auto given = client_.Push(transport, view_->table, std::move(request),
                                      [this, &transport](const Status& status) {
                                        if (!status.ok()) seen_->block_after = status;
                                        if (--blocks_out_ == 0) PullBlock(transport);
                                      });
      EXPECT_TRUE(given.ok()) << given.status().ToString();
    }
  }
  void PullBlock(Transport& transport) {
    seen_->done = seen_->block_after.has_value();  // It is the error of a push.
    if (seen_->done) return;
    const auto pulled =
        client_.Pull(transport, view_->table, {.keys = Kept(kEveryKey), .all_of = kEveryKey},
                     [this, &transport](Result<client::Pulled> result) {
                       seen_->block_after = std::move(result);
                       PushDropped(transport);
                     });
    EXPECT_TRUE(pulled.ok());
  }
  void PushDropped(Transport& transport) {
    const auto given = client_.Push(transport, view_->table, {.keys = {KeyOfId(0)}, .floats = {1}},
                                    [this](const Status& status) {
                                      seen_->pushed_after = status;
                                      seen_->done = true;
                                    });
    if (given.ok()) return;
    seen_->pushed_after = given.status();
    seen_->done = true;
  }

  Seen* seen_;
  std::optional<wire::View> view_;
  Time asked_at_{0};
  std::size_t blocks_out_ = 0;
};

enum class Event { kNone, kPauseServer, kPauseHead, kKillServer, kRestartServer, kKillHead };

/// @return what was seen, once all is over.
Seen RunStory(std::uint64_t seed, Event event, std::uint64_t& faults) {
  std::mt19937_64 random(seed);
  ClusterOptions options;
  options.world.seed = seed;
  options.workers = 0;
  options.servers = kServers;
  options.world.faults = {.drop = 0.02, .duplicate = 0.02, .reorder = 0.05, .slow = 0.01};
  Cluster cluster(options);
  transport::SimWorld& world = cluster.world();
  Seen seen;
  world.AddNode("program", [&](runtime::Executor&) {
    return std::make_unique<Freezer>(
        &seen, client::MemberNode::Options{
                   .head_address = "head", .incarnation = 5'000, .description = "simulated"});
  });
  EXPECT_TRUE(world.Run(world.now() + 120s, [&] { return seen.ready || seen.done; }));
  // The question is on its way; what happens next comes before, while, or after the servers go over their rows.
  world.Run(world.now() + Time(random() % 2'000'000), [&] { return seen.done; });
  const transport::NodeIndex server = cluster.server(random() % kServers);
  const transport::NodeIndex head = 0;
  const Time pause = 1ms + Time(random() % 300'000'000);
  switch (event) {
    case Event::kNone:
      break;
    case Event::kPauseServer:
      world.Pause(server);
      world.At(world.now() + pause, [&world, server] { world.Resume(server); });
      break;
    case Event::kPauseHead:
      world.Pause(head);
      world.At(world.now() + pause, [&world, head] { world.Resume(head); });
      break;
    case Event::kKillServer:
      world.Crash(server);
      break;
    case Event::kRestartServer:
      world.Crash(server);
      world.At(world.now() + 2ms, [&world, server] { world.Restart(server); });
      break;
    case Event::kKillHead:
      world.Crash(head);
      break;
  }
  EXPECT_TRUE(world.Run(world.now() + 60s, [&] { return seen.done; }))
      << "seed " << seed << ": freezing hangs";
  faults += world.fault_counts().total();
  return seen;
}

void ExpectFrozen(const Seen& seen, std::uint64_t seed) {
  ASSERT_TRUE(seen.frozen && seen.frozen->ok())
      << "seed " << seed << ": " << (seen.frozen ? seen.frozen->status().ToString() : "no answer");
  std::uint64_t rows = 0;
  for (const wire::FrozenSegment& segment : seen.frozen->value().segments) rows += segment.rows;
  EXPECT_EQ(seen.frozen->value().segments.size(), 16u) << "seed " << seed;
  EXPECT_EQ(rows, kKept) << "seed " << seed;
  ASSERT_TRUE(seen.pulled_after && seen.pulled_after->ok()) << "seed " << seed;
  const client::Pulled& pulled = seen.pulled_after->value();
  ASSERT_EQ(pulled.keys.size(), kKeys);
  for (std::size_t i = 0; i < pulled.keys.size(); ++i) {
    const float expected = IdOfKey(pulled.keys[i]) % kRareEvery == 0 ? 0.0F : 2.0F;
    ASSERT_EQ(pulled.floats[i], expected) << "seed " << seed;
  }
  ASSERT_TRUE(seen.block_after && seen.block_after->ok()) << "seed " << seed;
  const client::Pulled& block = seen.block_after->value();
  ASSERT_EQ(block.keys.size(), kKept);
  for (std::size_t i = 0; i < block.keys.size(); ++i) {
    const float pushes = block.keys[i] <= kLowerHalf.last ? kBlockPushes : kBlockPushes / 2;
    ASSERT_EQ(block.floats[i], 2.0F + pushes) << "seed " << seed << ": each push counts once";
  }
  ASSERT_TRUE(seen.pushed_after);
  EXPECT_EQ(seen.pushed_after->code(), StatusCode::kInvalidArgument) << "seed " << seed;
  EXPECT_NE(seen.pushed_after->message().find("frozen"), std::string::npos);
}

/// Either it was frozen before the end, or the error names the victim.
bool ExpectNamed(const Seen& seen, const std::string& who, std::uint64_t seed) {
  if (!seen.frozen) return false;  // RunStory() has said so.
  if (seen.frozen->ok()) {
    if (!seen.pulled_after || seen.pulled_after->ok()) return false;
    EXPECT_NE(seen.pulled_after->status().ToString().find(who), std::string::npos)
        << "seed " << seed << ": " << seen.pulled_after->status().ToString();
    return true;
  }
  EXPECT_EQ(seen.frozen->status().code(), StatusCode::kUnavailable) << "seed " << seed;
  EXPECT_NE(seen.frozen->status().ToString().find(who), std::string::npos)
      << "seed " << seed << ": " << seen.frozen->status().ToString();
  return true;
}

TEST(Freezing, LossesAndPausesDoNotHurtIt) {
  std::uint64_t faults = 0;
  std::size_t stories = 0;
  for (const Event event : {Event::kNone, Event::kPauseServer, Event::kPauseHead}) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      ExpectFrozen(RunStory(seed, event, faults), seed);
      ++stories;
    }
  }
  EXPECT_GT(faults, 100u);
  std::cout << stories << " stories, " << faults << " faults\n";
}

TEST(Freezing, ADeadServerIsNamedAndNothingHangs) {
  std::uint64_t faults = 0;
  int named = 0;
  for (const Event event : {Event::kKillServer, Event::kRestartServer}) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed)
      named += ExpectNamed(RunStory(seed, event, faults), "server", seed);
  }
  EXPECT_GT(named, 20);
  std::cout << named << " of 30 stories end with the server's name\n";
}

TEST(Freezing, ADeadHeadIsNamedAndNothingHangs) {
  std::uint64_t faults = 0;
  int named = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    named += ExpectNamed(RunStory(seed, Event::kKillHead, faults), "head", seed);
  EXPECT_GT(named, 0);
}

}  // namespace
}  // namespace steelyard::simulation
