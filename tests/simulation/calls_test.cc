// Goal: functions that change rows are carried out exactly once and in their order among the pushes, whatever the network
// does to their messages; functions that read answer the same as pulls. Method: a program, a head and servers in simulated
// worlds with faults; values after n rounds of "add 1, double" are whole numbers that any lost or doubled round changes.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <vector>

#include "api/cluster_node.h"
#include "job/head.h"
#include "seeds.h"
#include "server/server.h"
#include "transport/sim_network.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSegments = 4;
constexpr int kRounds = 15;
constexpr runtime::Time kPatience = 300s;

class CallWorld {
 public:
  explicit CallWorld(std::uint64_t seed, std::size_t servers)
      : world_({.seed = seed,
                .faults = {.drop = 0.03,
                           .duplicate = 0.03,
                           .reorder = 0.05,
                           .slow = 0.01,
                           .break_link = 0.002,
                           .corrupt = 0.001}}) {
    world_.AddNode("head", [](runtime::Executor&) {
      return std::make_unique<job::Head>(job::Head::Options{
          .cluster_id = 7, .incarnation = 1, .listen_address = "head", .membership = {}});
    });
    for (std::size_t i = 0; i < servers; ++i) {
      const std::string address = "server-" + std::to_string(i);
      servers_.push_back(world_.AddNode(address, [address, i](runtime::Executor&) {
        return std::make_unique<server::Server>(
            server::Server::Options{.head_address = "head",
                                    .listen_address = address,
                                    .incarnation = 10 + i,
                                    .description = "simulated"});
      }));
    }
    program_ = world_.AddNode("program", [](runtime::Executor&) {
      return std::make_unique<api::ClusterNode>(api::ClusterNode::Options{
          .head_address = "head", .incarnation = 99, .description = "simulated"});
    });
    for (Key i = 0; i < 40; ++i) keys_.push_back(i << 58);
  }

  /// Do `work(node, transport, done)` at the program. @return what `done` was given.
  template <typename T, typename Work>
  Result<T> Do(Work work) {
    std::optional<Result<T>> result;
    world_.Call(program_, [&](transport::Node& node, transport::Transport& transport) {
      auto& program = dynamic_cast<api::ClusterNode&>(node);
      work(program, transport, [&result](Result<T> given) { result.emplace(std::move(given)); });
      program.ArmAlarm(transport);
    });
    if (!world_.Run(world_.now() + kPatience, [&] { return result.has_value(); }))
      return Status(StatusCode::kDeadlineExceeded, "it hangs");
    return *result;
  }

  Status CreateAndAttach(std::size_t servers) {
    wire::TableCreate create;
    create.servers_min = static_cast<std::uint32_t>(servers);
    create.stays = true;
    create.spec.options.name = "t";
    create.spec.options.segment_count = kSegments;
    const auto frame = Do<wire::Frame>([&](auto& program, auto& transport, auto done) {
      program.Ask(transport, wire::MakeFrame(create), done);
    });
    if (!frame.ok()) return frame.status();
    const auto view = wire::Decode<wire::View>(frame.value().body.bytes());
    if (!view.ok()) return view.status();
    table_ = view.value().table;
    const auto attached = Do<bool>([&](auto& program, auto& transport, auto done) {
      program.Attach(transport, view.value(), [done](const Status& status) {
        done(status.ok() ? Result<bool>(true) : Result<bool>(status));
      });
    });
    return attached.ok() ? Status() : attached.status();
  }

  /// Rounds of a push and a call, all sent at once. @return when the last call is done.
  Result<client::Called> PushAndDouble() {
    return Do<client::Called>([&](auto& program, auto& transport, auto done) {
      for (int round = 0; round < kRounds; ++round) {
        client::PushRequest push;
        push.keys = keys_;
        push.floats.assign(keys_.size(), 1.0F);
        EXPECT_TRUE(program.client().Push(transport, table_, std::move(push), nullptr).ok());
        const client::CallRequest scale{
            .function = "scale", .arguments = {std::uint64_t{0}, 2.0}, .effect = Effect::kChanges};
        const bool last = round == kRounds - 1;
        EXPECT_TRUE(program.client()
                        .Call(transport, table_, scale,
                              [done, last](Result<client::Called> called) {
                                if (last || !called.ok()) done(std::move(called));
                              })
                        .ok());
      }
    });
  }
  Result<client::Called> Summaries() {
    return Do<client::Called>([&](auto& program, auto& transport, auto done) {
      const client::CallRequest summary{.function = "summary", .arguments = {std::uint64_t{0}}};
      EXPECT_TRUE(program.client().Call(transport, table_, summary, done).ok());
    });
  }
  Result<client::Pulled> Values() {
    return Do<client::Pulled>([&](auto& program, auto& transport, auto done) {
      EXPECT_TRUE(program.client().Pull(transport, table_, {.keys = keys_}, done).ok());
    });
  }
  std::uint64_t Duplicates() {
    std::uint64_t count = 0;
    for (const transport::NodeIndex server : servers_)
      count +=
          dynamic_cast<server::Server&>(world_.node(server)).shard().counters().calls_duplicate;
    return count;
  }
  std::size_t key_count() const { return keys_.size(); }
  transport::SimWorld& world() { return world_; }

 private:
  transport::SimWorld world_;
  std::vector<transport::NodeIndex> servers_;
  transport::NodeIndex program_ = 0;
  std::vector<Key> keys_;
  TableId table_ = 0;
};

TEST(SimulatedCalls, ChangesAreMadeOnceAndInOrder) {
  std::uint64_t faults = 0;
  std::uint64_t duplicates = 0;
  const Seeds seeds = SeedsOf(/*least=*/30, /*share=*/10);
  for (std::uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    const std::size_t servers = 1 + seed % 3;
    CallWorld calls(seed, servers);
    const Status ready = calls.CreateAndAttach(servers);
    ASSERT_TRUE(ready.ok()) << "seed " << seed << ": " << ready.ToString();
    const auto done = calls.PushAndDouble();
    ASSERT_TRUE(done.ok()) << "seed " << seed << ": " << done.status().ToString();
    float expected = 0;
    for (int round = 0; round < kRounds; ++round) expected = (expected + 1) * 2;
    const auto values = calls.Values();
    ASSERT_TRUE(values.ok()) << "seed " << seed << ": " << values.status().ToString();
    EXPECT_EQ(values.value().floats, std::vector<float>(calls.key_count(), expected))
        << "seed " << seed;
    const auto summaries = calls.Summaries();
    ASSERT_TRUE(summaries.ok()) << "seed " << seed << ": " << summaries.status().ToString();
    double sum = 0;
    for (const FunctionAnswer& segment : summaries.value()) sum += segment.numbers.at(2);
    EXPECT_EQ(sum, static_cast<double>(expected) * static_cast<double>(calls.key_count()));
    faults += calls.world().fault_counts().total();
    duplicates += calls.Duplicates();
  }
  EXPECT_GT(faults, 100U);
  EXPECT_GT(duplicates, 0U) << "no repeat of a call came after it was done: the test shows nothing";
  std::cout << seeds.count << " seeds from " << seeds.first << ": " << faults << " faults, "
            << duplicates << " repeated segments of calls\n";
}

}  // namespace
}  // namespace steelyard::simulation
