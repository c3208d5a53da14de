#include "member_scenario.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "base/hash.h"
#include "client/member_node.h"
#include "client/member_tasks.h"
#include "cluster.h"

namespace steelyard::simulation {
namespace {

using client::TaskId;
using runtime::Time;
using transport::Transport;
using namespace std::chrono_literals;

constexpr std::size_t kMembers = 3;
constexpr std::size_t kServing = kMembers;  // Index of the program that only reads.
constexpr Step kSteps = 30;
constexpr std::size_t kKeysPerPush = 4;
constexpr std::uint32_t kGroup = client::OwnGroup(5);
constexpr std::string_view kTable = "shared";

/// The keys that `member` writes in `step`: 1 in each, once.
std::vector<Key> KeysOf(std::size_t member, Step step) {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < kKeysPerPush; ++i)
    keys.push_back(KeyOfId(member * 1'000'000 + static_cast<std::uint64_t>(step) * 10 + i));
  return keys;
}

/// What the programs and the judge share.
struct Story {
  Step tau = 0;
  bool bounded = true;
  bool leaves = false;
  bool dies = false;
  std::array<Step, kMembers> last_step = {kSteps - 1, kSteps - 1, kSteps - 1};
  std::array<std::size_t, kMembers + 1> open = {};  ///< Tasks not ended.
  std::array<std::size_t, kMembers + 1> ended = {};
  std::array<bool, kMembers + 1> finished = {};
  MemberResult result;

  void Fail(const std::string& what) {
    if (result.violation.empty()) result.violation = what;
  }
};

/// A program: attaches, gives all of its tasks at once, checks every answer.
class Program final : public client::MemberNode {
 public:
  Program(std::size_t index, std::uint64_t seed, Story* story, Options options)
      : MemberNode(wire::Role::kClient, std::move(options)),
        index_(index),
        random_(seed * 31 + index),
        story_(story) {}

 private:
  struct Expected {
    std::set<Key> present;
    std::set<Key> absent;
    Step step = 0;
    Step sequential = 0;  ///< Through this step is what a sequential pull would see.
    bool bound = false;
  };

  void OnHeadReady(Transport& transport) override { Ask(transport); }
  void OnTurn(Transport& transport) override {
    if (!view_ && head_.ready() && transport.now() >= asked_at_ + kAskAgainAfter) Ask(transport);
  }
  std::optional<Time> next_turn() const override {
    if (view_) return {};
    return asked_at_ + kAskAgainAfter;
  }
  void Ask(Transport& transport) {
    if (view_) return;
    asked_at_ = transport.now();
    if (index_ == 0) {
      head_.Send(transport,
                 wire::MakeFrame(
                     wire::TableCreate{
                         .spec = {{.name = std::string(kTable), .updater = {}, .segment_count = 8}},
                         .servers_min = 3,
                         .stays = true,
                         .cuts = {}},
                     1));
    } else {
      head_.Send(transport,
                 wire::MakeFrame(wire::ViewGet{.table = 0, .name = std::string(kTable)}, 1));
    }
  }
  void OnHeadFrame(Transport& transport, wire::Frame frame) override {
    if (view_ || frame.header.type != wire::MessageType::kView) return;
    auto view = wire::Decode<wire::View>(frame.body.bytes());
    if (!view.ok()) return;
    view_ = std::move(view.value());
    const JobId group = index_ == kServing ? 0 : kGroup;
    tasks_.Begin(view_->table, group, 0);
    AttachMember(transport, *view_, group, 0, kMembers, [this, &transport](const Status& status) {
      if (!status.ok()) return story_->Fail("attaching: " + status.ToString());
      index_ == kServing ? Serve(transport) : Train(transport);
    });
  }

  std::uint64_t Draw(std::uint64_t below) { return random_() % below; }

  void Train(Transport& transport) {
    const Step last = story_->last_step[index_];
    for (Step step = 0; step <= last; ++step) {
      // Sequential in the strict sense: the pull waits for the push before it, and the push for the pull.
      const bool strict = story_->bounded && story_->tau == 0;
      const TaskId pull = next_task_++;
      client::TaskSpec asks{.id = pull, .step = step};
      if (story_->bounded)
        asks.gate =
            client::GroupGate{.group = Draw(2) == 0 ? 0 : kGroup, .step = step - story_->tau - 1};
      Expected expected{
          .present = {}, .absent = {}, .step = step, .sequential = step - 1, .bound = false};
      for (const auto& [task, keys] : pushes_) {
        if (Draw(4) != 0 || task + 20 < pull) continue;
        asks.after.push_back(task);
        expected.present.insert(keys.begin(), keys.end());
      }
      const std::vector<Key> mine = KeysOf(index_, step);
      const bool after_pull = strict || Draw(2) == 0;
      if (after_pull) expected.absent.insert(mine.begin(), mine.end());
      Pull(transport, asks, std::move(expected));
      Push(transport, step, mine, after_pull ? std::optional(pull) : std::nullopt);
    }
  }

  void Push(Transport& transport, Step step, const std::vector<Key>& keys,
            std::optional<TaskId> after) {
    const std::size_t parts = 1 + Draw(2);
    for (std::size_t part = 0; part < parts; ++part) {
      client::TaskSpec spec{.id = next_task_++, .step = step};
      spec.more_of_step = part + 1 < parts;
      if (after) spec.after.push_back(*after);
      if (!pushes_.empty() && Draw(3) == 0) spec.after.push_back(pushes_.rbegin()->first);
      const std::size_t first = part * kKeysPerPush / parts;
      const std::size_t last = (part + 1) * kKeysPerPush / parts;
      std::vector<Key> some(keys.begin() + static_cast<std::ptrdiff_t>(first),
                            keys.begin() + static_cast<std::ptrdiff_t>(last));
      std::ranges::sort(some);
      const std::vector<TaskId> before = spec.after;
      pushes_[spec.id] = some;
      ++story_->open[index_];
      tasks_.Push(transport, view_->table, spec,
                  {.step = step,
                   .floats_per_key = 1,
                   .keys = some,
                   .floats = std::vector<float>(some.size(), 1.0F)},
                  [this, &transport, id = spec.id, before](const Status& status) {
                    Ended(transport, id, before, status);
                  });
    }
  }

  void Pull(Transport& transport, const client::TaskSpec& spec, Expected expected) {
    std::set<Key> keys = expected.present;
    keys.insert(expected.absent.begin(), expected.absent.end());
    if (spec.gate) {
      expected.bound = true;
      // Each step that must be there is looked at by some pull; all steps by each would be many keys.
      for (std::size_t member = 0; member < kMembers; ++member) {
        const Step through = std::min(spec.gate->step, story_->last_step[member]);
        for (Step step = std::max<Step>(0, through - 4); step <= through; ++step) {
          if (story_->dies && member == 1) continue;  // What it had sent may be there or not.
          for (const Key key : KeysOf(member, step)) {
            keys.insert(key);
            if (expected.present.insert(key).second) ++story_->result.bounds_checked;
          }
        }
      }
    }
    for (std::size_t member = 0; member < kMembers;
         ++member) {  // Whether anything was stale at all.
      const Step step = expected.sequential;
      if (step >= 0) keys.insert(KeysOf(member, step).front());
    }
    ++story_->open[index_];
    const std::vector<TaskId> before = spec.after;
    const client::PullRequest request{.floats_per_key = 1,
                                      .keys = std::vector<Key>(keys.begin(), keys.end())};
    const auto ended = [this, &transport, id = spec.id, before](const Status& status) {
      Ended(transport, id, before, status);
    };
    const auto check = [this, id = spec.id,
                        expected = std::move(expected)](const Result<client::Pulled>& pulled) {
      if (pulled.ok()) Check(id, pulled.value(), expected);
      return pulled.ok() ? Status() : pulled.status();
    };
    if (Draw(3) > 0) {
      return tasks_.Pull(
          transport, view_->table, spec, request,
          [check, ended](const Result<client::Pulled>& pulled) { ended(check(pulled)); });
    }
    // As calls and pulls of ranges do: what reads does not carry the gate, but comes after it.
    tasks_.Read(
        transport, view_->table, spec,
        [this, &transport, request, check](Step /*through*/, const client::Client::Done& finished) {
          const Status given = client_.Pull(
              transport, view_->table, request,
              [check, finished](const Result<client::Pulled>& pulled) { finished(check(pulled)); });
          if (!given.ok()) finished(given);
        },
        ended);
  }

  void Check(TaskId task, const client::Pulled& pulled, const Expected& expected) {
    ++story_->result.pulls;
    bool stale = false;
    const auto where = [&] {
      return "program " + std::to_string(index_) + ", task " + std::to_string(task) + " of step " +
             std::to_string(expected.step) + ", tau " + std::to_string(story_->tau) + ": ";
    };
    for (std::size_t i = 0; i < pulled.keys.size(); ++i) {
      const float value = pulled.floats[i];
      const Key key = pulled.keys[i];
      if (value != 0.0F && value != 1.0F)
        story_->Fail(where() + "a push counts " + std::to_string(value) + " times");
      if (value != 1.0F && expected.present.contains(key))
        story_->Fail(where() + "misses a push that must have been there");
      if (value != 0.0F && expected.absent.contains(key))
        story_->Fail(where() + "sees a push that waits for it");
      stale |= value == 0.0F && !expected.absent.contains(key);
    }
    story_->result.edges_checked += expected.absent.size();
    story_->result.stale_pulls += stale;
  }

  void Ended(Transport& transport, TaskId task, const std::vector<TaskId>& before,
             const Status& status) {
    if (!status.ok()) {
      story_->Fail("program " + std::to_string(index_) + ", task " + std::to_string(task) + ": " +
                   status.ToString());
    }
    for (const TaskId earlier : before) {
      ++story_->result.edges_checked;
      if (!ended_.contains(earlier))
        story_->Fail("task " + std::to_string(task) + " ran before task " +
                     std::to_string(earlier));
    }
    ended_.insert(task);
    ++story_->ended[index_];
    if (--story_->open[index_] > 0) return;
    if (tasks_.waiting_count() > 0) story_->Fail("nothing is open, but tasks wait");
    story_->finished[index_] = true;
    if (!story_->leaves || index_ != 1) return;
    const Status left = client_.Leave(transport, view_->table, [this](const Status& done) {
      if (!done.ok()) story_->Fail("leaving: " + done.ToString());
    });
    if (!left.ok()) story_->Fail("leaving: " + left.ToString());
  }

  /// Read what the members have trained, as they go.
  void Serve(Transport& transport) {
    for (Step step = 2; step < kSteps; step += 3) {
      client::TaskSpec spec{.id = next_task_++, .step = 0};
      spec.gate = client::GroupGate{.group = kGroup, .step = step};
      Pull(transport, spec,
           {.present = {}, .absent = {}, .step = step, .sequential = -1, .bound = true});
    }
  }

  std::size_t index_;
  std::mt19937_64 random_;
  Story* story_;
  std::optional<wire::View> view_;
  Time asked_at_{0};
  client::MemberTasks tasks_{&client_};
  TaskId next_task_ = 1;
  std::map<TaskId, std::vector<Key>> pushes_;
  std::set<TaskId> ended_;
};

}  // namespace

MemberResult RunMemberScenario(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Cluster cluster(ForPrograms(random, seed));
  Story story;
  const Step delays[] = {0, 1, 2, 4, 8};
  story.tau = delays[random() % 5];
  story.bounded = seed % 8 != 5;
  story.leaves = seed % 4 == 1;
  story.dies = seed % 4 == 2;
  if (story.leaves) story.last_step[1] = kSteps / 2;
  transport::SimWorld& world = cluster.world();
  std::vector<transport::NodeIndex> nodes;
  for (std::size_t i = 0; i <= kMembers; ++i) {
    nodes.push_back(world.AddNode("program-" + std::to_string(i), [&, i](runtime::Executor&) {
      return std::make_unique<Program>(
          i, seed, &story,
          client::MemberNode::Options{
              .head_address = "head", .incarnation = 1'000 + i, .description = "simulated"});
    }));
  }
  if (story.dies) {
    const std::size_t tasks = 1 + random() % 20;
    world.Run(world.now() + 600s, [&] { return story.ended[1] >= tasks; });
    world.Crash(nodes[1]);
    story.finished[1] = true;
  }
  const bool ended = world.Run(world.now() + 600s, [&] {
    return !story.result.violation.empty() ||
           std::ranges::all_of(story.finished, [](bool f) { return f; });
  });
  if (!ended) {
    std::string open;
    for (const std::size_t count : story.open) open += " " + std::to_string(count);
    story.Fail("the programs hang with open tasks:" + open);
  }
  story.result.faults = world.fault_counts().total();
  story.result.event_hash = world.event_hash();
  return story.result;
}

}  // namespace steelyard::simulation
