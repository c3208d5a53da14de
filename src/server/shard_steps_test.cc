#include <gtest/gtest.h>

#include "server/test_shard.h"

namespace steelyard::server {
namespace {

using Failed = std::vector<wire::EntryAnswer>;

constexpr JobId kGroup = 3;  // Pulls of ShardTest ask for this one.

class AggregatedTest : public ShardTest {
 protected:
  AggregatedTest() { Reinstall({.name = "sum"}); }

  void Reinstall(TableOptions options) {
    Outbox outbox;
    shard_.Drop(kTable, outbox);
    wire::View view = view_;
    options.segment_count = view.spec.options.segment_count;
    view.spec.options = options;
    view.spec.options.aggregate = true;
    ASSERT_TRUE(shard_.Install(view).ok());
  }

  Failed PushOf(StreamId stream, Ts ts, Step step, std::vector<Key> keys, std::vector<float> floats,
                Ts prev_ts) {
    const auto count = static_cast<std::uint32_t>(keys.size());
    return Push({.ts = ts,
                 .entries = {{.segment = 0, .count = count, .epoch = 1, .prev_ts = prev_ts}},
                 .keys = std::move(keys),
                 .floats = std::move(floats),
                 .stream = stream,
                 .through_step = step});
  }
};

TEST_F(AggregatedTest, AStepIsAppliedOnceEveryMemberIsThroughIt) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {1}, 0).empty());
  EXPECT_EQ(Value(5), 0) << "member 2 is not through step 0";
  EXPECT_GT(shard_.held_bytes(), 0u);
  EXPECT_EQ(shard_.Sizes().at(0).held_bytes, shard_.held_bytes());
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {1}, 0).empty()) << "a repeat";
  EXPECT_FALSE(Pull({5}, 0)) << "waits for the step";
  EXPECT_TRUE(PushOf(1, 2, 1, {5}, {10}, 1).empty()) << "ahead";
  EXPECT_TRUE(PushOf(2, 1, 0, {5}, {2}, 0).empty());
  ASSERT_EQ(freed_.size(), 1u);
  EXPECT_EQ(Decoded(freed_[0]).floats, std::vector<float>{3}) << "step 0, all of it, nothing of 1";
  EXPECT_TRUE(PushOf(2, 2, 1, {5}, {20}, 1).empty());
  EXPECT_EQ(Value(5), 33);
  EXPECT_EQ(shard_.held_bytes(), 0u);
  EXPECT_EQ(shard_.counters().steps_closed, 2u);
}

TEST_F(AggregatedTest, TheUpdaterSeesTheSum) {
  Reinstall({.name = "ftrl", .updater = {.name = "ftrl", .alpha = 1, .beta = 1}});
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {3}, 0).empty());
  EXPECT_TRUE(PushOf(2, 1, 0, {5}, {-3}, 0).empty());
  EXPECT_EQ(Value(5), 0) << "a gradient of 0; one after the other would leave something";
}

TEST_F(AggregatedTest, WhoLeavesIsNotWaitedForAndItsPushesCount) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(PushOf(2, 1, -1, {5}, {7}, 0).empty());  // A part of its step: it is not through 0.
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {1}, 0).empty());
  EXPECT_EQ(Value(5), 7) << "what it pushed of a step that all are through";
  Outbox outbox;
  (void)shard_.Retire({.table = 0, .stream = 2}, 1, outbox);
  EXPECT_EQ(Value(5), 8);
  (void)shard_.Retire({.table = 0, .stream = 1}, 1, outbox);
  EXPECT_EQ(Value(5), 8) << "nothing twice";
  EXPECT_EQ(shard_.held_bytes(), 0u);
}

TEST_F(AggregatedTest, WhoIsInNoGroupIsAppliedAtOnce) {
  ASSERT_EQ(Open(1), StatusCode::kOk);
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {4}, 0).empty());
  EXPECT_EQ(Value(5), 4);
}

TEST_F(AggregatedTest, ALateMemberAddsItsStepsAsTheyClose) {
  ASSERT_EQ(Open(1, 1, kGroup), StatusCode::kOk);
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {1}, 0).empty());
  EXPECT_EQ(Value(5), 1) << "alone";
  ASSERT_EQ(Open(2, 1, kGroup), StatusCode::kOk);
  EXPECT_TRUE(PushOf(2, 1, 0, {5}, {2}, 0).empty());
  EXPECT_EQ(Value(5), 3);
  EXPECT_TRUE(PushOf(1, 2, 1, {5}, {10}, 1).empty());
  EXPECT_EQ(Value(5), 3);
  EXPECT_TRUE(PushOf(2, 2, 1, {5}, {20}, 1).empty());
  EXPECT_EQ(Value(5), 33);
}

TEST_F(AggregatedTest, AnOpenStepIsNotFrozen) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(shard_.CheckFreezable(kTable).ok());
  EXPECT_FALSE(shard_.freezing()) << "only asked";
  EXPECT_TRUE(PushOf(1, 1, 0, {5}, {1}, 0).empty());
  EXPECT_EQ(shard_.CheckFreezable(kTable).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(shard_.Freeze({.table = kTable}).ok()) << "others may have begun: none is left out";
  EXPECT_FALSE(shard_.freezing()) << "the step that opened meanwhile comes first";
  EXPECT_FALSE(shard_.ContinueFreezing());
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  EXPECT_TRUE(PushOf(2, 1, 0, {6}, {1}, 0).empty());
  EXPECT_TRUE(shard_.freezing());
  while (shard_.freezing()) (void)shard_.ContinueFreezing();
  const auto frozen = shard_.FrozenKeysOf(kTable);
  ASSERT_TRUE(frozen);
  EXPECT_EQ(frozen->segments[0].rows, 2u) << "of both members";
}

TEST_F(AggregatedTest, WhoRunsAheadIsHeldBack) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  ASSERT_EQ(Open(2, 1, kGroup, 2), StatusCode::kOk);
  const std::size_t count = std::size_t{1} << 20;
  std::vector<Key> keys(count);
  for (std::size_t i = 0; i < count; ++i) keys[i] = i;
  const std::size_t fit = Shard::kHeldBytesMax / engine::OpenSteps::BytesOf(count, count);
  Ts ts = 0;
  Failed failed;
  while (failed.empty() && ts < 4 * fit) {
    ++ts;
    failed = PushOf(1, ts, static_cast<Step>(ts) - 1, keys, std::vector<float>(count, 1), ts - 1);
  }
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kBusy);
  EXPECT_EQ(ts, fit + 1);
  EXPECT_LE(shard_.held_bytes(), Shard::kHeldBytesMax);
  EXPECT_TRUE(PushOf(2, 1, 0, keys, std::vector<float>(count, 1), 0).empty())
      << "the step that is waited for has room";
  EXPECT_EQ(Value(3), 2);
  EXPECT_TRUE(PushOf(1, ts, static_cast<Step>(ts) - 1, {7}, {1}, ts - 1).empty())
      << "there is room again";
}

TEST_F(AggregatedTest, AStepIsBounded) {
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);
  const std::size_t count = std::size_t{1} << 20;
  std::vector<Key> keys(count);
  for (std::size_t i = 0; i < count; ++i) keys[i] = i;
  const std::size_t fit = 2 * Shard::kHeldBytesMax / engine::OpenSteps::BytesOf(count, count);
  Ts ts = 0;
  Failed failed;
  while (failed.empty() && ts < 4 * fit) {
    ++ts;
    failed = PushOf(1, ts, 0, keys, std::vector<float>(count, 1), ts - 1);
  }
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kHeldFull);
  EXPECT_EQ(ts, fit + 1);
  EXPECT_EQ(failed[0].detail, shard_.held_bytes());
  Outbox outbox;
  shard_.Drop(kTable, outbox);
  EXPECT_EQ(shard_.held_bytes(), 0u);
}

TEST_F(ShardTest, ATableIsRefusedWhatItsQuotaDoesNotHold) {
  Outbox outbox;
  shard_.Drop(kTable, outbox);
  wire::View view = view_;
  view.spec.options.memory_max = 100'000;
  ASSERT_TRUE(shard_.Install(view).ok());
  wire::View other = view_;
  other.table = kTable + 1;
  ASSERT_TRUE(shard_.Install(other).ok());
  ASSERT_EQ(Open(1), StatusCode::kOk);
  Ts ts = 0;
  Failed failed;
  while (failed.empty() && ts < 1'000) {
    ++ts;
    std::vector<Key> keys(1'000);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = ts * 1'000 + i;
    failed = Push({.ts = ts,
                   .entries = {{.segment = 0, .count = 1'000, .epoch = 1, .prev_ts = ts - 1}},
                   .keys = keys,
                   .floats = std::vector<float>(keys.size(), 1)});
  }
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kOverQuota);
  EXPECT_GE(failed[0].detail, 100'000u);
  EXPECT_LT(failed[0].detail, 200'000u) << "one push may pass it, not several";
  EXPECT_GT(ts, 1u);
  EXPECT_TRUE(Push({.ts = ts,
                    .entries = {{.segment = 0, .count = 1, .epoch = 1, .prev_ts = ts - 1}},
                    .keys = {1'000},
                    .floats = {1}})
                  .empty())
      << "a key that is there";
  EXPECT_EQ(Value(1'000), 2);
}

TEST_F(AggregatedTest, PushesThatAreHeldFillTheQuotaToo) {
  Reinstall({.name = "sum", .memory_max = 100'000});
  ASSERT_EQ(Open(1, 1, kGroup, 2), StatusCode::kOk);  // The other member never comes.
  Ts ts = 0;
  Failed failed;
  while (failed.empty() && ts < 100) {
    ++ts;
    std::vector<Key> keys(1'000);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = ts * 1'000 + i;
    failed = PushOf(1, ts, 0, keys, std::vector<float>(keys.size(), 1), ts - 1);
  }
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kOverQuota);
  EXPECT_LT(shard_.held_bytes(), 125'000u);
}

}  // namespace
}  // namespace steelyard::server
