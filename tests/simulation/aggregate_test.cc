// Goal: members of a group that push to an aggregated table compute, at tau 0, what one thread computes that adds in order,
// bit for bit, whatever the delays and faults; and whoever leaves or dies, no push is lost or counted twice.
// Method: programs whose pushes depend on all that they pulled, against an oracle; then jobs, against each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "client/member_node.h"
#include "client/member_tasks.h"
#include "cluster.h"
#include "seeds.h"
#include "table/updater.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;
using transport::Transport;

constexpr std::size_t kMembers = 3;
constexpr Step kSteps = 25;
constexpr std::size_t kKeys = 64;
constexpr std::uint32_t kGroup = client::OwnGroup(6);
const UpdaterOptions kFtrl{.name = "ftrl", .alpha = 0.3F, .beta = 1, .l1 = 0.01F};

std::vector<Key> AllKeys() {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys.push_back(i << 58 | i);
  return keys;
}

/// What a member pushes in a step: half of the keys, of values that depend on the bits of everything it pulled.
client::PushRequest GradientOf(std::size_t member, Step step, const std::vector<float>& pulled) {
  const std::vector<Key> keys = AllKeys();
  std::mt19937_64 random(member * 1000 + static_cast<std::uint64_t>(step));
  client::PushRequest push{.step = step, .floats_per_key = 1, .keys = {}, .floats = {}};
  for (std::size_t i = 0; i < kKeys; ++i) {
    const auto noise = static_cast<float>(random() % 10'000) / 777.0F - 6.0F;
    if (random() % 2 == 0) continue;
    push.keys.push_back(keys[i]);
    push.floats.push_back(noise + 0.3F * pulled[i] + 0.1F * pulled[(i + 7) % kKeys]);
  }
  return push;
}

struct Story {
  bool counting = false;  ///< Everybody pushes ones, so that sums are exact in any order.
  std::array<Step, kMembers> last_step = {kSteps - 1, kSteps - 1, kSteps - 1};
  std::array<Step, kMembers> given_through = {-1, -1, -1};
  std::array<Step, kMembers> done_through = {-1, -1, -1};
  std::array<bool, kMembers> finished = {};
  std::optional<std::vector<float>> result;  ///< As member 0 pulls it at the end.
  std::uint64_t pulls = 0;
  std::string violation;
};

/// Pulls, computes, pushes, step after step.
class Program final : public client::MemberNode {
 public:
  Program(std::size_t index, UpdaterOptions updater, Story* story, Options options)
      : MemberNode(wire::Role::kClient, std::move(options)),
        index_(index),
        updater_(std::move(updater)),
        story_(story) {}

 private:
  void OnHeadReady(Transport& transport) override { Ask(transport); }
  void OnTurn(Transport& transport) override {
    if (!view_ && head_.ready() && transport.now() >= asked_at_ + kAskAgainAfter) Ask(transport);
  }
  std::optional<runtime::Time> next_turn() const override {
    if (view_) return {};
    return asked_at_ + kAskAgainAfter;
  }
  void Ask(Transport& transport) {
    if (view_) return;
    asked_at_ = transport.now();
    if (index_ == 0) {
      wire::TableCreate create{.spec = {}, .servers_min = 3, .stays = true, .cuts = {}};
      create.spec.options = {
          .name = "sums", .updater = updater_, .segment_count = 8, .aggregate = true};
      head_.Send(transport, wire::MakeFrame(create, 1));
    } else {
      head_.Send(transport, wire::MakeFrame(wire::ViewGet{.table = 0, .name = "sums"}, 1));
    }
  }
  void OnHeadFrame(Transport& transport, wire::Frame frame) override {
    if (view_ || frame.header.type != wire::MessageType::kView) return;
    auto view = wire::Decode<wire::View>(frame.body.bytes());
    if (!view.ok()) return;
    view_ = std::move(view.value());
    tasks_.Begin(view_->table, kGroup, 0);
    AttachMember(transport, *view_, kGroup, 0, kMembers, [this, &transport](const Status& status) {
      if (!status.ok()) return Fail(status);
      Begin(transport, 0);
    });
  }

  void Fail(const Status& status) {
    if (story_->violation.empty())
      story_->violation = "program " + std::to_string(index_) + ": " + status.ToString();
  }

  void Pull(Transport& transport, Step step, std::function<void(std::vector<float>)> then) {
    client::TaskSpec spec{.id = next_task_++, .step = step};
    spec.gate = client::GroupGate{.group = 0, .step = step - 1};
    tasks_.Pull(transport, view_->table, spec, {.floats_per_key = 1, .keys = AllKeys()},
                [this, then = std::move(then)](Result<client::Pulled> pulled) {
                  if (!pulled.ok()) return Fail(pulled.status());
                  ++story_->pulls;
                  then(std::move(pulled.value().floats));
                });
  }

  void Begin(Transport& transport, Step step) {
    Pull(transport, step, [this, &transport, step](const std::vector<float>& pulled) {
      if (step > story_->last_step[index_]) return End(pulled);
      client::PushRequest push = GradientOf(index_, step, pulled);
      if (story_->counting) std::ranges::fill(push.floats, 1.0F);
      // Half of the steps go in two pushes.
      const std::size_t cut = step % 2 == 0 ? push.keys.size() : push.keys.size() / 2;
      const auto part = [&](std::size_t first, std::size_t last) {
        client::PushRequest some = push;
        some.keys.assign(push.keys.begin() + static_cast<std::ptrdiff_t>(first),
                         push.keys.begin() + static_cast<std::ptrdiff_t>(last));
        some.floats.assign(push.floats.begin() + static_cast<std::ptrdiff_t>(first),
                           push.floats.begin() + static_cast<std::ptrdiff_t>(last));
        return some;
      };
      const bool more = cut < push.keys.size();
      Push(transport, step, part(0, cut), more);
      if (more) Push(transport, step, part(cut, push.keys.size()), false);
      Begin(transport, step + 1);
    });
  }

  void Push(Transport& transport, Step step, client::PushRequest push, bool more) {
    story_->given_through[index_] = step;
    const client::TaskSpec spec{.id = next_task_++, .step = step, .more_of_step = more};
    tasks_.Push(transport, view_->table, spec, std::move(push),
                [this, &transport, step, more](const Status& status) {
                  if (!status.ok()) return Fail(status);
                  if (!more) story_->done_through[index_] = step;
                  if (step == kSteps / 2 && step == story_->last_step[index_] && !more)
                    Leave(transport);
                });
  }

  void End(const std::vector<float>& pulled) {
    story_->finished[index_] = true;
    if (story_->last_step[index_] == kSteps - 1) story_->result = pulled;
  }

  void Leave(Transport& transport) {
    const Status left = client_.Leave(transport, view_->table, [](const Status&) {});
    if (!left.ok()) Fail(left);
  }

  std::size_t index_;
  UpdaterOptions updater_;
  Story* story_;
  std::optional<wire::View> view_;
  runtime::Time asked_at_{0};
  client::MemberTasks tasks_{&client_};
  client::TaskId next_task_ = 1;
};

/// The same on one thread: in each step all members compute on the same values, then the sum is applied once.
std::vector<float> OneThread(const Story& story) {
  const auto updater = std::move(table::MakeUpdater(kFtrl, 1).value());
  std::vector<std::vector<float>> rows(kKeys, std::vector<float>(updater->row_floats()));
  const std::vector<Key> keys = AllKeys();
  const auto read = [&] {
    std::vector<float> values(kKeys);
    for (std::size_t i = 0; i < kKeys; ++i)
      updater->Read(i, rows[i], std::span(values).subspan(i, 1));
    return values;
  };
  for (Step step = 0; step < kSteps; ++step) {
    const std::vector<float> values = read();
    std::map<Key, float> sums;
    for (std::size_t member = 0; member < kMembers; ++member) {
      if (step > story.last_step[member]) continue;
      const client::PushRequest push = GradientOf(member, step, values);
      for (std::size_t i = 0; i < push.keys.size(); ++i) {
        const auto [at, first] = sums.try_emplace(push.keys[i], push.floats[i]);
        if (!first) at->second += push.floats[i];
      }
    }
    for (const auto& [key, sum] : sums) {
      const auto i = static_cast<std::size_t>(std::ranges::find(keys, key) - keys.begin());
      updater->Apply(i, rows[i], std::span(&sum, 1));
    }
  }
  return read();
}

ClusterOptions FaultyOptions(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  return ForPrograms(random, seed);
}

/// Tell the programs to begin one after another, so that their streams are numbered as the oracle counts them.
std::vector<transport::NodeIndex> AddPrograms(Cluster& cluster, const UpdaterOptions& updater,
                                              Story& story) {
  std::vector<transport::NodeIndex> nodes;
  transport::SimWorld& world = cluster.world();
  for (std::size_t i = 0; i < kMembers; ++i) {
    nodes.push_back(world.AddNode("program-" + std::to_string(i), [&, i](runtime::Executor&) {
      return std::make_unique<Program>(
          i, updater, &story,
          client::MemberNode::Options{
              .head_address = "head", .incarnation = 1'000 + i, .description = "simulated"});
    }));
    world.Run(world.now() + 5s, [] { return false; });
  }
  return nodes;
}

TEST(Aggregate, MembersAtTauZeroHaveTheBitsOfOneThreadUnderAnyFaults) {
  std::uint64_t faults = 0;
  std::uint64_t pulls = 0;
  const Seeds seeds = SeedsOf(/*least=*/24, /*share=*/10);
  for (std::uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    Cluster cluster(FaultyOptions(seed));
    Story story;
    if (seed % 3 == 0) story.last_step[1] = kSteps / 2;  // Leaves then.
    (void)AddPrograms(cluster, kFtrl, story);
    ASSERT_TRUE(cluster.world().Run(cluster.world().now() + 600s,
                                    [&] {
                                      return !story.violation.empty() ||
                                             std::ranges::all_of(story.finished,
                                                                 [](bool f) { return f; });
                                    }))
        << "seed " << seed;
    ASSERT_EQ(story.violation, "") << "seed " << seed;
    const std::vector<float> expected = OneThread(story);
    ASSERT_TRUE(story.result);
    std::size_t nonzeros = 0;
    for (std::size_t i = 0; i < kKeys; ++i) {
      nonzeros += expected[i] != 0;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(story.result->at(i)),
                std::bit_cast<std::uint32_t>(expected[i]))
          << "seed " << seed << ", key " << i << ": " << story.result->at(i) << " and "
          << expected[i];
    }
    EXPECT_GT(nonzeros, kKeys / 2);
    faults += cluster.world().fault_counts().total();
    pulls += story.pulls;
  }
  EXPECT_GT(faults, 500u);
  EXPECT_GT(pulls, seeds.count * kSteps);
  std::cout << seeds.count << " seeds from " << seeds.first << ": " << pulls << " pulls, " << faults
            << " faults\n";
}

/// How often `key` is pushed by a member in steps 0 to `last`.
float CountOf(std::size_t member, Step last, Key key) {
  float count = 0;
  for (Step step = 0; step <= std::min(last, kSteps - 1); ++step) {
    const auto keys = GradientOf(member, step, std::vector<float>(kKeys)).keys;
    count += std::ranges::binary_search(keys, key) ? 1.0F : 0.0F;
  }
  return count;
}

TEST(Aggregate, WhoDiesIsNotWaitedForAndWhatWasAcknowledgedCountsOnce) {
  std::uint64_t exact = 0;
  const Seeds seeds = SeedsOf(/*least=*/12, /*share=*/20);
  for (std::uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    Cluster cluster(FaultyOptions(seed));
    Story story;
    story.counting = true;
    const auto nodes = AddPrograms(cluster, {.name = "add"}, story);
    transport::SimWorld& world = cluster.world();
    const Step at = static_cast<Step>(seed % 10);
    ASSERT_TRUE(world.Run(world.now() + 600s, [&] { return story.done_through[1] >= at; }));
    const Step acknowledged = story.done_through[1];
    const Step given = story.given_through[1];  // Where acknowledgements are lost, steps ahead.
    world.Crash(nodes[1]);
    ASSERT_TRUE(world.Run(
        world.now() + 600s,
        [&] { return !story.violation.empty() || (story.finished[0] && story.finished[2]); }))
        << "the others wait for the one that died, seed " << seed;
    ASSERT_EQ(story.violation, "") << "seed " << seed;
    const std::vector<Key> keys = AllKeys();
    for (std::size_t i = 0; i < kKeys; ++i) {
      const float others = CountOf(0, kSteps, keys[i]) + CountOf(2, kSteps, keys[i]);
      const float least = others + CountOf(1, acknowledged, keys[i]);
      const float most = others + CountOf(1, given, keys[i]);
      EXPECT_GE(story.result->at(i), least) << "lost, seed " << seed;
      EXPECT_LE(story.result->at(i), most) << "doubled, seed " << seed;
      exact += least == most;
    }
  }
  EXPECT_GT(exact, 100u) << "some keys leave no choice";
}

TEST(Aggregate, JobsCountEveryRowOnceAndHaveTheSameBitsInEveryRun) {
  for (const bool counting : {true, false}) {
    std::map<Key, std::vector<float>> first;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      ClusterOptions options;
      options.counting = counting;
      options.world.seed = seed;
      if (seed > 1)
        options.world.faults = {.drop = 0.01, .duplicate = 0.01, .reorder = 0.05, .slow = 0.005};
      options.rows.count = 6'000;
      Cluster cluster(options);
      job::TrainParameters parameters;
      parameters.data = {"memory"};
      parameters.minibatch = 16;
      parameters.passes = 2;
      parameters.tau = {.steps = counting ? static_cast<Step>(seed % 3) : 0};
      parameters.aggregate = true;
      const std::size_t job = cluster.Submit(parameters);
      ASSERT_TRUE(cluster.RunUntilEnd(job, 1'200s)) << cluster.outcome(job).last_status;
      ASSERT_TRUE(cluster.outcome(job).status.ok()) << cluster.outcome(job).status.ToString();
      if (counting) {
        EXPECT_EQ(cluster.outcome(job).rows, cluster.ExpectedCounts(2)) << "seed " << seed;
        continue;
      }
      if (seed == 1) first = cluster.outcome(job).rows;
      EXPECT_GT(first.size(), 100u);
      EXPECT_EQ(cluster.outcome(job).rows, first) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace steelyard::simulation
