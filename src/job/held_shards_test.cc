// Goal: a worker knows where each of its shards ends among its rows, whatever was given away and taken over before.
#include "job/held_shards.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace steelyard::job {
namespace {

/// Read a shard of one batch, after which `rows` rows are held.
void ReadShard(HeldShards& shards, std::size_t rows) {
  shards.OnRead(1, std::vector<std::size_t>{1});
  shards.OnAdded(rows);
}

TEST(HeldShards, EndsAreNotedAsRowsAreAdded) {
  HeldShards shards;
  shards.Begin(0);
  // Three batches of 10, 5 and 7 rows: the first shard has two, the second none, the third one.
  const std::vector<std::size_t> ends{2, 2, 3};
  shards.OnRead(3, ends);
  for (const std::size_t rows : {10, 15, 22}) shards.OnAdded(rows);
  shards.Begin(22);
  EXPECT_EQ(shards.Keep(3), 22u);
  shards.Begin(22);
  EXPECT_EQ(shards.Keep(2), 15u);
  shards.Begin(15);
  EXPECT_EQ(shards.Keep(1), 15u);
  shards.Begin(15);
  EXPECT_EQ(shards.Keep(0), 0u);
}

TEST(HeldShards, NewOnesComeBehindThoseThatStay) {
  HeldShards shards;
  shards.Begin(0);
  for (const std::size_t rows : {10, 20, 30}) ReadShard(shards, rows);
  shards.Begin(30);
  ReadShard(shards, 34);
  EXPECT_EQ(shards.Keep(1), 10u);  // 10 rows, and the 4 new ones.
  shards.Begin(14);
  EXPECT_EQ(shards.Keep(2), 14u);
  shards.Begin(14);
  EXPECT_EQ(shards.Keep(1), 10u);
}

TEST(HeldShards, AShardWithoutRowsAtTheEndIsNotedWhenItIsRead) {
  HeldShards shards;
  shards.Begin(0);
  ReadShard(shards, 10);
  shards.OnRead(0, std::vector<std::size_t>{0});
  shards.Begin(10);
  EXPECT_EQ(shards.Keep(2), 10u);
}

}  // namespace
}  // namespace steelyard::job
