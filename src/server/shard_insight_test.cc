#include <gtest/gtest.h>

#include "server/test_shard.h"

namespace steelyard::server {
namespace {

constexpr JobId kGroup = 3;

PushSpec Of(StreamId stream, Ts ts, Key key, Ts prev_ts, Step through) {
  return {
      .ts = ts,
      .entries = {{.segment = key >= kHalf ? 1u : 0u, .count = 1, .epoch = 1, .prev_ts = prev_ts}},
      .keys = {key},
      .floats = {1},
      .stream = stream,
      .through_step = through};
}

// Stream 1's first push is lost on its way to segment 1; its second one arrives in segment 0.
TEST_F(ShardTest, PullsTellTheTimeOfTheirRange) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(Push(Of(2, 1, 5, 0, 4)).empty());
  EXPECT_TRUE(Push(Of(2, 2, kHalf, 0, 4)).empty());
  EXPECT_EQ(Pull({5})->through_min, -1);
  EXPECT_TRUE(Push(Of(1, 2, 5, 0, 1)).empty());
  EXPECT_EQ(Pull({5})->through_min, 1) << "both have pushed all that they will of step 1 here";
  EXPECT_EQ(Pull({kHalf})->through_min, -1);
  EXPECT_FALSE(Pull({5}, 1)) << "gates are of all keys";
  EXPECT_TRUE(Push(Of(1, 1, kHalf, 0, 0)).empty());
  EXPECT_EQ(Pull({kHalf})->through_min, 1);
  Outbox outbox;
  (void)shard_.Retire({.table = 0, .stream = 1}, 1, outbox);
  EXPECT_EQ(Pull({kHalf})->through_min, 4) << "who has left is not waited for";
}

TEST_F(ShardTest, ClocksAreVectorsByRange) {
  EXPECT_EQ(shard_.ClocksOf({.table = 99}).status().code(), StatusCode::kNotFound);
  ASSERT_EQ(Open(1, 1, kGroup), StatusCode::kOk);
  ASSERT_EQ(Open(7), StatusCode::kOk);
  EXPECT_TRUE(Push(Of(1, 2, 5, 0, 1)).empty());
  const auto all = shard_.ClocksOf({.table = kTable});
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all.value().ranges.size(), 2u);
  const std::vector<wire::StreamTime> first = {
      {.stream = 1, .group = kGroup, .ts = 2, .through = 1, .active = true},
      {.stream = 7, .group = 0, .ts = 0, .through = -1, .active = false}};
  EXPECT_EQ(all.value().ranges[0].streams, first);
  EXPECT_EQ(all.value().ranges[0].last, kHalf - 1);
  EXPECT_EQ(all.value().ranges[1].streams[0].through, -1) << "nothing of it came here";
  EXPECT_EQ(shard_.ClocksOf({.table = kTable, .first = kHalf}).value().ranges.size(), 1u);
}

TEST_F(ShardTest, KeysThatAreAskedForMostAreFound) {
  EXPECT_EQ(shard_.HotKeysOf({.table = 99, .most = 1}).status().code(), StatusCode::kNotFound);
  for (int i = 0; i < 20'000; ++i) {
    (void)Pull({i % 3 == 0 ? Key{42} : static_cast<Key>(1'000 + i)});
  }
  const auto hot = shard_.HotKeysOf({.table = kTable, .most = 1});
  ASSERT_TRUE(hot.ok());
  ASSERT_EQ(hot.value().keys.size(), 1u);
  EXPECT_EQ(hot.value().keys[0].key, 42u);
  EXPECT_GT(hot.value().samples, 40u);
  const wire::TableSize size = shard_.Sizes().at(0);
  EXPECT_EQ(size.hot_key, 42u);
  EXPECT_EQ(size.samples, hot.value().samples);
  EXPECT_GT(size.hot_count * 5, size.samples);
}

}  // namespace
}  // namespace steelyard::server
