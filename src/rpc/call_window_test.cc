// Goal: of two ends that call, every call runs once and is answered once, and neither end keeps what is over.
// Method: both ends with the test as the network; random losses, copies and orders from fixed seeds.
#include "rpc/call_window.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace steelyard::rpc {
namespace {

using namespace std::chrono_literals;
using Frames = CallsOut::Frames;

wire::MemberCall Named(const std::string& function) {
  return {.group = 1, .function = function, .arguments = {}};
}
wire::MemberAnswer Answered(std::uint64_t number) {
  return {.number = number, .results = {{.member = 0, .message = {}, .bytes = {}}}};
}
template <typename Message>
Message As(const wire::Frame& frame) {
  return wire::Decode<Message>(frame.body.bytes()).value();
}

TEST(CallWindow, RepeatsEverLessOftenUntilItIsAnswered) {
  CallsOut out;
  Frames frames;
  runtime::Time now = 10s;
  EXPECT_FALSE(out.next_wake());
  EXPECT_EQ(out.Add(now, Named("f"), frames), 1U);
  int sent = 1;
  for (const runtime::Time end = now + 10s; now < end; now += 10ms) {
    frames.clear();
    out.Repeat(now, frames);
    sent += static_cast<int>(frames.size());
  }
  EXPECT_EQ(sent, 8);  // After 0, 0.25, 0.75, 1.75, 3.75, 5.75, 7.75, 9.75 s.
  frames.clear();
  out.Repeat(now, frames, /*all=*/true);
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_TRUE(out.OnAnswer(1, frames));
  EXPECT_FALSE(out.OnAnswer(1, frames)) << "the second copy of an answer counts";
  EXPECT_EQ(As<wire::MemberDone>(frames.back()).floor, 2U);
  frames.clear();
  EXPECT_FALSE(out.OnAnswer(7, frames)) << "nobody asked";
  EXPECT_TRUE(frames.empty());
  EXPECT_FALSE(out.next_wake());
}

TEST(CallWindow, LimitsHoldOnBothEnds) {
  CallsOut out;
  CallsIn in;
  Frames frames;
  for (std::size_t i = 0; i < kOpenCallsMax; ++i) {
    ASSERT_FALSE(out.full());
    out.Add(0s, Named("f"), frames);
  }
  EXPECT_TRUE(out.full());
  for (const wire::Frame& frame : frames)
    EXPECT_EQ(in.Take(As<wire::MemberCall>(frame)), CallsIn::Taken::kNew);
  wire::MemberCall more = Named("f");
  more.number = kOpenCallsMax + 1;
  EXPECT_EQ(in.Take(more), CallsIn::Taken::kTooMany);
  EXPECT_TRUE(in.Answer(Answered(1)));
  EXPECT_EQ(in.Take(more), CallsIn::Taken::kNew);
  more.number = 1 + kCallSpanMax;
  EXPECT_EQ(in.Take(more), CallsIn::Taken::kTooMany) << "too far ahead of the oldest";
  in.OnDone({.number = ~std::uint64_t{0}, .floor = 1});  // Harmless.
  EXPECT_FALSE(in.Answer(Answered(999))) << "it was never taken";
}

TEST(CallWindow, WhatIsGivenUpRunsNoMore) {
  CallsOut out;
  CallsIn in;
  Frames frames;
  out.Add(0s, Named("f"), frames);
  const auto call = As<wire::MemberCall>(frames[0]);
  out.GiveUp(1, frames);
  in.OnDone(As<wire::MemberDone>(frames[1]));
  EXPECT_EQ(in.Take(call), CallsIn::Taken::kOver) << "a copy that was on its way";
  out.Add(0s, Named("g"), frames);
  EXPECT_EQ(in.Take(As<wire::MemberCall>(frames[2])), CallsIn::Taken::kNew);
  EXPECT_EQ(in.open_count(), 1U);
}

TEST(CallWindow, OnceEachOverAnyNetwork) {
  int copies = 0;
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    CallsOut out;
    CallsIn in;
    Frames there, back, given;
    std::map<std::uint64_t, int> runs, answers;
    std::uint64_t asked = 0;
    runtime::Time now = 0s;
    const auto draw = [&](Frames& network) {
      const std::size_t at = random() % network.size();
      wire::Frame frame;
      frame.header = network[at].header;
      frame.body = network[at].body;
      if (random() % 4 != 0) network.erase(network.begin() + static_cast<std::ptrdiff_t>(at));
      return frame;
    };
    while (answers.size() < 200) {
      now += 20ms;
      ASSERT_LT(now, 5000s) << "seed " << seed << " hangs";
      if (asked < 200 && !out.full() && random() % 2 == 0) asked = out.Add(now, Named("f"), given);
      out.Repeat(now, given);
      for (wire::Frame& frame : given)
        if (random() % 5 != 0) there.push_back(std::move(frame));
      given.clear();
      if (!there.empty()) {
        const wire::Frame frame = draw(there);
        if (frame.header.type == wire::MessageType::kMemberDone) {
          in.OnDone(As<wire::MemberDone>(frame));
        } else {
          const auto call = As<wire::MemberCall>(frame);
          const auto taken = in.Take(call);
          if (taken == CallsIn::Taken::kNew) {
            ++runs[call.number];
            ASSERT_TRUE(in.Answer(Answered(call.number)));
          }
          copies += taken == CallsIn::Taken::kOver || taken == CallsIn::Taken::kAnswered ? 1 : 0;
          const bool ready = taken == CallsIn::Taken::kNew || taken == CallsIn::Taken::kAnswered;
          if (ready && random() % 5 != 0) back.push_back(wire::MakeFrame(in.answer(call.number)));
        }
      }
      if (back.empty()) continue;
      const auto answer = As<wire::MemberAnswer>(draw(back));
      if (out.OnAnswer(answer.number, given)) ++answers[answer.number];
    }
    for (const auto& [number, times] : runs) ASSERT_EQ(times, 1) << "seed " << seed;
    for (const auto& [number, times] : answers) ASSERT_EQ(times, 1) << "seed " << seed;
    ASSERT_EQ(runs.size(), 200U);
  }
  EXPECT_GT(copies, 1000);
}

}  // namespace
}  // namespace steelyard::rpc
