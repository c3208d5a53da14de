// Goal: a task runs once, after everything that it names; a failure reaches all that depend on it, by name; memory goes.
// Method: directed cases, then random graphs against the order in which tasks ran.
#include "client/task_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace steelyard::client {
namespace {

class TaskGraphTest : public testing::Test {
 protected:
  void Add(TaskId id, const std::vector<TaskId>& after) {
    graph_.Add(id, after, [this, id](const Status& status) {
      if (status.ok()) {
        ran_.push_back(id);
      } else {
        refused_[id] = status.ToString();
      }
    });
  }
  TaskGraph graph_;
  std::vector<TaskId> ran_;
  std::map<TaskId, std::string> refused_;
};

TEST_F(TaskGraphTest, WithoutEdgesTasksRunAtOnce) {
  Add(1, {});
  Add(2, {});
  EXPECT_EQ(ran_, (std::vector<TaskId>{1, 2}));
  EXPECT_EQ(graph_.open_count(), 2u);
  graph_.End(2, {});
  graph_.End(1, {});
  graph_.End(1, {});
  EXPECT_EQ(graph_.open_count(), 0u);
}

TEST_F(TaskGraphTest, ATaskRunsAfterAllThatItNames) {
  Add(1, {});
  Add(2, {});
  Add(3, {1, 2, 2});
  Add(4, {3, 1});
  EXPECT_EQ(graph_.waiting_count(), 2u);
  graph_.End(1, {});
  EXPECT_EQ(ran_.size(), 2u);
  graph_.End(2, {});
  EXPECT_EQ(ran_.back(), 3u);
  graph_.End(3, {});
  EXPECT_EQ(ran_.back(), 4u);
  Add(5, {1, 2, 3});
  EXPECT_EQ(ran_.back(), 5u) << "what is not open has finished";
}

TEST_F(TaskGraphTest, AFailureNamesItsRootToAllThatDependOnIt) {
  Add(1, {});
  Add(2, {1});
  Add(3, {2});
  Add(4, {});
  graph_.End(1, Status(StatusCode::kInvalidArgument, "keys unsorted", "here"));
  EXPECT_EQ(ran_, (std::vector<TaskId>{1, 4}));
  EXPECT_EQ(
      refused_.at(2),
      "here: task 2 was not run: task 1, which must have finished before, failed: keys unsorted");
  EXPECT_EQ(
      refused_.at(3),
      "here: task 3 was not run: task 1, which must have finished before, failed: keys unsorted");
  Add(5, {4, 3});
  EXPECT_TRUE(refused_.contains(5)) << "a failure is remembered";
  EXPECT_EQ(graph_.open_count(), 1u);
  EXPECT_EQ(graph_.waiting_count(), 0u);
  graph_.End(4, {});
  EXPECT_EQ(graph_.open_count(), 0u);
}

TEST_F(TaskGraphTest, LongChainsEndWithoutStack) {
  constexpr TaskId kLength = 200'000;
  for (const bool fails : {false, true}) {
    TaskGraph graph;
    std::size_t ended = 0;
    for (TaskId id = 1; id <= kLength; ++id) {
      graph.Add(id, std::vector<TaskId>{id - 1}, [&graph, &ended, id](const Status& status) {
        ++ended;
        if (status.ok() && id != 1) graph.End(id, {});
      });
    }
    EXPECT_EQ(graph.waiting_count(), kLength - 1);
    graph.End(1, fails ? Status(StatusCode::kUnavailable, "gone") : Status());
    EXPECT_EQ(ended, kLength);
    EXPECT_EQ(graph.open_count(), 0u);
  }
}

TEST_F(TaskGraphTest, RandomGraphsKeepEveryEdge) {
  std::mt19937_64 random(7);
  std::size_t edges = 0;
  std::size_t failures = 0;
  for (int run = 0; run < 200; ++run) {
    TaskGraph graph;
    std::set<TaskId> running;
    std::map<TaskId, bool> ended;  // True: well.
    const auto end_one = [&] {
      const auto victim = std::next(running.begin(), static_cast<long>(random() % running.size()));
      const TaskId id = *victim;
      running.erase(victim);
      const bool well = random() % 50 != 0;
      ended[id] = well;
      graph.End(id, well ? Status() : Status(StatusCode::kUnavailable, "gone"));
    };
    for (TaskId id = 1; id <= 100; ++id) {
      std::vector<TaskId> after;
      for (std::uint64_t i = random() % 4; i > 0 && id > 1; --i)
        after.push_back(1 + random() % (id - 1));
      edges += after.size();
      graph.Add(id, after, [&, id, after](const Status& status) {
        if (!status.ok()) {
          ended[id] = false;
          ++failures;
          EXPECT_TRUE(std::ranges::any_of(
              after, [&](TaskId before) { return ended.contains(before) && !ended.at(before); }));
          return;
        }
        for (const TaskId before : after) EXPECT_TRUE(ended.contains(before) && ended.at(before));
        running.insert(id);
      });
      while (!running.empty() && random() % 2 == 0) end_one();
    }
    while (!running.empty()) end_one();
    EXPECT_EQ(graph.open_count(), 0u);
    EXPECT_EQ(ended.size(), 100u) << "nothing hangs";
  }
  EXPECT_GT(edges, 10'000u);
  EXPECT_GT(failures, 100u);
}

}  // namespace
}  // namespace steelyard::client
