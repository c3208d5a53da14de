// Goal: a shard applies every push once and in order, refuses what does not fit by name, and lets no pull wait in vain.
// Method: messages as they come off the wire against a shard, its answers decoded; no connections.
#include "server/shard.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "base/hash.h"
#include "placement/test_view.h"

namespace steelyard::server {
namespace {

using transport::LinkId;
using wire::EntryCode;

constexpr Incarnation kSelf = 77;
constexpr TableId kTable = 5;
constexpr Key kHalf = Key{1} << 63;  // First key of segment 1 of 2.

struct PushSpec {
  Ts ts = 1;
  std::vector<wire::PushEntry> entries = {};
  std::vector<Key> keys = {};
  std::vector<float> floats = {};
  Ts acked_ts = 0;
  StreamId stream = 1;
  Session session = 1;
  Step through_step = 0;
  wire::Columns columns = wire::Columns::kValues;
  std::uint32_t width = 1;
};

struct PullAnswer {
  LinkId link = 0;
  std::uint64_t request_id = 0;
  EntryCode code = EntryCode::kOk;
  Ts clock = 0;
  Step through_min = 0;
  std::vector<float> floats;
};

PullAnswer Decoded(const std::pair<LinkId, wire::Frame>& sent) {
  const auto response = wire::DecodePullResponse(sent.second.body.bytes()).value();
  return {.link = sent.first,
          .request_id = sent.second.header.request_id,
          .code = response.entries.front().code,
          .clock = response.entries.front().clock,
          .through_min = response.through_min,
          .floats = {response.floats.begin(), response.floats.end()}};
}

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() { EXPECT_TRUE(shard_.Install(view_).ok()); }

  StatusCode Open(StreamId stream = 1, Session session = 1, JobId group = 0) {
    const wire::Frame frame = shard_.Open(
        {.table = kTable, .group = group, .stream = stream, .session = session, .first_step = 0},
        9);
    if (frame.header.type == wire::MessageType::kOpenAck) return StatusCode::kOk;
    return wire::Decode<wire::Refused>(frame.body.bytes()).value().code;
  }

  /// @return the entries that failed; answers to waiting pulls are in freed_.
  std::vector<wire::EntryAnswer> Push(const PushSpec& spec) {
    Outbox outbox;
    shard_.Push(1,
                {.table = kTable,
                 .stream = spec.stream,
                 .session = spec.session,
                 .ts = spec.ts,
                 .acked_ts = spec.acked_ts,
                 .step = spec.through_step,
                 .through_step = spec.through_step,
                 .columns = spec.columns,
                 .floats_per_key = spec.width,
                 .entries = spec.entries,
                 .keys = spec.keys,
                 .floats = spec.floats},
                1, outbox);
    const auto ack = wire::DecodePushAck(outbox.front().second.body.bytes()).value();
    freed_.assign(outbox.begin() + 1, outbox.end());
    return {ack.failed.begin(), ack.failed.end()};
  }

  std::optional<PullAnswer> Pull(std::vector<Key> keys, Step gate = wire::kNoGate,
                                 std::uint64_t request_id = 7, LinkId link = 1, Epoch epoch = 1) {
    const std::vector<wire::PullEntry> entries = {{.segment = keys.front() >= kHalf ? 1u : 0u,
                                                   .count = static_cast<std::uint32_t>(keys.size()),
                                                   .epoch = epoch}};
    const wire::Frame frame = wire::MakeFrame(wire::Pull{.table = kTable,
                                                         .group = 3,
                                                         .stream = 1,
                                                         .session = 1,
                                                         .step = 100,
                                                         .gate_step = gate,
                                                         .entries = entries,
                                                         .keys = keys},
                                              request_id);
    Outbox outbox;
    shard_.Pull(link, wire::DecodePull(frame.body.bytes()).value(), request_id, frame.body, outbox);
    if (outbox.empty()) return std::nullopt;
    return Decoded(outbox.front());
  }

  float Value(Key key) { return Pull({key}).value().floats.at(0); }

  const wire::View view_ =
      placement::MakeTestView(kTable, 2, {{.node = 1, .incarnation = kSelf, .address = "s"}});
  Shard shard_{kSelf};
  Outbox freed_;
};

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
  const auto frame = shard_.Open({.table = 6, .stream = 1, .session = 1}, 1);
  EXPECT_EQ(frame.header.type, wire::MessageType::kRefused);
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

TEST_F(ShardTest, APushAfterItsPullSearchesNothing) {
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 3, 1, 0}}, .keys = {4, 6, 8}, .floats = {1, 2, 3}}).empty());
  const std::uint64_t before = shard_.counters().lists_recalled;
  EXPECT_EQ(Pull({6, 8})->floats, (std::vector<float>{2, 3}));
  EXPECT_EQ(shard_.counters().lists_recalled, before);
  EXPECT_TRUE(Push({.ts = 2, .entries = {{0, 2, 1, 1}}, .keys = {6, 8}, .floats = {1, 1}}).empty());
  EXPECT_EQ(shard_.counters().lists_recalled, before + 1);
  EXPECT_EQ(Pull({4, 6, 8})->floats, (std::vector<float>{1, 3, 4}));
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

TEST_F(ShardTest, AFrozenTableKeepsItsKeysAndRefusesAnyOthers) {
  Open();
  EXPECT_TRUE(Push({.entries = {{0, 3, 1, 0}, {1, 2, 1, 0}},
                    .keys = {4, 6, 8, kHalf, kHalf + 9},
                    .floats = {1, -5, 3, 4, 1}})
                  .empty());
  EXPECT_FALSE(shard_.freezing());
  ASSERT_TRUE(shard_.Freeze({.table = kTable, .at_least = 3.0F}).ok());
  EXPECT_TRUE(shard_.freezing());
  EXPECT_FALSE(shard_.FrozenKeysOf(kTable));
  EXPECT_EQ(Value(6), -5.0F) << "pulls go on meanwhile";
  const PushSpec push{.ts = 2, .entries = {{0, 1, 1, 1}}, .keys = {6}, .floats = {1}};
  EXPECT_EQ(Push(push).at(0).code, EntryCode::kBusy);
  EXPECT_FALSE(shard_.ContinueFreezing()) << "one segment is left";
  EXPECT_EQ(shard_.ContinueFreezing(), kTable);
  EXPECT_FALSE(shard_.freezing());
  ASSERT_TRUE(shard_.Freeze({.table = kTable, .at_least = 9.0F}).ok());
  const auto frozen = shard_.FrozenKeysOf(kTable);
  ASSERT_TRUE(frozen);
  ASSERT_EQ(frozen->segments.size(), 2u);
  EXPECT_EQ(frozen->segments[0].rows, 2u) << "the first request decides";
  EXPECT_EQ(frozen->segments[1].rows, 1u);
  const std::vector<Key> kept{6, 8};
  const Hash128 hash = HashBytes128(std::as_bytes(std::span(kept)));
  EXPECT_EQ(frozen->segments[0].hash_low, hash.low);
  EXPECT_EQ(frozen->segments[0].hash_high, hash.high);
  EXPECT_TRUE(Push(push).empty());
  EXPECT_EQ(Pull({4, 6, 8})->floats, (std::vector<float>{0, -4, 3}));
  const auto refused =
      Push({.ts = 3, .entries = {{0, 3, 1, 2}}, .keys = {6, 7, 8}, .floats = {1, 1, 1}});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, EntryCode::kFrozen);
  EXPECT_EQ(refused[0].detail, 7u);
  EXPECT_EQ(Value(6), -4.0F) << "nothing of it is applied";
  EXPECT_EQ(shard_.Freeze({.table = 99}).code(), StatusCode::kNotFound);
}

// @return the keys of one answer; `counted` and `next` as it says.
struct KeysOfScan {
  std::vector<Key> keys;
  std::uint64_t counted = 0;
  bool end = false;
  Key next = 0;
};
KeysOfScan ScanKeys(Shard& shard, wire::Scan scan) {
  scan.table = kTable;
  scan.epoch = 1;
  scan.columns = wire::Columns::kNone;
  const wire::Frame frame = shard.Scan(scan, 1);
  const auto response = wire::DecodeScanResponse(frame.body.bytes()).value();
  EXPECT_EQ(response.code, EntryCode::kOk);
  EXPECT_TRUE(response.floats.empty());
  return {
      {response.keys.begin(), response.keys.end()}, response.counted, response.end, response.next};
}

TEST_F(ShardTest, AScanCanReadARangeAndSampleWhatIsFarFromZero) {
  Open();
  PushSpec push{.entries = {{0, 100, 1, 0}}, .keys = {}, .floats = {}};
  for (Key key = 0; key < 100; ++key) {
    push.keys.push_back(key * 10);
    push.floats.push_back(key % 2 == 0 ? 0.5F : -2.0F);
  }
  EXPECT_TRUE(Push(push).empty());
  for (const bool frozen : {false, true}) {
    const KeysOfScan range = ScanKeys(shard_, {.first = 15, .last = 40, .rows_max = 10});
    EXPECT_EQ(range.keys, (std::vector<Key>{20, 30, 40}));
    EXPECT_TRUE(range.end);
    const KeysOfScan part = ScanKeys(shard_, {.first = 15, .last = 40, .rows_max = 2});
    EXPECT_EQ(part.keys, (std::vector<Key>{20, 30}));
    EXPECT_FALSE(part.end);
    EXPECT_EQ(part.next, 40u);
    const KeysOfScan sample =
        ScanKeys(shard_, {.rows_max = 100, .at_least = 1.0F, .stride = 20, .skip = 5});
    EXPECT_EQ(sample.counted, 50u);
    EXPECT_EQ(sample.keys, (std::vector<Key>{110, 510, 910}));
    EXPECT_TRUE(sample.end);
    if (frozen) break;
    ASSERT_TRUE(shard_.Freeze({.table = kTable}).ok());
    while (shard_.freezing()) (void)shard_.ContinueFreezing();
  }
}

TEST_F(ShardTest, AScanThatFindsNothingEndsItsTurnAndGoesOn) {
  Open();
  constexpr std::size_t kRows = 200'000;
  PushSpec push{.entries = {{0, kRows, 1, 0}}, .keys = {}, .floats = {}};
  for (Key key = 0; key < kRows; ++key) push.keys.push_back(key);
  push.floats.assign(kRows, 1.0F);
  push.floats.back() = 7.0F;
  EXPECT_TRUE(Push(push).empty());
  const KeysOfScan first = ScanKeys(shard_, {.rows_max = 10, .at_least = 5.0F});
  EXPECT_TRUE(first.keys.empty());
  ASSERT_FALSE(first.end);
  EXPECT_EQ(first.next, Key{1} << 17);
  const KeysOfScan second =
      ScanKeys(shard_, {.first = first.next, .rows_max = 10, .at_least = 5.0F});
  EXPECT_EQ(second.keys, std::vector<Key>{kRows - 1});
  EXPECT_TRUE(second.end);
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
