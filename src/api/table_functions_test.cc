// Goal: functions of a Table give what its rows hold, with the same bits on one server and two, and leave the connection
// usable when they are refused. Method: real sockets, as in cluster_test.cc, against plain loops.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "api/test_cluster.h"

namespace steelyard {
namespace {

using Rows = std::map<Key, std::vector<float>>;

Rows RandomRows(std::size_t count, std::size_t width) {
  std::mt19937_64 random(8);
  std::normal_distribution<float> normal;
  Rows rows;
  while (rows.size() < count) {
    std::vector<float>& row = rows[random()];
    row.resize(width);
    for (float& value : row) value = random() % 5 == 0 ? 0.0F : normal(random);
  }
  return rows;
}

void Fill(Table& table, const Rows& rows) {
  std::vector<Key> keys;
  std::vector<float> values;
  for (const auto& [key, row] : rows) {
    keys.push_back(key);
    values.insert(values.end(), row.begin(), row.end());
  }
  const Status pushed = table.Push(std::move(keys), std::move(values)).get();
  ASSERT_TRUE(pushed.ok()) << pushed.ToString();
}

using TableFunctionsTest = ClusterTest;

TEST_F(TableFunctionsTest, AreThoseOfPlainLoops) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "t", 2);
  Rows rows = RandomRows(20'011, 2);
  Fill(table, rows);
  std::vector<float> sorted;
  double absolute = 0, squares = 0, products = 0;
  for (const auto& [key, row] : rows) {
    sorted.push_back(row[1]);
    absolute += std::abs(row[1]);
    squares += static_cast<double>(row[1]) * row[1];
    products += static_cast<double>(row[0]) * row[1];
  }
  std::ranges::sort(sorted);
  const Summary summary = table.Summarize(Table::kAllKeys, 1).value();
  EXPECT_EQ(summary.rows, rows.size());
  EXPECT_EQ(summary.nonzeros,
            rows.size() - static_cast<std::size_t>(std::ranges::count(sorted, 0.0F)));
  EXPECT_EQ(summary.min, sorted.front());
  EXPECT_EQ(summary.max, sorted.back());
  EXPECT_NEAR(table.Norm1(Table::kAllKeys, 1).value(), absolute, 1e-9 * absolute);
  EXPECT_NEAR(table.Norm2(Table::kAllKeys, 1).value(), std::sqrt(squares), 1e-9 * squares);
  EXPECT_NEAR(table.Dot(0, 1).value(), products, 1e-9 * squares);
  const std::vector<double> shares{0.0, 0.01, 0.25, 0.5, 0.5, 0.9, 0.999, 1.0};
  const std::vector<double> quantiles = table.Quantiles(shares, Table::kAllKeys, 1).value();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto rank = static_cast<std::size_t>(
        std::max(1.0, std::ceil(shares[i] * static_cast<double>(sorted.size()))));
    EXPECT_EQ(quantiles[i], sorted[rank - 1]) << shares[i];
  }
  const auto top = table.TopK(9, Table::kAllKeys, 1).value();
  ASSERT_EQ(top.size(), 9U);
  std::ranges::sort(sorted, std::greater(), [](float value) { return std::abs(value); });
  for (std::size_t i = 0; i < top.size(); ++i) {
    EXPECT_EQ(std::abs(top[i].value), std::abs(sorted[i]));
    EXPECT_EQ(rows.at(top[i].key)[1], top[i].value);
  }
}

TEST_F(TableFunctionsTest, ChangesComeOnceAndInTheirOrderAmongPushes) {
  Cluster cluster = Connect();
  Table table = Create(cluster, "t", 2);
  Rows rows = RandomRows(3'000, 2);
  Fill(table, rows);
  const KeyRange range{Key{1} << 62, kKeyMax};
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(table.Scale(0.5, range, 0).ok());
    std::future<Status> pushed = table.Push({rows.rbegin()->first}, {1, 1});
    ASSERT_TRUE(table.Axpy(2.0, 0, 1, range).ok());
    ASSERT_TRUE(pushed.get().ok());
    ASSERT_TRUE(table.Copy(1, 0, range).ok());
    for (auto& [key, row] : rows) {
      if (key < range.first) continue;
      row[0] *= 0.5F;
      if (key == rows.rbegin()->first) row = {row[0] + 1, row[1] + 1};
      row[1] += 2.0F * row[0];
      row[0] = row[1];
    }
  }
  std::vector<Key> keys;
  std::vector<float> expected;
  for (const auto& [key, row] : rows) {
    keys.push_back(key);
    expected.insert(expected.end(), row.begin(), row.end());
  }
  EXPECT_EQ(table.Pull(keys).get().value(), expected);
}

/// Every figure of the same rows, for a comparison of bits.
std::vector<double> FiguresOf(Table& table) {
  const Summary all = table.Summarize().value();
  std::vector<double> figures{all.sum, all.norm1, all.norm2,
                              all.min, all.max,   table.Dot(0, 1).value()};
  const std::vector<KeyValue> top = table.TopK(20).value();
  for (const KeyValue& row : top) figures.push_back(row.value);
  EXPECT_TRUE(table.Freeze().ok());
  EXPECT_EQ(table.Summarize().value().sum, all.sum) << "as arrays";
  EXPECT_TRUE(table.Scale(1.0 / 3).ok());
  figures.push_back(table.Norm2().value());
  return figures;
}

// A change made before the first push of a step says nothing of that step.
TEST_F(TableFunctionsTest, AMemberThatChangesRowsIsNotThroughTheStepItIsIn) {
  constexpr WorkerGroup kGroup = WorkerGroup::Numbered(1);
  Cluster cluster = Connect();
  Table table = Create(cluster, "t");
  ASSERT_TRUE(table.Push({1, kKeyMax}, {1, 1}).get().ok());
  Cluster other_cluster = Connect();
  Table other = other_cluster.OpenTable("t").value();
  ASSERT_TRUE(table.Join({.group = kGroup, .members = 2}).ok());
  ASSERT_TRUE(other.Join({.group = kGroup, .members = 2}).ok());
  ASSERT_TRUE(other.Push({2}, {1}, {.step = 0}).result.get().ok());
  ASSERT_TRUE(table.Scale(2).ok());
  auto pulled = other.Pull({1}, {.step = 1, .gate = Gate{kGroup, 0}});
  EXPECT_EQ(table.Clocks().value().front().streams.size(), 2U);
  EXPECT_EQ(pulled.result.wait_for(100ms), std::future_status::timeout)
      << "the member has not pushed its step 0 yet";
  ASSERT_TRUE(table.Push({1}, {5}, {.step = 0}).result.get().ok());
  const auto values = pulled.result.get();
  ASSERT_TRUE(values.ok()) << values.status().ToString();
  EXPECT_EQ(values.value().values, std::vector<float>{7});
}

TEST_F(TableFunctionsTest, CallsAndRangesAreTasks) {
  constexpr WorkerGroup kGroup = WorkerGroup::Numbered(2);
  Cluster cluster = Connect();
  Table table = Create(cluster, "t", 2);
  ASSERT_TRUE(table.Join({.group = kGroup, .members = 1}).ok());
  constexpr Key kStep = kKeyMax / 50'000;
  std::vector<Key> keys;
  for (Key i = 0; i < 50'000; ++i) keys.push_back(i * kStep);
  const auto push = table.Push(keys, std::vector<float>(100'000, 1.0F), {.step = 0});
  const std::vector<Argument> twice{std::uint64_t{1}, 2.0};
  const auto scale = table.Call("scale", twice, {.step = 1, .after = {push.task}}, {0, 99 * kStep},
                                Effect::kChanges);
  auto summary = table.Call("summary", {std::uint64_t{1}}, {.step = 2, .gate = Gate{kGroup, 1}});
  auto range = table.PullRange({50 * kStep, 149 * kStep}, {.step = 2, .after = {scale.task}});
  auto all = table.PullRange(Table::kAllKeys, {.step = 2, .gate = Gate{kGroup, 1}});
  double sum = 0;
  const auto answers = summary.result.get();
  ASSERT_TRUE(answers.ok()) << answers.status().ToString();
  for (const FunctionAnswer& segment : answers.value()) sum += segment.numbers.at(2);
  EXPECT_EQ(sum, 50'100);
  const auto rows = range.result.get();
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_EQ(rows.value().keys, std::vector<Key>(keys.begin() + 50, keys.begin() + 150));
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_EQ(rows.value().values[2 * i], 1.0F);
    ASSERT_EQ(rows.value().values[2 * i + 1], i < 50 ? 2.0F : 1.0F) << i;
  }
  const auto whole = all.result.get();
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(whole.value().keys, keys);
  EXPECT_EQ(whole.value().through, 1);

  auto wrong =
      table.Call("scale", {std::uint64_t{9}, 2.0}, {.step = 2}, Table::kAllKeys, Effect::kChanges);
  const auto after_wrong =
      table.PullRange(Table::kAllKeys, {.step = 2, .after = {wrong.task}}).result.get();
  EXPECT_FALSE(wrong.result.get().ok());
  ASSERT_FALSE(after_wrong.ok());
  EXPECT_NE(after_wrong.status().message().find("must have finished before, failed"),
            std::string::npos)
      << after_wrong.status().ToString();
  EXPECT_EQ(table.PullRange({5, 4}).result.get().status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(table.Call("scale", twice, {.step = 1}, Table::kAllKeys, Effect::kChanges)
                .result.get()
                .status()
                .code(),
            StatusCode::kInvalidArgument)
      << "its step is over";
  ASSERT_TRUE(table.Leave().ok());
  EXPECT_EQ(table.Scale(2).code(), StatusCode::kInvalidArgument) << "after it has left";
  EXPECT_TRUE(table.Norm1().ok());
}

TEST_F(TableFunctionsTest, HaveTheSameBitsOnOneServerAndTwo) {
  const Rows rows = RandomRows(10'000, 2);
  Cluster cluster = Connect();
  Table table = Create(cluster, "t", 2);
  Fill(table, rows);
  const std::vector<double> two = FiguresOf(table);
  one_ = nullptr;
  two_ = nullptr;
  head_ = MakeHead();
  one_ = MakeServer(21);
  Cluster small = Connect();
  Table alone = Create(small, "t", 2);
  Fill(alone, rows);
  EXPECT_EQ(FiguresOf(alone), two);
}

TEST_F(TableFunctionsTest, RefusalsNameTheFaultAndHarmNothingElse) {
  Cluster cluster = Connect();
  Table plain = Create(cluster, "plain");
  Table learned =
      cluster.CreateTable({.name = "learned", .updater = {.name = "ftrl", .l1 = 0.0F}}).value();
  ASSERT_TRUE(learned.Push({7, 9}, {1, -1}).get().ok());
  ASSERT_TRUE(plain.Push({7}, {3e38F}).get().ok());
  const Status scaled = learned.Scale(0.5);
  EXPECT_EQ(scaled.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(scaled.message().find("whose updater is ftrl"), std::string::npos) << scaled.ToString();
  EXPECT_EQ(learned.Norm1().value(),
            2.0 * std::abs(static_cast<double>(learned.Pull({7}).get().value()[0])));
  EXPECT_EQ(plain.Scale(10).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(plain.Call("nrm1", {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(plain.Summarize({0, kKeyMax}, 1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(plain.Summarize({5, 4}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(plain.Quantile(1.5).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(plain.Quantile(0.5, {0, 5}).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(plain.Quantiles({}).value().empty());
  ASSERT_TRUE(plain.Push({8}, {1}).get().ok());
  EXPECT_EQ(plain.Summarize().value().rows, 2U);
}

TEST_F(TableFunctionsTest, PushesOfOtherProgramsGoOnWhileACallRuns) {
  Cluster cluster = Connect();
  Cluster other = Connect();
  Table table = Create(cluster, "t");
  Fill(table, RandomRows(300'000, 1));
  Result<Table> opened = other.OpenTable("t");
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  Table same = opened.value();
  std::future<double> norm = std::async(std::launch::async, [&] { return table.Norm1().value(); });
  std::size_t pushed = 0;
  do {
    ASSERT_TRUE(same.Push({pushed}, {0}).get().ok());
    ++pushed;
  } while (norm.wait_for(0s) != std::future_status::ready);
  EXPECT_GT(norm.get(), 0.0);
  EXPECT_GT(pushed, 0U);
}

}  // namespace
}  // namespace steelyard
