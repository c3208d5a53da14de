// Goal: calls end once, with every segment's answer or the right error; those that change rows keep their place among the
// pushes. Method: as in client_test.cc, against two servers that the test plays by hand.
#include <gtest/gtest.h>

#include <optional>

#include "client/client.h"
#include "placement/test_view.h"
#include "rpc/test_identity.h"
#include "transport/recording_transport.h"

namespace steelyard::client {
namespace {

using transport::LinkId;
using transport::SentFrame;
using wire::EntryCode;
using wire::MessageType;

constexpr TableId kTable = 5;

class ClientCallTest : public ::testing::Test {
 protected:
  ClientCallTest() {
    client_.Attach(transport_, view_, {.group = 0, .stream = 1, .session = 2},
                   [](const Status& status) { EXPECT_TRUE(status.ok()); });
    for (const LinkId link : {1, 2}) {
      client_.OnOpen(transport_, link);
      client_.OnFrame(transport_, link,
                      wire::MakeFrame(wire::HelloAck{.inflight_bytes_max = 1 << 20}));
    }
    for (const LinkId link : {1, 2}) {
      client_.OnFrame(
          transport_, link,
          wire::MakeFrame(wire::OpenAck{.table = kTable, .stream = 1, .session = 2, .clocks = {}}));
    }
    transport_.sent.clear();
  }

  Status Call(Effect effect, KeyRange range = {0, kKeyMax}) {
    return client_.Call(transport_, kTable,
                        {.function = "f", .arguments = {1.0}, .range = range, .effect = effect},
                        [this](Result<Called> called) { called_.push_back(std::move(called)); });
  }
  void Push(Key key) {
    PushRequest request;
    request.keys = {key};
    request.floats = {1.0F};
    ASSERT_TRUE(client_.Push(transport_, kTable, std::move(request), nullptr).ok());
  }
  std::vector<SentFrame> Sent() { return std::exchange(transport_.sent, {}); }
  static wire::Call CallOf(const SentFrame& sent) {
    EXPECT_EQ(sent.frame.header.type, MessageType::kCall);
    return wire::Decode<wire::Call>(sent.frame.body.bytes()).value();
  }
  /// Answer a call: each segment with its number, or with `failed`.
  void Answer(const SentFrame& sent, std::optional<wire::CallResult> failed = {}) {
    const wire::Call call = CallOf(sent);
    wire::CallResponse response{.table = call.table,
                                .stream = call.stream,
                                .session = call.session,
                                .ts = call.ts,
                                .results = {}};
    for (const wire::CallEntry& entry : call.entries) {
      wire::CallResult result = failed.value_or(wire::CallResult{});
      result.segment = entry.segment;
      if (!failed) result.answer.numbers = {static_cast<double>(entry.segment)};
      response.results.push_back(result);
    }
    client_.OnFrame(transport_, sent.link, wire::MakeFrame(response, sent.frame.header.request_id));
  }
  void AckPush(const SentFrame& sent) {
    const auto push = wire::DecodePush(sent.frame.body.bytes()).value();
    client_.OnFrame(
        transport_, sent.link,
        wire::MakeFrame(
            wire::PushAck{.table = kTable, .stream = 1, .session = 2, .ts = push.ts, .failed = {}},
            sent.frame.header.request_id));
  }
  void Wake() {
    const auto when = client_.next_wake();
    ASSERT_TRUE(when) << "the client waits for nothing";
    transport_.Advance(*when - transport_.now());
    client_.OnWake(transport_);
  }

  const wire::View view_ = placement::MakeTestView(kTable, 4, placement::TestServers(2));
  const rpc::Identity self_ = rpc::MakeTestIdentity();
  transport::RecordingTransport transport_;
  Client client_{&self_, {}};
  std::vector<Result<Called>> called_;
};

TEST_F(ClientCallTest, CombinesAnswersInTheOrderOfKeys) {
  ASSERT_TRUE(Call(Effect::kReads).ok());
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(CallOf(sent[0]).ts, 0U);
  Answer(sent[1]);
  EXPECT_TRUE(called_.empty());
  Answer(sent[0]);
  Answer(sent[0]);
  ASSERT_EQ(called_.size(), 1U);
  ASSERT_TRUE(called_[0].ok());
  ASSERT_EQ(called_[0].value().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(called_[0].value()[i].numbers.at(0), static_cast<double>(i));
}

TEST_F(ClientCallTest, AsksTheSegmentsOfTheRangeAlone) {
  ASSERT_TRUE(Call(Effect::kReads, {Key{1} << 62, (Key{1} << 62) + 5}).ok());
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1U);
  ASSERT_EQ(CallOf(sent[0]).entries.size(), 1U);
  EXPECT_EQ(CallOf(sent[0]).entries[0].segment, 1U);
  Answer(sent[0]);
  EXPECT_EQ(called_.at(0).value().size(), 1U);
}

TEST_F(ClientCallTest, AChangeTakesItsPlaceAmongThePushesAndHoldsLaterOnesBack) {
  Push(3);
  ASSERT_TRUE(Call(Effect::kChanges).ok());
  Push(3);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 3U) << "the first push, and the call's two parts";
  const wire::Call call = CallOf(sent[1].link == 1 ? sent[1] : sent[2]);
  EXPECT_EQ(call.ts, 2U);
  for (const wire::CallEntry& entry : call.entries)
    EXPECT_EQ(entry.prev_ts, entry.segment == 0 ? 1U : 0U);
  AckPush(sent[0]);
  EXPECT_TRUE(Sent().empty());
  Answer(sent[1]);
  Answer(sent[2]);
  ASSERT_EQ(called_.size(), 1U);
  EXPECT_EQ(called_[0].value().size(), 4U);
  const auto later = Sent();
  ASSERT_EQ(later.size(), 1U);
  const auto push = wire::DecodePush(later[0].frame.body.bytes()).value();
  EXPECT_EQ(push.ts, 3U);
  EXPECT_EQ(push.entries[0].prev_ts, 2U);
}

TEST_F(ClientCallTest, WhatIsNotAnsweredIsSentAgainUnderTheSameTs) {
  ASSERT_TRUE(Call(Effect::kChanges).ok());
  ASSERT_TRUE(Call(Effect::kReads).ok());
  const auto first = Sent();
  ASSERT_EQ(first.size(), 4U);
  Wake();
  const auto again = Sent();
  ASSERT_EQ(again.size(), 4U);
  int changes = 0;
  for (const SentFrame& sent : again) {
    const bool change = CallOf(sent).ts > 0;
    changes += change;
    EXPECT_EQ(CallOf(sent).ts, change ? 1U : 0U);
    Answer(sent);
  }
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(called_.size(), 2U);
  EXPECT_FALSE(client_.next_wake()) << "nothing is outstanding";
}

TEST_F(ClientCallTest, ARefusalEndsTheCallAndNothingElse) {
  for (const Effect effect : {Effect::kChanges, Effect::kReads}) {
    ASSERT_TRUE(Call(effect).ok());
    const auto sent = Sent();
    wire::CallResult refused;
    refused.status = StatusCode::kInvalidArgument;
    refused.message = "no";
    Answer(sent[0]);
    Answer(sent[1], refused);
    ASSERT_FALSE(called_.back().ok());
    EXPECT_EQ(called_.back().status().message(), "no");
  }
  Push(3);
  EXPECT_EQ(Sent().size(), 1U);
}

TEST_F(ClientCallTest, AServerThatIsBusyIsAskedAgain) {
  wire::CallResult busy;
  busy.code = EntryCode::kBusy;
  for (const Effect effect : {Effect::kReads, Effect::kChanges}) {
    ASSERT_TRUE(Call(effect, {0, 5}).ok());
    Answer(Sent().at(0), busy);
    auto sent = Sent();
    if (sent.empty()) {
      Wake();
      sent = Sent();
    }
    const std::size_t before = called_.size();
    Answer(sent.at(0));
    ASSERT_EQ(called_.size(), before + 1);
    EXPECT_TRUE(called_.back().ok());
  }
}

TEST_F(ClientCallTest, LostRowsAndAnswersThatDoNotFitEndTheTable) {
  ASSERT_TRUE(Call(Effect::kReads).ok());
  ASSERT_TRUE(Call(Effect::kChanges).ok());
  wire::CallResult lost;
  lost.code = EntryCode::kNotPrimary;
  Answer(Sent().at(0), lost);
  ASSERT_EQ(called_.size(), 2U);
  for (const auto& called : called_) EXPECT_EQ(called.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Call(Effect::kReads).code(), StatusCode::kUnavailable);
}

TEST_F(ClientCallTest, RefusesWhatCannotBeSent) {
  EXPECT_EQ(Call(Effect::kReads, {5, 4}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(client_.Call(transport_, 99, {.function = "f"}, nullptr).code(), StatusCode::kNotFound);
  EXPECT_EQ(client_.Call(transport_, kTable, {}, nullptr).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Sent().empty());
}

}  // namespace
}  // namespace steelyard::client
