// Goal: a program's handles do what their header says. Method: a head and servers on loops of this process, real sockets.
#include "steelyard/cluster.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "api/test_cluster.h"

namespace steelyard {
namespace {

using namespace std::chrono_literals;

// Counts of grouped ids; a table cut by them; frozen without the rare ones.
TEST_F(ClusterTest, CutsATableByItsKeysAndFreezesIt) {
  Cluster cluster = Connect();
  Table counts = Create(cluster, "counts");
  std::vector<Key> keys;
  std::vector<float> seen;
  for (Key group = 0; group < 4; ++group) {
    for (Key i = 0; i < 10'000; ++i) {
      keys.push_back((group << 20) + i);
      seen.push_back(i % 5 == 0 ? 1.0F : 3.0F);
    }
  }
  ASSERT_TRUE(counts.Push(keys, seen).get().ok());
  EXPECT_EQ(counts.Count().value(), 40'000u);
  EXPECT_EQ(counts.Count(2.0F).value(), 32'000u);

  Result<Table> weights = cluster.CreateTable({.name = "weights", .segment_count = 8}, counts, 2);
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  std::vector<Key> kept;
  std::vector<float> zeros;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (seen[i] >= 2.0F) kept.push_back(keys[i]);
  }
  zeros.resize(kept.size());
  ASSERT_TRUE(weights.value().Push(kept, zeros).get().ok());
  EXPECT_EQ(weights.value().Freeze().value(), kept.size());
  EXPECT_EQ(counts.Freeze(2.0F).value(), kept.size());
  EXPECT_EQ(counts.Freeze(1.0F).value(), kept.size()) << "the first one decides";

  ASSERT_TRUE(weights.value().Push({kept[0], kept[7]}, {0.5F, 1}).get().ok());
  EXPECT_EQ(weights.value().Pull({kept[0], kept[0] + 4, kept[7]}).get().value(),
            (std::vector<float>{0.5F, 0, 1}));
  std::size_t rows = 0;
  const KeyRange range{Key{1} << 20, (Key{2} << 20) + 1};  // Group 1, and 0 and 1 of group 2.
  const auto on_rows = [&](std::span<const Key> more, std::span<const float>) {
    EXPECT_TRUE(more.front() >= range.first && more.back() <= range.last);
    rows += more.size();
    return Status();
  };
  EXPECT_TRUE(weights.value().Scan(on_rows, range).ok());
  EXPECT_EQ(rows, 8'001u);
  EXPECT_EQ(weights.value().Scan(on_rows, {5, 4}).code(), StatusCode::kInvalidArgument);

  const Status refused = weights.value().Push({5, 12'345}, {1, 1}).get();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("frozen, and key 5 is not one of them"), std::string::npos)
      << refused.ToString();
}

TEST_F(ClusterTest, PushesPullsScansAndDrops) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "counts", 2);
  EXPECT_EQ(table.options().width, 2u);
  constexpr Key kStep = kKeyMax / 1000;
  std::vector<Key> keys;
  std::vector<float> values;
  for (Key i = 0; i < 1000; ++i) {
    keys.push_back(i * kStep);
    values.insert(values.end(), {static_cast<float>(i), 1});
  }
  std::vector<std::future<Status>> pushed;
  for (int i = 0; i < 10; ++i) pushed.push_back(table.Push(keys, values));
  for (auto& push : pushed) EXPECT_TRUE(push.get().ok());
  const auto pulled = table.Pull({0, 1, 999 * kStep}).get();
  ASSERT_TRUE(pulled.ok()) << pulled.status().ToString();
  EXPECT_EQ(pulled.value(), (std::vector<float>{0, 10, 0, 0, 9990, 10}));

  // Another program sees the same table.
  Cluster other = Connect();
  Result<Table> again = other.OpenTable("counts");
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  std::vector<Key> scanned;
  double sum = 0;
  const auto on_rows = [&](std::span<const Key> more, std::span<const float> floats) {
    EXPECT_EQ(floats.size(), 2 * more.size());
    scanned.insert(scanned.end(), more.begin(), more.end());
    for (const float value : floats) sum += value;
    return Status();
  };
  EXPECT_TRUE(again.value().Scan(on_rows).ok());
  EXPECT_EQ(scanned, keys);
  EXPECT_EQ(sum, 10 * (999 * 500 + 1000));
  const auto refuse = [](auto, auto) { return Status(StatusCode::kCancelled, "enough"); };
  EXPECT_EQ(again.value().Scan(refuse).message(), "enough");

  EXPECT_TRUE(other.DropTable("counts").ok());
  EXPECT_EQ(other.DropTable("counts").code(), StatusCode::kNotFound);
  EXPECT_EQ(other.OpenTable("counts").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(again.value().Push({1}, {1, 1}).get().code(), StatusCode::kNotFound);
  EXPECT_EQ(table.Push({1}, {1, 1}).get().code(), StatusCode::kUnavailable) << "dropped by another";
}

TEST_F(ClusterTest, FiltersChangeBytesAndOwnFiltersChangeRowsOnce) {
  Cluster plain = Connect();
  Table sums = Create(plain, "sums");
  Result<Cluster> filtered =
      Cluster::Connect(head_->address(), {.filters = "key-cache,delta,zeros,lz4"});
  ASSERT_TRUE(filtered.ok()) << filtered.status().ToString();
  Table same = filtered.value().OpenTable("sums").value();
  std::size_t seen = 0;  // Written on the connection's thread, before a push is answered.
  ASSERT_TRUE(same.AddFilter("odd",
                             [&seen](Key key, std::span<float> row) {
                               ++seen;
                               row[0] *= 2;
                               return key % 2 == 1;
                             })
                  .ok());
  std::vector<Key> keys;
  for (Key i = 0; i < 20'000; ++i) keys.push_back(i << 40 | i);
  for (int time = 0; time < 5; ++time) {
    ASSERT_TRUE(same.Push(keys, std::vector<float>(keys.size(), 1.0F)).get().ok());
  }
  EXPECT_EQ(seen, 100'000u);
  const auto pulled = same.Pull(keys).get();
  ASSERT_TRUE(pulled.ok()) << pulled.status().ToString();
  EXPECT_EQ(pulled.value(), sums.Pull(keys).get().value());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(pulled.value()[i], keys[i] % 2 == 1 ? 10.0F : 0.0F) << i;
  }
}

TEST_F(ClusterTest, EachTableAndDirectionMayHaveFiltersOfItsOwn) {
  Cluster cluster = Connect();
  Table narrow = Create(cluster, "narrow");
  Table wide = Create(cluster, "wide");
  ASSERT_TRUE(narrow.UseFilters("key-cache,fixed:1/delta,zeros").ok());
  std::vector<Key> keys;
  for (Key i = 0; i < 10'000; ++i) keys.push_back(i << 50 | i);
  for (Table* table : {&narrow, &wide}) {
    for (int time = 0; time < 2; ++time) {
      ASSERT_TRUE(table->Push(keys, std::vector<float>(keys.size(), 1.0F)).get().ok());
      EXPECT_EQ(table->Pull(keys).get().value().size(), keys.size());
    }
  }
  EXPECT_TRUE(wide.CountFilters().value().empty());
  std::map<std::string, FilterCounts> counts;
  const auto counted = narrow.CountFilters();
  ASSERT_TRUE(counted.ok()) << counted.status().ToString();
  for (const FilterCounts& each : counted.value()) counts[each.name] = each;
  const std::size_t bytes = 2 * keys.size() * sizeof(Key);
  EXPECT_EQ(counts.at("key-cache").bytes_before, bytes);
  EXPECT_LT(counts.at("key-cache").bytes_after, bytes / 2 + 100);
  EXPECT_EQ(counts.at("pull keys:delta").bytes_before, bytes);
  EXPECT_LT(counts.at("pull keys:delta").bytes_after, bytes);
  EXPECT_FALSE(counts.contains("keys:delta"));
  EXPECT_FALSE(counts.contains("pull key-cache"));
  EXPECT_LT(counts.at("values:fixed").bytes_after, counts.at("values:fixed").bytes_before / 3);
  EXPECT_EQ(counts.at("pull values").bytes_before, 2 * keys.size() * sizeof(float));
  EXPECT_EQ(narrow.UseFilters("none/fixed:2").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(narrow.UseFilters("significant:1").code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(narrow.UseFilters("none").ok());
  EXPECT_TRUE(narrow.CountFilters().value().empty());
  EXPECT_EQ(narrow.Pull({keys[7]}).get().value(), std::vector<float>{2});
}

TEST_F(ClusterTest, RefusesFiltersThatDoNotFit) {
  const auto refusal = [&](const char* filters) {
    return Cluster::Connect(head_->address(), {.filters = filters}).status();
  };
  EXPECT_NE(refusal("zeroes").message().find("did you mean zeros?"), std::string::npos);
  EXPECT_EQ(refusal("significant:0.1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal("feedback,fixed:2").code(), StatusCode::kInvalidArgument);
  Cluster cluster = Connect();
  (void)Create(cluster, "sums");
  Result<Cluster> lossy = Cluster::Connect(head_->address(), {.filters = "fixed:2"});
  ASSERT_TRUE(lossy.ok());
  EXPECT_TRUE(lossy.value().OpenTable("sums").ok());
  ASSERT_TRUE(cluster.CreateTable({.name = "last", .updater = {.name = "assign"}}).ok());
  const Status refused = lossy.value().OpenTable("last").status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << refused.ToString();
  EXPECT_NE(refused.message().find("assign"), std::string::npos) << refused.message();
}

TEST_F(ClusterTest, RefusesWhatDoesNotFit) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "w");
  EXPECT_EQ(cluster.CreateTable({.name = "w"}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(cluster.CreateTable({.name = "v", .updater = {.name = "magic"}}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(table.Push({2, 1}, {1, 1}).get().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(table.Push({1, 2}, {1}).get().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(table.Pull({2, 2}).get().status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(table.Push({1}, {1}).get().ok()) << "refusals harm nobody";
  EXPECT_TRUE(table.Push({}, {}).get().ok());
  EXPECT_TRUE(table.Pull({}).get().ok());
  EXPECT_EQ(cluster.DescribeWait(), "");
}

TEST_F(ClusterTest, ManyThreadsShareAConnectionAndPushesAreHeldBack) {
  Cluster cluster = Connect();
  constexpr std::size_t kWidth = 128, kKeys = 10'000;  // 5 MB a push: six fit.
  const Table table = Create(cluster, "shared", kWidth);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([table = table]() mutable {
      std::vector<std::future<Status>> pushed;
      for (int i = 0; i < 2; ++i) {
        std::vector<Key> keys(kKeys);
        for (std::size_t k = 0; k < kKeys; ++k) keys[k] = k << 48;
        pushed.push_back(table.Push(std::move(keys), std::vector<float>(kKeys * kWidth, 1.0F)));
      }
      for (auto& push : pushed) EXPECT_EQ(push.get().ToString(), Status().ToString());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Table(table).Pull({Key{77} << 48}).get().value(), std::vector<float>(kWidth, 8));
}

TEST_F(ClusterTest, ThreadsOpenATableAtTheSameMoment) {
  Cluster cluster = Connect();
  Create(cluster, "w");
  std::size_t opened = 0;
  for (int round = 0; round < 20; ++round) {
    Cluster fresh = Connect();
    std::vector<std::future<Status>> pushes;
    for (int t = 0; t < 4; ++t) {
      pushes.push_back(std::async(std::launch::async, [fresh]() mutable {
        Result<Table> table = fresh.OpenTable("w");
        return table.ok() ? table.value().Push({1}, {1}).get() : table.status();
      }));
    }
    for (auto& push : pushes) {
      const Status status = push.get();
      EXPECT_TRUE(status.ok()) << status.ToString();
      opened += status.ok() ? 1 : 0;
    }
  }
  EXPECT_EQ(opened, 80u);
}

TEST_F(ClusterTest, AServerThatIsGoneFailsWhatNeedsIt) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "w");
  std::vector<Key> keys;
  for (Key i = 0; i < 64; ++i) keys.push_back(i << 58);
  EXPECT_TRUE(table.Push(keys, std::vector<float>(64, 1)).get().ok());
  two_.reset();
  auto pull = table.Pull(keys);
  ASSERT_EQ(pull.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(pull.get().status().code(), StatusCode::kUnavailable);
}

TEST_F(ClusterTest, AConnectionThatSpinsAnswersTheSame) {
  Result<Cluster> cluster = Cluster::Connect(head_->address(), {.patience = 30s, .spin = 50us});
  ASSERT_TRUE(cluster.ok()) << cluster.status().ToString();
  Table table = Create(cluster.value(), "w");
  for (Key key = 0; key < 200; ++key) EXPECT_TRUE(table.Push({key}, {2}).get().ok());
  const auto values = table.Pull({7, 199, 200}).get();
  ASSERT_TRUE(values.ok()) << values.status().ToString();
  EXPECT_EQ(values.value(), (std::vector<float>{2, 2, 0}));
}

TEST_F(ClusterTest, AHeadThatIsGoneIsNamed) {
  const Result<Cluster> nobody =
      Cluster::Connect("unix:@steelyard_nobody", {.patience = 100ms, .spin = 0us});
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(nobody.status().ToString().find("unix:@steelyard_nobody"), std::string::npos);
  EXPECT_NE(nobody.status().message().find("no head answers within 100 ms"), std::string::npos);
  // A server is no head.
  const Result<Cluster> wrong = Cluster::Connect(one_->address());
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.status().code(), StatusCode::kUnavailable) << wrong.status().ToString();
  Cluster cluster = Connect();
  head_.reset();
  EXPECT_EQ(cluster.OpenTable("w").status().code(), StatusCode::kUnavailable);
}

TEST_F(ClusterTest, WhatIsUnderWayEndsWithTheLastHandle) {
  std::future<Result<std::vector<float>>> pull;
  {
    Cluster cluster = Connect();
    Table table = Create(cluster, "w");
    two_.reset();  // Nobody answers for half of the keys.
    pull = table.Pull({1, kKeyMax - 1});
  }
  ASSERT_EQ(pull.wait_for(30s), std::future_status::ready);
  EXPECT_FALSE(pull.get().ok());
}

TEST_F(ClusterTest, TasksRunAfterWhatTheyNameAndFailWithIt) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "chain");
  std::vector<Submitted<Status>> pushes;
  std::vector<Submitted<Result<Pulled>>> pulls;
  std::vector<Task> before;
  for (int i = 0; i < 200; ++i) {
    pushes.push_back(table.Push({3, 4'000'000'000'000}, {1, 1}, {.after = before}));
    before = {pushes.back().task};
    pulls.push_back(table.Pull({3, 4'000'000'000'000}, {.after = before}));
    before.push_back(pulls.back().task);
  }
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(pushes[i].result.get().ok());
    const float count = static_cast<float>(i) + 1;
    EXPECT_EQ(pulls[i].result.get().value().values, (std::vector<float>{count, count}));
  }
  auto wrong = table.Pull({5, 4}, {});
  auto never = table.Push({3}, {1}, {.after = {wrong.task}});
  EXPECT_EQ(wrong.result.get().status().code(), StatusCode::kInvalidArgument);
  const Status status = never.result.get();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("task " + std::to_string(wrong.task.id) +
                                  ", which must have finished before, failed: "),
            std::string::npos)
      << status.ToString();
  EXPECT_EQ(table.Pull({3}).get().value(), std::vector<float>{200});
  const auto open = cluster.CountTasks();
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open.value().open, 0u);
  EXPECT_EQ(open.value().waiting, 0u);
}

TEST_F(ClusterTest, AGroupWaitsForItsMembersAndNotForThoseWhoLeave) {
  constexpr WorkerGroup kGroup = WorkerGroup::Numbered(9);
  Cluster first = Connect();
  Cluster second = Connect();
  Cluster reader = Connect();
  Table a = Create(first, "w");
  Table b = second.OpenTable("w").value();
  Table c = reader.OpenTable("w").value();
  auto early = c.Pull({7}, {.gate = Gate{kGroup, 0}});  // Before anybody has joined.
  ASSERT_TRUE(a.Join({.group = kGroup, .members = 2}).ok());
  EXPECT_TRUE(a.Push({7}, {1}, {.step = 0}).result.get().ok());
  auto sequential = a.Pull({7}, {.step = 1, .gate = BoundedDelay(kGroup, 1, 0)});
  auto bounded = a.Pull({7}, {.step = 1, .gate = BoundedDelay(kGroup, 1, 1)});
  ASSERT_TRUE(b.Join({.group = kGroup, .members = 2}).ok());
  EXPECT_EQ(bounded.result.get().value().values, std::vector<float>{1});
  EXPECT_EQ(sequential.result.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(early.result.wait_for(0ms), std::future_status::timeout);
  EXPECT_TRUE(b.Push({7}, {10}, {.step = 0}).result.get().ok());
  EXPECT_EQ(sequential.result.get().value().values, std::vector<float>{11});
  const auto served = early.result.get();
  ASSERT_TRUE(served.ok());
  EXPECT_EQ(served.value().values, std::vector<float>{11});
  EXPECT_EQ(served.value().through, 0);

  const Status late = a.Push({7}, {1}, {.step = 0}).result.get();
  EXPECT_EQ(late.code(), StatusCode::kInvalidArgument) << "step 0 is over";
  const Status own = a.Push({7}, {1}, {.step = 1, .gate = Gate{kGroup, 1}}).result.get();
  EXPECT_EQ(own.code(), StatusCode::kInvalidArgument) << "it would wait for itself";

  auto waits = a.Pull({7}, {.step = 4, .gate = Gate{kGroup, 2}});
  EXPECT_TRUE(a.Push({7}, {1}, {.step = 3}).result.get().ok());
  EXPECT_EQ(waits.result.wait_for(50ms), std::future_status::timeout);
  ASSERT_TRUE(b.Leave().ok());
  EXPECT_EQ(waits.result.get().value().values, std::vector<float>{12});
  EXPECT_EQ(b.Push({7}, {1}, {.step = 5}).result.get().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(b.Pull({7}).get().value(), std::vector<float>{12}) << "who has left may read";
}

TEST_F(ClusterTest, ATableTellsItsClocksAndItsHotKeys) {
  Cluster cluster = Connect();
  Table table = cluster.CreateTable({.name = "told", .segment_count = 8}).value();
  ASSERT_TRUE(table.Join({.group = WorkerGroup::Numbered(4)}).ok());
  const auto fresh = table.Clocks();
  ASSERT_TRUE(fresh.ok()) << fresh.status().ToString();
  ASSERT_EQ(fresh.value().size(), 1u) << "equal neighbours are one, over all servers";
  EXPECT_EQ(fresh.value()[0].range, (KeyRange{0, kKeyMax}));
  ASSERT_EQ(fresh.value()[0].streams.size(), 1u);
  EXPECT_EQ(fresh.value()[0].streams[0].group, WorkerGroup::Numbered(4));
  EXPECT_TRUE(fresh.value()[0].streams[0].active);
  for (Step step = 0; step < 3; ++step)
    ASSERT_TRUE(table.Push({5}, {1}, {.step = step}).result.get().ok());
  const auto clocks = table.Clocks();
  ASSERT_TRUE(clocks.ok());
  ASSERT_EQ(clocks.value().size(), 2u) << "only the first segment has pushes";
  EXPECT_EQ(clocks.value()[0].streams[0].ts, 3u);
  EXPECT_EQ(clocks.value()[1].streams[0].ts, 0u);
  for (const RangeClock& clock : clocks.value()) EXPECT_EQ(clock.streams[0].through, 2);
  EXPECT_EQ(table.Clocks({kKeyMax, kKeyMax}).value().at(0).range, (KeyRange{kKeyMax, kKeyMax}));
  EXPECT_EQ(table.Clocks({2, 1}).status().code(), StatusCode::kInvalidArgument);

  std::vector<Key> keys(1'000);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = i << 50;
  keys[0] = 5;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(table.Pull(keys).get().ok());
    for (int j = 0; j < 50; ++j) ASSERT_TRUE(table.Pull({5}).get().ok());
  }
  const auto hot = table.FindHotKeys(1);
  ASSERT_TRUE(hot.ok()) << hot.status().ToString();
  ASSERT_EQ(hot.value().keys.size(), 1u);
  EXPECT_EQ(hot.value().keys[0].key, 5u);
  EXPECT_GT(hot.value().samples, 50u);
  EXPECT_GT(hot.value().keys[0].share, 0.01);
}

TEST_F(ClusterTest, APushBeyondTheTablesQuotaNamesIt) {
  Cluster cluster = Connect();
  Table table = cluster.CreateTable({.name = "small", .memory_max = 200'000}).value();
  Status status;
  for (Key first = 0; status.ok() && first < 1'000; ++first) {
    std::vector<Key> keys(1'000);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = (i << 54) | first;
    status = table.Push(keys, std::vector<float>(keys.size(), 1)).get();
  }
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("table 'small' has "), std::string::npos) << status.ToString();
  EXPECT_NE(status.message().find("200000B over 2 servers"), std::string::npos);
}

TEST_F(ClusterTest, MembersOfAnAggregatedTableAreAppliedTogether) {
  Cluster first = Connect();
  Cluster second = Connect();
  Table one = first.CreateTable({.name = "sums", .aggregate = true}).value();
  Table two = second.OpenTable("sums").value();
  const WorkerGroup group = WorkerGroup::Numbered(9);
  ASSERT_TRUE(one.Join({.group = group, .members = 2}).ok());
  ASSERT_TRUE(two.Join({.group = group, .members = 2}).ok());
  ASSERT_TRUE(one.Push({5}, {1}, {.step = 0}).result.get().ok());
  EXPECT_EQ(one.Pull({5}).get().value().at(0), 0) << "the step is open";
  ASSERT_TRUE(two.Push({5}, {2}, {.step = 0}).result.get().ok());
  const auto pulled = one.Pull({5}, {.step = 1, .gate = BoundedDelay(group, 1, 0)}).result.get();
  ASSERT_TRUE(pulled.ok());
  EXPECT_EQ(pulled.value().values.at(0), 3);
  const auto refused =
      first.CreateTable({.name = "x", .updater = {.name = "max"}, .aggregate = true});
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("takes none"), std::string::npos);
}

TEST_F(ClusterTest, AMemberThatDiesIsNotWaitedFor) {
  constexpr WorkerGroup kGroup = WorkerGroup::Numbered(2);
  Cluster first = Connect();
  Table a = Create(first, "w");
  ASSERT_TRUE(a.Join({.group = kGroup, .members = 2}).ok());
  auto waits = a.Pull({7}, {.step = 1, .gate = Gate{kGroup, 0}});
  EXPECT_TRUE(a.Push({7}, {1}, {.step = 0}).result.get().ok());
  {
    Cluster second = Connect();
    Table b = second.OpenTable("w").value();
    ASSERT_TRUE(b.Join({.group = kGroup, .members = 2}).ok());
    EXPECT_EQ(waits.result.wait_for(50ms), std::future_status::timeout);
  }
  EXPECT_EQ(waits.result.get().value().values, std::vector<float>{1});
}

}  // namespace
}  // namespace steelyard
