// Goal: every push counts once, in order, for its own session; gates open exactly when all streams are through.
// Method: directed cases, then a random network of retries and losses against a set of applied pushes.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "engine/group_clock.h"
#include "engine/segment_clock.h"

namespace steelyard::engine {
namespace {

using wire::EntryCode;

TEST(SegmentClock, AStreamMustOpenFirst) {
  SegmentClock clock;
  EXPECT_EQ(clock.Check(1, 1, 1, 0).code, EntryCode::kNeedOpen);
  EXPECT_EQ(clock.Open(1, 1), 1u);
  EXPECT_EQ(clock.Check(1, 1, 1, 0).code, EntryCode::kOk);
}

TEST(SegmentClock, RepeatsAreDuplicatesAndHolesAreGaps) {
  SegmentClock clock;
  clock.Open(1, 1);
  clock.Advance(1, 3);  // Sparse: this segment saw no push 1 and 2.
  EXPECT_TRUE(clock.Check(1, 1, 3, 0).duplicate);
  EXPECT_TRUE(clock.Check(1, 1, 2, 1).duplicate);
  const PushVerdict gap = clock.Check(1, 1, 9, 7);
  EXPECT_EQ(gap.code, EntryCode::kGap);
  EXPECT_EQ(gap.detail, 3u);
  EXPECT_EQ(clock.Check(1, 1, 9, 3).code, EntryCode::kOk);
}

TEST(SegmentClock, ALaterSessionFencesTheEarlierAndKeepsItsClock) {
  SegmentClock clock;
  clock.Open(1, 5);
  clock.Advance(1, 8);
  EXPECT_EQ(clock.Open(1, 6), 6u);
  EXPECT_EQ(clock.ts(1), 8u);
  EXPECT_EQ(clock.Check(1, 5, 9, 8).code, EntryCode::kFenced);
  EXPECT_EQ(clock.Check(1, 5, 8, 7).code, EntryCode::kFenced);
  EXPECT_EQ(clock.Check(1, 7, 9, 8).code, EntryCode::kNeedOpen);
  EXPECT_EQ(clock.Open(1, 5), 6u) << "an old OPEN must not take the stream back";
}

TEST(SegmentClock, RandomRetriesApplyEachPushOnce) {
  std::mt19937_64 random(3);
  SegmentClock clock;
  clock.Open(4, 1);
  std::set<Ts> applied;
  Ts acked = 0;
  int duplicates = 0;
  int gaps = 0;
  while (acked < 1'000) {
    const Ts ts = acked + 1 + random() % 4 - (acked > 2 ? random() % 3 : 0);
    const PushVerdict verdict = clock.Check(4, 1, ts, ts - 1);
    duplicates += verdict.duplicate;
    gaps += verdict.code == EntryCode::kGap;
    if (verdict.code == EntryCode::kOk && !verdict.duplicate) {
      ASSERT_TRUE(applied.insert(ts).second) << "applied twice";
      ASSERT_EQ(applied.size(), ts) << "applied out of order";
      clock.Advance(4, ts);
      acked = ts;
    }
  }
  EXPECT_GT(duplicates, 100);
  EXPECT_GT(gaps, 100);
}

// The ranges of the vector clock are the segments: whatever ranges are pushed to, in any order of streams, its size is that
// of the segments and streams, and the time of a key is that of the last push that named it, no later and no earlier.
TEST(SegmentClock, AMillionPushesOfRandomRangesLeaveAsManyTimesAsThereAreSegmentsAndStreams) {
  constexpr std::size_t kSegments = 32;
  constexpr StreamId kStreams = 8;
  std::mt19937_64 random(11);
  std::vector<SegmentClock> clocks(kSegments);
  for (SegmentClock& clock : clocks) {
    for (StreamId stream = 0; stream < kStreams; ++stream) clock.Open(stream, 1);
  }
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const SegmentClock& clock : clocks) sum += clock.memory_bytes();
    return sum;
  };
  const std::size_t before = bytes();
  std::vector<std::vector<Ts>> expected(kSegments, std::vector<Ts>(kStreams));
  std::vector<Ts> sent(kStreams);
  for (int push = 0; push < 1'000'000; ++push) {
    const auto stream = static_cast<StreamId>(random() % kStreams);
    const Ts ts = ++sent[stream];
    const std::size_t first = random() % kSegments;
    const std::size_t last = std::min(kSegments - 1, first + random() % 4);
    for (std::size_t segment = first; segment <= last; ++segment) {
      const PushVerdict verdict = clocks[segment].Check(stream, 1, ts, expected[segment][stream]);
      ASSERT_TRUE(verdict.code == EntryCode::kOk && !verdict.duplicate);
      clocks[segment].Advance(stream, ts, static_cast<Step>(ts));
      expected[segment][stream] = ts;
    }
  }
  EXPECT_EQ(bytes(), before);
  for (std::size_t segment = 0; segment < kSegments; ++segment) {
    for (StreamId stream = 0; stream < kStreams; ++stream) {
      EXPECT_EQ(clocks[segment].ts(stream), expected[segment][stream]);
      EXPECT_EQ(clocks[segment].through(stream), static_cast<Step>(expected[segment][stream]));
    }
  }
}

TEST(GroupClock, OpensWhenTheSlowestStreamIsThrough) {
  GroupClock clock;
  EXPECT_FALSE(clock.Passed(0)) << "nobody has joined";
  EXPECT_TRUE(clock.Join(1, 1, 0));
  EXPECT_TRUE(clock.Join(2, 1, 0));
  EXPECT_TRUE(clock.Passed(-1));
  EXPECT_FALSE(clock.Passed(0));
  EXPECT_FALSE(clock.Announce(1, 1, 1, 0, 0));
  EXPECT_EQ(clock.Behind(0), std::vector<StreamId>{2});
  EXPECT_TRUE(clock.Announce(2, 1, 1, 0, 0));
  EXPECT_TRUE(clock.Passed(0));
  EXPECT_FALSE(clock.Passed(1));
  EXPECT_TRUE(clock.Passed(wire::kNoGate));
}

TEST(GroupClock, ALostFrameHoldsTheStreamBackUntilItIsSentAgain) {
  GroupClock clock;
  clock.Join(1, 1, 0);
  EXPECT_TRUE(clock.Announce(1, 1, 1, 0, 0));
  EXPECT_FALSE(clock.Announce(1, 1, 3, 0, 2)) << "push 2 is missing";
  EXPECT_EQ(clock.min(), 0);
  EXPECT_TRUE(clock.Announce(1, 1, 2, 0, 1));
  EXPECT_EQ(clock.min(), 2) << "push 3 was applied before; nobody will send it again";
  EXPECT_TRUE(clock.Announce(1, 1, 9, 8, 8)) << "the sender knows that 4 to 8 are applied";
  EXPECT_EQ(clock.min(), 8);
}

TEST(GroupClock, WaitsForItsMembersToJoin) {
  GroupClock clock;
  EXPECT_FALSE(clock.Join(1, 1, 0, 3));
  EXPECT_FALSE(clock.Announce(1, 1, 1, 0, 9));
  EXPECT_FALSE(clock.Join(2, 1, 5));
  EXPECT_EQ(clock.min(), -1);
  EXPECT_FALSE(clock.Passed(-1)) << "the third may begin anywhere";
  EXPECT_TRUE(clock.Join(3, 1, 0));
  EXPECT_EQ(clock.min(), -1);
  EXPECT_TRUE(clock.Passed(-1));
  EXPECT_FALSE(clock.Passed(0));
}

TEST(GroupClock, NobodyWaitsForAStreamThatHasLeft) {
  GroupClock clock;
  clock.Join(1, 1, 0, 2);
  clock.Join(2, 1, 0, 2);
  EXPECT_FALSE(clock.Announce(1, 1, 1, 0, 7));
  EXPECT_FALSE(clock.Retire(9)) << "nobody knows it";
  EXPECT_TRUE(clock.Retire(2));
  EXPECT_EQ(clock.min(), 7);
  EXPECT_EQ(clock.Behind(100), std::vector<StreamId>{1});
  EXPECT_FALSE(clock.Retire(2)) << "a repeat";
  EXPECT_FALSE(clock.Join(2, 5, 0)) << "it does not come back";
  EXPECT_FALSE(clock.Announce(2, 1, 1, 0, 3));
  EXPECT_EQ(clock.min(), 7);
  EXPECT_TRUE(clock.Retire(1));
  EXPECT_TRUE(clock.Passed(wire::kStepMax)) << "nobody is left to wait for";
}

TEST(GroupClock, AnEarlierSessionCannotAnnounce) {
  GroupClock clock;
  clock.Join(1, 2, 0);
  EXPECT_FALSE(clock.Announce(1, 1, 1, 0, 0));
  EXPECT_TRUE(clock.Announce(1, 2, 1, 0, 0));
}

}  // namespace
}  // namespace steelyard::engine
