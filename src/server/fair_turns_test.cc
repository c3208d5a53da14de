#include "server/fair_turns.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace steelyard::server {
namespace {

using runtime::Time;
using transport::LinkId;
using namespace std::chrono_literals;

constexpr std::size_t kBytesMax = std::size_t{1} << 26;

wire::Frame FrameOf(std::size_t bytes, std::uint64_t id = 0) {
  wire::Frame frame;
  frame.header.request_id = id;
  frame.body = Buffer::Allocate(bytes);
  return frame;
}

TEST(FairTurns, WhoIsAloneNeverWaits) {
  FairTurns turns(kBytesMax);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(turns.Admit(Time(1s), 1, FrameOf(100'000)));
  EXPECT_TRUE(turns.Admit(Time(1s), 2, FrameOf(100)));
  EXPECT_TRUE(turns.Admit(Time(1s) + FairTurns::kPresent, 1, FrameOf(10'000'000)))
      << "the other one has gone quiet";
}

TEST(FairTurns, AFloodOfOneGroupDoesNotHoldUpAnother) {
  FairTurns turns(kBytesMax);
  for (const LinkId link : {1, 2, 3, 4}) turns.Assign(link, 7);
  ASSERT_TRUE(turns.Admit(Time(1s), 9, FrameOf(100)));
  std::size_t at_once = 0;
  for (int i = 0; i < 400; ++i) at_once += turns.Admit(Time(1s), 1 + i % 4, FrameOf(10'000));
  EXPECT_EQ(at_once, FairTurns::kQuantum / (10'000 + wire::kHeaderBytes)) << "of the whole group";
  EXPECT_TRUE(turns.Admit(Time(1s), 9, FrameOf(100))) << "there is room for others";
  std::size_t served = 0;
  std::size_t rounds = 0;
  while (turns.waiting()) {
    std::size_t bytes = 0;
    turns.Turn([&](LinkId, const wire::Frame& frame) {
      bytes += frame.body.size() + wire::kHeaderBytes;
      ++served;
    });
    EXPECT_LE(bytes, FairTurns::kQuantum + 10'000 + wire::kHeaderBytes);
    EXPECT_TRUE(turns.Admit(Time(1s), 9, FrameOf(100))) << "in every turn";
    ++rounds;
  }
  EXPECT_EQ(served + at_once, 400u);
  EXPECT_GT(rounds, 10u);
  EXPECT_EQ(turns.waiting_bytes(), 0u);
}

TEST(FairTurns, AnotherComesFirstInEachTurn) {
  FairTurns turns(kBytesMax);
  turns.Assign(1, 7);
  turns.Assign(2, 8);
  for (int i = 0; i < 200; ++i) {
    for (const LinkId link : {1, 2}) (void)turns.Admit(Time(1s), link, FrameOf(10'000));
  }
  std::vector<LinkId> first;
  while (turns.waiting()) {
    LinkId of_turn = 0;
    turns.Turn([&](LinkId link, const wire::Frame&) { of_turn = of_turn == 0 ? link : of_turn; });
    first.push_back(of_turn);
  }
  ASSERT_GT(first.size(), 5u);
  for (std::size_t i = 1; i < first.size(); ++i) EXPECT_NE(first[i], first[i - 1]) << i;
}

TEST(FairTurns, ALargeRequestSavesUp) {
  FairTurns turns(kBytesMax);
  ASSERT_TRUE(turns.Admit(Time(1s), 9, FrameOf(100)));
  EXPECT_FALSE(turns.Admit(Time(1s), 1, FrameOf(10 * FairTurns::kQuantum)));
  std::size_t rounds = 0;
  while (turns.waiting() && rounds < 100) {
    turns.Turn([](LinkId, const wire::Frame&) {});
    ++rounds;
  }
  EXPECT_GE(rounds, 9u);
  EXPECT_LE(rounds, 11u);
}

TEST(FairTurns, WhatDoesNotFitIsDroppedAndWhoIsGoneForgotten) {
  FairTurns turns(1'000'000);
  ASSERT_TRUE(turns.Admit(Time(1s), 9, FrameOf(100)));
  for (int i = 0; i < 40; ++i) (void)turns.Admit(Time(1s), 1, FrameOf(100'000));
  EXPECT_GT(turns.dropped(), 20u);
  EXPECT_LE(turns.waiting_bytes(), 1'000'000u);
  turns.ForgetLink(1);
  EXPECT_FALSE(turns.waiting());
  EXPECT_EQ(turns.waiting_bytes(), 0u);
  turns.Turn([](LinkId, const wire::Frame&) { FAIL() << "nothing is there"; });
}

// Oracle: what was admitted or kept of each link comes out once, in the order in which it came, whatever groups do.
TEST(FairTurns, EveryLinkKeepsItsOrder) {
  std::mt19937_64 random(3);
  std::uint64_t served = 0;
  for (int round = 0; round < 50; ++round) {
    FairTurns turns(kBytesMax);
    std::map<LinkId, std::uint64_t> sent;
    std::map<LinkId, std::uint64_t> seen;
    const auto serve = [&](LinkId link, const wire::Frame& frame) {
      ASSERT_EQ(frame.header.request_id, ++seen[link]);
      ++served;
      if (random() % 20 == 0) turns.Assign(link, static_cast<JobId>(1 + random() % 3));
    };
    for (int i = 0; i < 300; ++i) {
      const LinkId link = 1 + random() % 6;
      const wire::Frame frame = FrameOf(random() % 200'000, ++sent[link]);
      if (turns.Admit(Time(1s), link, frame)) serve(link, frame);
      if (random() % 10 == 0) turns.Turn(serve);
    }
    for (int i = 0; turns.waiting() && i < 10'000; ++i) turns.Turn(serve);
    EXPECT_EQ(sent, seen);
    EXPECT_EQ(turns.dropped(), 0u);
  }
  EXPECT_EQ(served, 50u * 300);
}

}  // namespace
}  // namespace steelyard::server
