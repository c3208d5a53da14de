// Goal: pushes and pulls of all keys of a range do what those of the same keys do, and send none of them.
// Method: a head and servers on loops of this process, real sockets; the same rows by list in a second table.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/test_cluster.h"
#include "steelyard/cluster.h"

namespace steelyard {
namespace {

constexpr WorkerGroup kGroup = WorkerGroup::Numbered(5);

class TableBlockTest : public ClusterTest {
 protected:
  static constexpr std::size_t kKeys = 30'000;
  static constexpr Key kStep = kKeyMax / kKeys;

  TableBlockTest() {
    for (Key i = 0; i < kKeys; ++i) keys_.push_back(i * kStep);
  }
  /// A table with all keys, and zeros; of two values a key.
  Table Filled(const std::string& name) {
    Table table = Create(cluster_, name, 2);
    EXPECT_TRUE(table.Push(keys_, std::vector<float>(2 * kKeys)).get().ok());
    return table;
  }
  static std::vector<float> Values(std::size_t keys, float first) {
    std::vector<float> values(2 * keys);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<float>(i % 7);
    return values;
  }

  Cluster cluster_ = Connect();
  std::vector<Key> keys_;
};

TEST_F(TableBlockTest, PushesAndPullsARangeWithoutKeys) {
  Table table = Filled("blocks");
  Table same = Filled("lists");
  ASSERT_EQ(table.Freeze().value(), kKeys);
  std::size_t pushed = 0;
  for (const char* const filters : {"none", "zeros,lz4", "key-cache,delta", "fixed:3"}) {
    ASSERT_TRUE(table.UseFilters(filters).ok());
    for (const KeyRange range : {Table::kAllKeys, KeyRange{100 * kStep + 1, 20'000 * kStep},
                                 KeyRange{7 * kStep, 7 * kStep}, KeyRange{1, 2}}) {
      const Result<KeyBlock> block = table.FindBlock(range);
      ASSERT_TRUE(block.ok()) << block.status().ToString();
      const std::vector<Key>& keys = block.value().keys();
      for (const Key key : keys) ASSERT_TRUE(key >= range.first && key <= range.last);
      const std::vector<float> values = Values(keys.size(), 1);
      const auto by_range = table.PushBlock(block.value(), values);
      ASSERT_TRUE(same.Push(keys, values).get().ok());
      const auto pull = table.PullBlock(block.value(), {.after = {by_range.task}}).result.get();
      ASSERT_TRUE(pull.ok()) << pull.status().ToString();
      EXPECT_EQ(pull.value().values, same.Pull(keys).get().value()) << filters;
      pushed += keys.size();
    }
  }
  EXPECT_EQ(pushed, 4 * (kKeys + 19'900 + 1));
  EXPECT_EQ(table.PullRange(Table::kAllKeys).result.get().value().values,
            same.PullRange(Table::kAllKeys).result.get().value().values);
  // No filter of keys was given any.
  ASSERT_TRUE(table.UseFilters("key-cache,delta").ok());
  const KeyBlock all = table.FindBlock().value();
  ASSERT_TRUE(table.PushBlock(all, Values(kKeys, 0)).result.get().ok());
  const std::vector<FilterCounts> counts = table.CountFilters().value();
  EXPECT_FALSE(counts.empty());
  for (const FilterCounts& filter : counts)
    EXPECT_EQ(filter.bytes_before, 0u) << filter.name << " was given keys of a block";
}

TEST_F(TableBlockTest, BlocksAreTasksOfTheirStep) {
  Table table = Filled("steps");
  ASSERT_EQ(table.Freeze().value(), kKeys);
  const KeyBlock block = table.FindBlock({0, 999 * kStep}).value();
  ASSERT_EQ(block.keys().size(), 1000u);
  ASSERT_TRUE(table.Join({.group = kGroup, .members = 1}).ok());
  auto pull = table.PullBlock(block, {.step = 1, .gate = Gate{kGroup, 0}});
  ASSERT_TRUE(table.PushBlock(block, Values(1000, 3), {.step = 0}).result.get().ok());
  const auto pulled = pull.result.get();
  ASSERT_TRUE(pulled.ok()) << pulled.status().ToString();
  EXPECT_EQ(pulled.value().values, Values(1000, 3));
  EXPECT_EQ(pulled.value().through, 0);
}

TEST_F(TableBlockTest, RowsThatAFilterDropsAreNotPushed) {
  Table table = Filled("dropped");
  ASSERT_EQ(table.Freeze().value(), kKeys);
  const KeyBlock block = table.FindBlock({0, 9 * kStep}).value();
  ASSERT_TRUE(
      table
          .AddFilter("even",
                     [](Key key, std::span<float> /*values*/) { return key % (2 * kStep) == 0; })
          .ok());
  ASSERT_TRUE(table.PushBlock(block, std::vector<float>(20, 1)).result.get().ok());
  const std::vector<float> values = table.PullBlock(block).result.get().value().values;
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(values[2 * i], i % 2 == 0 ? 1.0F : 0.0F) << i;
}

TEST_F(TableBlockTest, IsForFrozenTablesAndHarmlessInOthers) {
  Table table = Filled("open");
  const Status open = table.FindBlock().status();
  EXPECT_EQ(open.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(open.ToString().find("table 'open'"), std::string::npos) << open.ToString();
  EXPECT_NE(open.ToString().find("Freeze()"), std::string::npos) << open.ToString();
  ASSERT_EQ(table.Freeze().value(), kKeys);
  EXPECT_EQ(table.FindBlock({5, 4}).status().code(), StatusCode::kInvalidArgument);
  const KeyBlock block = table.FindBlock({0, 2 * kStep}).value();
  EXPECT_EQ(block.keys().size(), 3u);
  const Status wrong = table.PushBlock(block, {1, 2}).result.get();
  EXPECT_EQ(wrong.code(), StatusCode::kInvalidArgument) << wrong.ToString();

  // As many keys there, but others.
  Table other = Create(cluster_, "other", 2);
  ASSERT_TRUE(other.Push({1, 2, 3}, std::vector<float>(6)).get().ok());
  ASSERT_TRUE(other.PushBlock(block, Values(3, 1)).result.get().ok());
  EXPECT_EQ(other.Pull(block.keys()).get().value(), Values(3, 1));
  EXPECT_EQ(other.Pull({1, 2, 3}).get().value(), std::vector<float>(6));
}

}  // namespace
}  // namespace steelyard
