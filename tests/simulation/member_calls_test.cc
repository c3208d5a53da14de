// Goal: a call at a member runs once and is answered once, whatever the network does; one at a member that dies ends and
// names it; nothing hangs. Method: production objects in simulated worlds with faults: a head, three programs that answer and
// one that calls one member or all, each call with bytes of its own; answers come late, so that calls are open together.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "api/cluster_node.h"
#include "job/head.h"
#include "seeds.h"
#include "transport/sim_network.h"

namespace steelyard::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kGroup = 5;
constexpr std::uint32_t kMembers = 3;
constexpr int kCalls = 60;
constexpr runtime::Time kPatience = 300s;

struct Totals {
  std::uint64_t faults = 0;
  int answered = 0;
  int gone = 0;
  int late = 0;
};

class MemberWorld {
 public:
  explicit MemberWorld(std::uint64_t seed)
      : world_({.seed = seed,
                .faults = {.drop = 0.05,
                           .duplicate = 0.05,
                           .reorder = 0.1,
                           .slow = 0.02,
                           .break_link = 0.003,
                           .corrupt = 0.001}}) {
    world_.AddNode("head", [](runtime::Executor&) {
      return std::make_unique<job::Head>(job::Head::Options{
          .cluster_id = 7, .incarnation = 1, .listen_address = "head", .membership = {}});
    });
    for (std::uint32_t i = 0; i <= kMembers; ++i) nodes_.push_back(AddProgram(i));
  }

  void Serve(std::uint32_t member) {
    bool served = false;
    On(member, [&](api::ClusterNode& node, transport::Transport& transport) {
      node.calls().HandleWith([this, member](const wire::MemberCall& call) {
        EXPECT_EQ(call.member, member);
        ++runs_[{member, call.arguments}];
        waiting_.push_back({member, call});
      });
      const wire::GroupServe serve{.group = kGroup, .member = member, .functions = {"f"}};
      node.Ask(transport, wire::MakeFrame(serve), [&served](const Result<wire::Frame>& answer) {
        EXPECT_TRUE(answer.ok()) << answer.status().ToString();
        served = true;
      });
    });
    ASSERT_TRUE(world_.Run(world_.now() + kPatience, [&] { return served; }));
  }

  void Call(const std::string& arguments, std::uint32_t member, std::chrono::nanoseconds patience) {
    On(kMembers, [&](api::ClusterNode& node, transport::Transport& transport) {
      node.Call(transport,
                {.group = kGroup,
                 .member = member,
                 .patience_ns = static_cast<std::uint64_t>(patience.count()),
                 .function = "f",
                 .arguments = arguments},
                [this, arguments](Result<wire::MemberAnswer> answer) {
                  EXPECT_TRUE(answers_.emplace(arguments, std::move(answer)).second)
                      << arguments << " is answered twice";
                });
    });
  }

  /// Let members answer what they were given, in another order, until at least `count` calls are answered.
  void RunUntilAnswered(std::size_t count) {
    const runtime::Time end = world_.now() + kPatience;
    while (answers_.size() < count && world_.now() < end) {
      (void)world_.Run(world_.now() + 7ms, [&] { return answers_.size() >= count; });
      if (waiting_.empty()) continue;
      const auto [member, call] = waiting_.back();
      waiting_.pop_back();
      if (dead_ == member) continue;
      On(member, [&, member = member, call = call](api::ClusterNode& node,
                                                   transport::Transport& transport) {
        node.calls().Answer(transport,
                            {.number = call.number,
                             .results = {{.member = member,
                                          .code = StatusCode::kOk,
                                          .message = {},
                                          .bytes = call.arguments + std::to_string(member)}}});
      });
    }
    ASSERT_GE(answers_.size(), count) << "calls hang";
  }

  void Kill(std::uint32_t member) {
    dead_ = member;
    world_.Crash(nodes_[member]);
  }

  /// What was answered is what ran, once.
  void Check(Totals& totals) {
    for (const auto& [arguments, answer] : answers_) {
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      for (const wire::MemberResult& result : answer.value().results) {
        const auto ran = runs_.find({result.member, arguments});
        if (result.code == StatusCode::kOk) {
          ++totals.answered;
          ASSERT_NE(ran, runs_.end());
          EXPECT_EQ(result.bytes, arguments + std::to_string(result.member));
        } else if (result.code == StatusCode::kDeadlineExceeded) {
          ++totals.late;
          EXPECT_NE(result.message.find("has not answered 'f' within"), std::string::npos);
        } else {
          ++totals.gone;
          EXPECT_EQ(result.member, dead_) << result.message;
          EXPECT_TRUE(result.code == StatusCode::kUnavailable ||
                      result.code == StatusCode::kNotFound)
              << result.message;
          EXPECT_NE(result.message.find("member " + std::to_string(dead_)), std::string::npos)
              << result.message;
        }
      }
    }
    for (const auto& [what, times] : runs_)
      EXPECT_EQ(times, 1) << what.second << " at member " << what.first;
    totals.faults += world_.fault_counts().total();
  }
  std::size_t run_count() const { return runs_.size(); }

 private:
  transport::NodeIndex AddProgram(std::uint32_t index) {
    return world_.AddNode("program-" + std::to_string(index), [index](runtime::Executor&) {
      return std::make_unique<api::ClusterNode>(api::ClusterNode::Options{
          .head_address = "head", .incarnation = 90 + index, .description = "simulated"});
    });
  }
  /// Run `work(node, transport)` at a program, and the world until it has.
  template <typename Work>
  void On(std::uint32_t program, Work work) {
    bool done = false;
    world_.Call(nodes_[program], [&](transport::Node& node, transport::Transport& transport) {
      auto& it = dynamic_cast<api::ClusterNode&>(node);
      work(it, transport);
      it.ArmAlarm(transport);
      done = true;
    });
    EXPECT_TRUE(world_.Run(world_.now() + kPatience, [&] { return done; }));
  }

  transport::SimWorld world_;
  std::vector<transport::NodeIndex> nodes_;
  std::vector<std::pair<std::uint32_t, wire::MemberCall>> waiting_;
  std::map<std::pair<std::uint32_t, std::string>, int> runs_;
  std::map<std::string, Result<wire::MemberAnswer>> answers_;
  std::uint32_t dead_ = ~0U - 1;
};

TEST(SimulatedMemberCalls, RunOnceAndAreAnswered) {
  Totals totals;
  const Seeds seeds = SeedsOf(/*least=*/40, /*share=*/10);
  for (std::uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemberWorld world(seed);
    for (std::uint32_t member = 0; member < kMembers; ++member)
      ASSERT_NO_FATAL_FAILURE(world.Serve(member));
    const bool dies = seed % 2 == 0;
    const bool hurried = seed % 5 == 0;
    for (int i = 0; i < kCalls; ++i) {
      const std::uint32_t member =
          i % 3 == 0 ? wire::kEveryMember : static_cast<std::uint32_t>(i) % kMembers;
      world.Call("call " + std::to_string(i) + " at ", member, hurried ? 500ms : 200'000ms);
      if (i % 20 != 19) continue;
      if (dies && i == 39) {
        world.Kill(1);
      } else {
        ASSERT_NO_FATAL_FAILURE(world.RunUntilAnswered(static_cast<std::size_t>(i - 10)));
      }
    }
    ASSERT_NO_FATAL_FAILURE(world.RunUntilAnswered(kCalls));
    ASSERT_NO_FATAL_FAILURE(world.Check(totals));
    EXPECT_GT(world.run_count(), static_cast<std::size_t>(kCalls) / 2);
  }
  EXPECT_GT(totals.faults, 1000U);
  EXPECT_GT(totals.answered, 1000);
  EXPECT_GT(totals.gone, 100);
  EXPECT_GT(totals.late, 10);
  std::cout << seeds.count << " seeds from " << seeds.first << ": " << totals.faults << " faults, "
            << totals.answered << " answers, " << totals.gone << " of the dead, " << totals.late
            << " too late\n";
}

}  // namespace
}  // namespace steelyard::simulation
