// Goal: a shard applies every push once and in order, refuses what does not fit by name, and lets no pull wait in vain.
// Method: messages as they come off the wire against a shard, its answers decoded; no connections.
#include "server/shard.h"

#include <limits>

#include "server/test_shard.h"

namespace steelyard::server {
namespace {

TEST_F(ShardTest, InstallingAgainKeepsRowsAndClocks) {
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {2}}).empty());
  EXPECT_TRUE(shard_.Install(view_).ok());
  EXPECT_EQ(Value(4), 2.0F);
  EXPECT_EQ(Pull({4})->clock, 1u);
}

TEST_F(ShardTest, AnInstalledTableDoesNotChangeItsShape) {
  wire::View other = view_;
  other.segments = placement::MakeTestView(kTable, 4, view_.owners).segments;
  other.spec.options.segment_count = 4;
  EXPECT_EQ(shard_.Install(other).code(), StatusCode::kInvalidArgument);
  other = view_;
  other.spec.options.width = 3;
  EXPECT_EQ(shard_.Install(other).code(), StatusCode::kInvalidArgument);
}

TEST_F(ShardTest, ARefusedUpdaterLeavesNoTable) {
  wire::View bad = placement::MakeTestView(6, 2, view_.owners, {.name = "nonesuch"});
  EXPECT_EQ(shard_.Install(bad).code(), StatusCode::kInvalidArgument);
  Outbox outbox;
  shard_.Open(1, {.table = 6, .stream = 1, .session = 1}, 1, outbox);
  EXPECT_EQ(outbox.at(0).second.header.type, wire::MessageType::kRefused);
}

TEST_F(ShardTest, APushCountsOnce) {
  Open();
  const PushSpec push{.entries = {{0, 2, 1, 0}}, .keys = {4, 6}, .floats = {1, 2}};
  EXPECT_TRUE(Push(push).empty());
  EXPECT_TRUE(Push(push).empty()) << "a repeat is acknowledged";
  EXPECT_EQ(Pull({4, 6})->floats, (std::vector<float>{1, 2}));
  EXPECT_EQ(shard_.counters().pushes_duplicate, 1u);
}

TEST_F(ShardTest, AGapNamesTheClockAndChangesNothing) {
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}}).empty());
  const auto failed = Push({.ts = 3, .entries = {{0, 1, 1, 2}}, .keys = {4}, .floats = {10}});
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kGap);
  EXPECT_EQ(failed[0].detail, 1u);
  EXPECT_EQ(Value(4), 1.0F);
}

TEST_F(ShardTest, AStreamMustOpenAndALaterSessionFencesIt) {
  const PushSpec push{.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}};
  EXPECT_EQ(Push(push).at(0).code, EntryCode::kNeedOpen);
  Open(1, 2);
  const auto failed = Push(push);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kFenced);
  EXPECT_EQ(failed[0].detail, 2u);
  EXPECT_EQ(Open(1, 1), StatusCode::kCancelled);
  EXPECT_EQ(Value(4), 0.0F);
}

TEST_F(ShardTest, APullOfNothingFromAnUnknownTableIsAnswered) {
  const wire::Frame frame = wire::MakeFrame(
      wire::Pull{
          .table = kTable + 1, .group = 3, .stream = 1, .session = 1, .entries = {}, .keys = {}},
      7);
  Outbox outbox;
  shard_.Pull(1, wire::DecodePull(frame.body.bytes()).value(), 7, frame.body, outbox);
  ASSERT_EQ(outbox.size(), 1u);
  EXPECT_TRUE(wire::DecodePullResponse(outbox[0].second.body.bytes()).value().floats.empty());
}

TEST_F(ShardTest, AnotherEpochOrAnotherServersSegmentIsNotPrimary) {
  Open();
  const auto failed = Push({.entries = {{0, 1, 9, 0}}, .keys = {4}, .floats = {1}});
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kNotPrimary);
  EXPECT_EQ(failed[0].detail, 1u) << "the epoch known here";
  EXPECT_EQ(Pull({4}, wire::kNoGate, 7, 1, /*epoch=*/9)->code, EntryCode::kNotPrimary);

  Shard other(kSelf + 1);
  ASSERT_TRUE(other.Install(view_).ok());
  std::swap(shard_, other);
  EXPECT_EQ(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}}).at(0).code,
            EntryCode::kNotPrimary);
  EXPECT_EQ(Push({.entries = {{8, 1, 1, 0}}, .keys = {4}, .floats = {1}}).at(0).code,
            EntryCode::kNotPrimary);
}

TEST_F(ShardTest, ALongPushAfterItsPullSearchesNothing) {
  constexpr std::uint32_t kMany = 2 * table::Rows::kPrefetchMax;
  Open();
  std::vector<Key> keys;
  for (Key key = 0; key < kMany; ++key) keys.push_back(3 * key);
  const std::vector<float> ones(kMany, 1.0F);
  EXPECT_TRUE(Push({.entries = {{0, kMany, 1, 0}}, .keys = keys, .floats = ones}).empty());
  const std::vector<Key> some(keys.begin() + 2, keys.end());
  const auto count = static_cast<std::uint32_t>(some.size());
  const std::uint64_t before = shard_.counters().lists_recalled;
  EXPECT_EQ(Pull(some)->floats, std::vector<float>(count, 1.0F));
  EXPECT_EQ(shard_.counters().lists_recalled, before);
  EXPECT_TRUE(Push({.ts = 2,
                    .entries = {{0, count, 1, 1}},
                    .keys = some,
                    .floats = std::vector<float>(count, 1.0F)})
                  .empty());
  EXPECT_EQ(shard_.counters().lists_recalled, before + 1);
  std::vector<float> expected(kMany, 2.0F);
  expected[0] = expected[1] = 1.0F;
  EXPECT_EQ(Pull(keys)->floats, expected);
}

TEST_F(ShardTest, AFullServerRefusesNewKeysAndStillServesItsOwn) {
  constexpr std::size_t kBytesMax = 300'000;
  Shard small(kSelf, kBytesMax);
  ASSERT_TRUE(small.Install(view_).ok());
  std::swap(shard_, small);
  Open();
  std::vector<wire::EntryAnswer> failed;
  std::vector<Key> keys;
  Ts ts = 0;
  for (; failed.empty(); ++ts) {
    ASSERT_LT(ts, 100u);
    keys.clear();
    for (Key i = 0; i < 1000; ++i) keys.push_back((ts * 1000 + i) << 40U);
    failed = Push({.ts = ts + 1,
                   .entries = {{0, 1000, 1, ts}},
                   .keys = keys,
                   .floats = std::vector<float>(1000, 1.0F)});
  }
  EXPECT_EQ(failed[0].code, EntryCode::kFull);
  EXPECT_EQ(failed[0].detail, kBytesMax);
  EXPECT_EQ(Value(keys.back()), 0.0F) << "nothing of it is applied";
  ASSERT_GT(ts, 2u);
  EXPECT_LT(shard_.memory_bytes(), 3 * kBytesMax);
  EXPECT_TRUE(
      Push({.ts = ts, .entries = {{0, 2, 1, ts - 1}}, .keys = {0, Key{1} << 40U}, .floats = {1, 1}})
          .empty());
  EXPECT_EQ(Value(Key{1} << 40U), 2.0F);
}

TEST_F(ShardTest, FloatsThatAreNotFiniteAreRefusedByKeyAndNothingIsApplied) {
  Open();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity}) {
    const auto failed = Push({.entries = {{0, 3, 1, 0}}, .keys = {4, 6, 8}, .floats = {1, bad, 1}});
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].code, EntryCode::kNotFinite);
    EXPECT_EQ(failed[0].detail, 6u);
  }
  PushSpec large{.entries = {{0, 200, 1, 0}}, .keys = {}, .floats = std::vector<float>(200, 1.0F)};
  for (Key key = 0; key < 200; ++key) large.keys.push_back(key);
  for (const std::size_t at : {0u, 63u, 64u, 150u, 199u}) {
    PushSpec spoilt = large;
    spoilt.floats[at] = nan;
    ASSERT_EQ(Push(spoilt).at(0).detail, at);
  }
  EXPECT_EQ(Value(4), 0.0F);
  EXPECT_TRUE(Push(large).empty()) << "refused pushes took no ts";
  EXPECT_EQ(Value(4), 1.0F);
}

TEST_F(ShardTest, KeysThatDoNotFitAreInvalidAndLeaveTheClock) {
  Open();
  const std::vector<PushSpec> bad = {
      {.entries = {{0, 2, 1, 0}}, .keys = {6, 4}, .floats = {1, 1}},
      {.entries = {{0, 2, 1, 0}}, .keys = {4, 4}, .floats = {1, 1}},
      {.entries = {{0, 2, 1, 0}}, .keys = {4, kHalf}, .floats = {1, 1}},
      {.entries = {{1, 1, 1, 0}}, .keys = {kHalf - 1}, .floats = {1}},
      {.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1, 1}, .width = 2}};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const auto failed = Push(bad[i]);
    ASSERT_EQ(failed.size(), 1u) << i;
    EXPECT_EQ(failed[0].code, EntryCode::kInvalid) << i;
  }
  EXPECT_EQ(Pull({6, 4})->code, EntryCode::kInvalid);
  EXPECT_EQ(Pull({4, kHalf})->code, EntryCode::kInvalid);
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}}).empty())
      << "refused pushes took no ts";
  EXPECT_EQ(Value(4), 1.0F);
}

TEST_F(ShardTest, ARepeatAppliesOnlyWhatWasRefused) {
  Open();
  PushSpec push{.entries = {{0, 1, 1, 0}, {1, 1, 9, 0}}, .keys = {4, kHalf}, .floats = {1, 2}};
  const auto failed = Push(push);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].segment, 1u);
  push.entries[1].epoch = 1;
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Value(4), 1.0F);
  EXPECT_EQ(Value(kHalf), 2.0F);
}

TEST_F(ShardTest, RowsAreAddedWholeAndValuesGoThroughTheUpdater) {
  const wire::View view = placement::MakeTestView(
      kTable, 2, view_.owners, {.name = "ftrl", .alpha = 1, .beta = 1, .l1 = 0, .l2 = 0});
  Outbox outbox;
  shard_.Drop(kTable, outbox);
  ASSERT_TRUE(shard_.Install(view).ok());
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}},
                    .keys = {4},
                    .floats = {3, 4},
                    .columns = wire::Columns::kRows,
                    .width = 2})
                  .empty());
  // z = 3, n = 4: -z / ((beta + sqrt(n)) / alpha).
  EXPECT_FLOAT_EQ(Value(4), -1.0F);
}

TEST_F(ShardTest, AClosedGateHoldsAPullUntilEveryStreamIsThrough) {
  Open(1, 1, 3);
  Open(2, 1, 3);
  EXPECT_TRUE(Pull({4}, -1).has_value()) << "nothing is asked of a step before the first";
  EXPECT_FALSE(Pull({4}, 0).has_value());
  EXPECT_FALSE(Pull({4}, 0).has_value()) << "the same pull, sent again";
  EXPECT_EQ(shard_.waiting_count(), 1u);
  Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}});
  EXPECT_TRUE(freed_.empty());
  // Stream 2's first frame was lost: its second alone does not open the gate.
  Push({.ts = 2, .stream = 2, .through_step = 1});
  EXPECT_TRUE(freed_.empty());
  Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {2}, .stream = 2});
  ASSERT_EQ(freed_.size(), 1u);
  const PullAnswer answer = Decoded(freed_[0]);
  EXPECT_EQ(answer.link, 1u);
  EXPECT_EQ(answer.request_id, 7u);
  EXPECT_EQ(answer.floats, std::vector<float>{3});
  EXPECT_EQ(answer.through_min, 0);
  EXPECT_EQ(shard_.waiting_count(), 0u);
}

TEST_F(ShardTest, AGroupThatIsNotCompleteYetIsWaitedFor) {
  EXPECT_FALSE(Pull({4}, 0).has_value()) << "nobody of group 3 has been here";
  Open(1, 1, 3, 2);
  EXPECT_TRUE(freed_.empty());
  Push({.stream = 1, .through_step = 5});
  EXPECT_TRUE(freed_.empty());
  Open(2, 1, 3, 2);
  EXPECT_TRUE(freed_.empty());
  Push({.stream = 2, .through_step = 0});
  ASSERT_EQ(freed_.size(), 1u);
  EXPECT_EQ(Decoded(freed_[0]).through_min, 0);
}

TEST_F(ShardTest, WhatWaitsForAStreamThatLeavesIsLookedAtAgain) {
  Open(1, 1, 3);
  Open(2, 1, 3);
  Push({.stream = 1, .through_step = 8});
  EXPECT_FALSE(Pull({4}, 5).has_value());
  Outbox outbox;
  EXPECT_EQ(shard_.Retire({.table = 0, .stream = 2}, 1, outbox).header.type,
            wire::MessageType::kOpenAck);
  ASSERT_EQ(outbox.size(), 1u);
  EXPECT_EQ(Decoded(outbox[0]).through_min, 8);
  EXPECT_EQ(shard_.waiting_count(), 0u);
  outbox.clear();
  (void)shard_.Retire({.table = 0, .stream = 2}, 1, outbox);
  EXPECT_TRUE(outbox.empty()) << "a repeat";
  EXPECT_EQ(Open(2, 1, 3), StatusCode::kCancelled) << "an OPEN_STREAM that was late";
  const auto failed = Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}, .stream = 2});
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, EntryCode::kFenced);
}

TEST_F(ShardTest, AStreamOfNoGroupOutlivesTheSilenceOfItsProcess) {
  Open(/*stream=*/1, /*session=*/1, /*group=*/0);
  EXPECT_TRUE(Push({.entries = {{0, 1, 1, 0}}, .keys = {4}, .floats = {1}}).empty());
  Outbox outbox;
  (void)shard_.Retire({.table = 0, .stream = 1}, 1, outbox);
  EXPECT_TRUE(Push({.ts = 2, .entries = {{0, 1, 1, 1}}, .keys = {4}, .floats = {1}}).empty());
  EXPECT_EQ(Open(1, 1, 0), StatusCode::kOk);
  EXPECT_EQ(Open(1, 1, 3), StatusCode::kCancelled) << "a group goes on without it";
}

TEST_F(ShardTest, StreamsThatOnlyReadAreForgottenBeyondTheBound) {
  ASSERT_EQ(Open(1), StatusCode::kOk);
  const PushSpec first{
      .entries = {{.segment = 0, .count = 1, .epoch = 1}}, .keys = {5}, .floats = {1}};
  EXPECT_TRUE(Push(first).empty());
  ASSERT_EQ(Open(2, 1, /*group=*/3), StatusCode::kOk);
  for (StreamId stream = 3; stream <= 3 * Shard::kStreamsMax; ++stream)
    ASSERT_EQ(Open(stream), StatusCode::kOk) << stream;
  EXPECT_LT(shard_.clock_bytes(), 2 * Shard::kStreamsMax * 100);
  EXPECT_TRUE(Push(first).empty());
  EXPECT_EQ(Value(5), 1) << "a repeat counts once";
  const PushSpec of_member{.entries = first.entries, .keys = {5}, .floats = {1}, .stream = 2};
  EXPECT_TRUE(Push(of_member).empty()) << "a member is not forgotten";
  PushSpec late = of_member;
  late.stream = 3;
  const auto forgotten = Push(late);
  ASSERT_EQ(forgotten.size(), 1u);
  EXPECT_EQ(forgotten[0].code, EntryCode::kNeedOpen);
  ASSERT_EQ(Open(3), StatusCode::kOk);
  EXPECT_TRUE(Push(late).empty());
  EXPECT_EQ(Value(5), 3);
}

TEST_F(ShardTest, GroupsThatNobodyJoinedGoWithWhoWaitsForThem) {
  ASSERT_EQ(Open(1), StatusCode::kOk);
  const std::size_t before = shard_.clock_bytes();
  EXPECT_FALSE(Pull({5}, /*gate=*/0));
  EXPECT_EQ(shard_.waiting_count(), 1u);
  shard_.ForgetLink(1);
  EXPECT_EQ(shard_.waiting_count(), 0u);
  EXPECT_EQ(shard_.clock_bytes(), before);
  EXPECT_FALSE(Pull({5}, /*gate=*/0));
  ASSERT_EQ(Open(2, 1, /*group=*/3), StatusCode::kOk);
  shard_.ForgetLink(1);
  EXPECT_FALSE(Pull({5}, /*gate=*/0)) << "the group that has a member is still there";
}

TEST_F(ShardTest, ARefusedPushAnnouncesNothing) {
  Open(1, 1, 3);
  EXPECT_FALSE(Pull({4}, 0).has_value());
  EXPECT_FALSE(Push({.entries = {{0, 1, 9, 0}}, .keys = {4}, .floats = {1}}).empty());
  EXPECT_EQ(shard_.waiting_count(), 1u);
}

TEST_F(ShardTest, DroppingATableFreesItsWaitingPulls) {
  Open(1, 1, 3);
  EXPECT_FALSE(Pull({4}, 0).has_value());
  Outbox outbox;
  shard_.Drop(kTable, outbox);
  ASSERT_EQ(outbox.size(), 1u);
  EXPECT_EQ(Decoded(outbox[0]).code, EntryCode::kNotPrimary);
  EXPECT_EQ(shard_.waiting_count(), 0u);
  EXPECT_EQ(Pull({4})->code, EntryCode::kNotPrimary);
  EXPECT_EQ(Open(), StatusCode::kUnavailable);
}

TEST_F(ShardTest, WaitingPullsAreBusyOverALinksCreditAndForgottenWithIt) {
  Open(1, 1, 3);
  const std::vector<Key> keys = {4};
  const std::vector<wire::PullEntry> entries = {{.segment = 0, .count = 1, .epoch = 1}};
  const wire::Pull pull{.table = kTable,
                        .group = 3,
                        .stream = 1,
                        .session = 1,
                        .gate_step = 0,
                        .entries = entries,
                        .keys = keys};
  const Buffer large = Buffer::Allocate(Shard::kWaitingBytesMax - 10);
  const Buffer small = Buffer::Allocate(11);
  Outbox outbox;
  shard_.Pull(1, pull, 1, large, outbox);
  EXPECT_TRUE(outbox.empty());
  shard_.Pull(1, pull, 2, small, outbox);
  ASSERT_EQ(outbox.size(), 1u);
  EXPECT_EQ(Decoded(outbox[0]).code, EntryCode::kBusy);
  outbox.clear();
  shard_.Pull(2, pull, 2, small, outbox);
  EXPECT_TRUE(outbox.empty()) << "another link has a credit of its own";
  shard_.ForgetLink(1);
  EXPECT_EQ(shard_.waiting_count(), 1u);
  shard_.Pull(1, pull, 3, small, outbox);
  EXPECT_TRUE(outbox.empty()) << "what waited for the link is forgotten";
}

TEST_F(ShardTest, APullWhoseAnswerFitsNoFrameIsInvalid) {
  Outbox outbox;
  shard_.Drop(kTable, outbox);
  wire::View wide = view_;
  wide.spec.options.width = 4096;
  ASSERT_TRUE(shard_.Install(wide).ok());
  std::vector<Key> keys(wire::kFrameBytesMax / (4096 * sizeof(float)));
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = i;
  EXPECT_EQ(Pull(keys)->code, EntryCode::kInvalid);
  keys.resize(keys.size() / 2);
  EXPECT_EQ(Pull(keys)->code, EntryCode::kOk);
}

TEST_F(ShardTest, AScanReadsInPiecesToTheLastKey) {
  Open();
  const std::vector<Key> keys = {kHalf, kHalf + 5, kKeyMax - 1, kKeyMax};
  EXPECT_TRUE(Push({.entries = {{1, 4, 1, 0}}, .keys = keys, .floats = {1, 2, 3, 4}}).empty());
  const auto scan = [&](Key first, std::uint32_t rows_max, Epoch epoch = 1) {
    return shard_.Scan({.table = kTable,
                        .segment = 1,
                        .epoch = epoch,
                        .first = first,
                        .rows_max = rows_max,
                        .columns = wire::Columns::kValues},
                       1);
  };
  const wire::Frame first = scan(kHalf, 3);
  const auto piece = wire::DecodeScanResponse(first.body.bytes()).value();
  EXPECT_EQ((std::vector<Key>{piece.keys.begin(), piece.keys.end()}),
            (std::vector<Key>{kHalf, kHalf + 5, kKeyMax - 1}));
  EXPECT_FALSE(piece.end);
  const wire::Frame last = scan(kKeyMax, 3);
  const auto rest = wire::DecodeScanResponse(last.body.bytes()).value();
  ASSERT_EQ(rest.keys.size(), 1u);
  EXPECT_EQ(rest.keys[0], kKeyMax);
  EXPECT_EQ(rest.floats[0], 4.0F);
  EXPECT_TRUE(rest.end);
  const wire::Frame other = scan(kHalf, 3, /*epoch=*/2);
  EXPECT_EQ(wire::DecodeScanResponse(other.body.bytes()).value().code, EntryCode::kNotPrimary);
}

}  // namespace
}  // namespace steelyard::server
