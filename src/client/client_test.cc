// Goal: every request ends once, with the right answer or the right error, whatever is lost, late or refused.
// Method: a client against two servers that the test plays by hand; time moves only to the client's own wake-ups.
#include "client/test_client.h"

namespace steelyard::client {
namespace {

TEST_F(ClientTest, IsAttachedOnceEveryServerHasOpenedTheStream) {
  Attach();
  EXPECT_EQ(transport_.connected, (std::vector<std::string>{"s0", "s1"}));
  Greet(0);
  AckOpen(0, {{.segment = 0, .ts = 4}});
  EXPECT_FALSE(attached_);
  Greet(1);
  const auto hellos = transport_.TakeMessages<wire::Hello>();
  ASSERT_EQ(hellos.size(), 2u);
  EXPECT_EQ(hellos[1].expected_incarnation, 12u);
  const auto opens = transport_.TakeMessages<wire::OpenStream>();
  ASSERT_EQ(opens.size(), 2u);
  EXPECT_EQ(opens[1].session, 2u);
  Wake();  // The answer to the second is lost: it is asked again.
  EXPECT_EQ(transport_.TakeMessages<wire::OpenStream>().size(), 1u);
  AckOpen(1);
  ASSERT_TRUE(attached_);
  EXPECT_TRUE(attached_->ok());
  EXPECT_EQ(Push({1}), 5u) << "a stream goes on from the clocks that the servers have";
  EXPECT_EQ(Decoded(transport_.Take(MessageType::kPush).at(0)).entries[0].prev_ts, 4u);
}

TEST_F(ClientTest, TakesNoPushBeforeTheStreamsClocksAreKnown) {
  Attach();
  Greet(0);
  AckOpen(0);
  const auto ts = client_.Push(transport_, kTable, {.keys = {1}, .floats = {1}}, {});
  ASSERT_FALSE(ts.ok());
  EXPECT_EQ(ts.status().code(), StatusCode::kNotFound);
}

TEST_F(ClientTest, AServerThatWasRestartedIsNamed) {
  Attach();
  client_.OnOpen(transport_, links_[1]);
  client_.OnFrame(transport_, links_[1],
                  wire::MakeFrame(wire::Refused{StatusCode::kUnavailable, "was restarted", ""}));
  ASSERT_TRUE(attached_);
  EXPECT_EQ(attached_->code(), StatusCode::kUnavailable);
  EXPECT_NE(attached_->ToString().find("server 2 (s1)"), std::string::npos)
      << attached_->ToString();
  // Who comes later learns it as well, and is not left waiting.
  attached_.reset();
  Attach({.stream = 1, .session = 3}, kTable + 1);
  EXPECT_FALSE(attached_) << "never from inside a request";
  ASSERT_TRUE(transport_.alarm);
  client_.OnWake(transport_);
  ASSERT_TRUE(attached_);
  EXPECT_EQ(attached_->code(), StatusCode::kUnavailable);
}

TEST_F(ClientTest, AnUnreachableServerFailsItsTable) {
  Attach();
  Greet(0);
  AckOpen(0);
  const auto start = transport_.now();
  for (int i = 0; i < 200 && !attached_; ++i) Wake();
  ASSERT_TRUE(attached_);
  EXPECT_EQ(attached_->code(), StatusCode::kUnavailable);
  EXPECT_NE(attached_->ToString().find("server 2 (s1)"), std::string::npos);
  EXPECT_NEAR(std::chrono::duration<double>(transport_.now() - start).count(), 11.0, 1.5);
}

// ---- Pushing ----

TEST_F(ClientTest, APushIsCutByServerAndEndsWhenBothHaveIt) {
  AttachBoth();
  EXPECT_EQ(Push({1, 2, kHalf}), 1u);
  const auto parts = transport_.Take(MessageType::kPush);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(Decoded(parts[0]).keys.size(), 2u);
  EXPECT_EQ(Decoded(parts[1]).keys.size(), 1u);
  EXPECT_EQ(Decoded(parts[1]).keys[0], kHalf);
  EXPECT_EQ(Decoded(parts[1]).entries[0].segment, 1u);
  AckPush(parts[0]);
  AckPush(parts[0]);
  EXPECT_TRUE(pushed_.empty());
  EXPECT_EQ(client_.acked_ts(kTable), 0u);
  AckPush(parts[1]);
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_TRUE(pushed_[0].ok());
  EXPECT_EQ(client_.acked_ts(kTable), 1u);
  EXPECT_EQ(client_.unacked_bytes(), 0u);
  EXPECT_FALSE(client_.next_wake()) << "nothing is outstanding";

  // The next one touches the first server only, but tells the second how far the stream is.
  Push({2});
  const auto next = transport_.Take(MessageType::kPush);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(Decoded(next[0]).entries[0].prev_ts, 1u);
  EXPECT_EQ(Decoded(next[1]).keys.size(), 0u);
}

TEST_F(ClientTest, ALostPushIsSentAgainLaterAndLater) {
  AttachBoth();
  Push({1});
  const auto first = transport_.Take(MessageType::kPush);
  AckPush(first[1]);
  std::vector<runtime::Time> sent_at = {transport_.now()};
  for (int i = 0; i < 5; ++i) {
    Wake();
    const auto again = transport_.Take(MessageType::kPush);
    ASSERT_EQ(again.size(), 1u) << "to the server that has not answered, once";
    EXPECT_EQ(Decoded(again[0]).ts, 1u);
    sent_at.push_back(transport_.now());
  }
  EXPECT_EQ(sent_at[1] - sent_at[0], 250ms);
  EXPECT_EQ(sent_at[2] - sent_at[1], 500ms);
  EXPECT_EQ(sent_at[5] - sent_at[4], 2s);
  AckPush(first[0]);
  EXPECT_EQ(pushed_.size(), 1u) << "the answer to any transmission counts";
}

TEST_F(ClientTest, AGapSendsAgainFromTheFirstUnacknowledgedOnce) {
  AttachBoth();
  for (int i = 0; i < 4; ++i) Push({1});
  auto sent = transport_.Take(MessageType::kPush);
  std::erase_if(sent, [&](const SentFrame& s) { return s.link != links_[0]; });
  ASSERT_EQ(TsOf(sent), (std::vector<Ts>{1, 2, 3, 4}));
  AckPush(sent[0]);
  // Push 2 is lost: the server says so to 3 and to 4.
  transport_.Advance(1ms);
  AckPush(sent[2], {{.segment = 0, .code = EntryCode::kGap, .detail = 1}});
  const auto again = transport_.Take(MessageType::kPush);
  EXPECT_EQ(TsOf(again), (std::vector<Ts>{2, 3, 4}));
  AckPush(sent[3], {{.segment = 0, .code = EntryCode::kGap, .detail = 1}});
  EXPECT_TRUE(transport_.sent.empty()) << "about an earlier transmission: no storm";
  AckPush(again[2], {{.segment = 0, .code = EntryCode::kGap, .detail = 1}});
  EXPECT_TRUE(transport_.sent.empty()) << "at most once per interval";
  transport_.Advance(100ms);
  AckPush(sent[3], {{.segment = 0, .code = EntryCode::kGap, .detail = 1}});
  EXPECT_TRUE(transport_.sent.empty()) << "an answer to an earlier transmission, late";
  for (const SentFrame& s : again) AckPush(s);
  EXPECT_EQ(client_.traffic().resends, 1u);
}

TEST_F(ClientTest, AServerThatForgotAcknowledgedPushesIsCorruption) {
  AttachBoth();
  Push({1});
  for (const SentFrame& s : transport_.Take(MessageType::kPush)) AckPush(s);
  Push({1});
  AckPush(transport_.Take(MessageType::kPush).at(0),
          {{.segment = 0, .code = EntryCode::kGap, .detail = 0}});
  ASSERT_EQ(pushed_.size(), 2u);
  EXPECT_EQ(pushed_[1].code(), StatusCode::kCorruption);
  EXPECT_NE(pushed_[1].ToString().find("server 1 (s0)"), std::string::npos);
}

TEST_F(ClientTest, NeedOpenOpensAgainAndSendsAgain) {
  AttachBoth();
  Push({1});
  AckPush(transport_.Take(MessageType::kPush).at(0),
          {{.segment = 0, .code = EntryCode::kNeedOpen, .detail = 0}});
  ASSERT_EQ(transport_.sent.size(), 2u);
  EXPECT_EQ(transport_.sent[0].frame.header.type, MessageType::kOpenStream);
  EXPECT_EQ(transport_.sent[1].frame.header.type, MessageType::kPush);
}

TEST_F(ClientTest, ErrorsOfAPushEndTheTable) {
  const std::vector<std::pair<EntryCode, StatusCode>> cases = {
      {EntryCode::kFenced, StatusCode::kCancelled},
      {EntryCode::kNotPrimary, StatusCode::kUnavailable},
      {EntryCode::kInvalid, StatusCode::kInvalidArgument}};
  for (const auto& [answer, expected] : cases) {
    client_.Detach(transport_, kTable, {});
    client_.OnWake(transport_);
    links_.clear();
    Attach();
    links_ = {transport_.last_link() - 1, transport_.last_link()};
    for (std::size_t server : {0, 1}) Greet(server);
    for (std::size_t server : {0, 1}) AckOpen(server);
    transport_.sent.clear();
    pushed_.clear();
    pulled_.clear();
    Push({1});
    Pull({kHalf});
    AckPush(transport_.Take(MessageType::kPush).at(0),
            {{.segment = 0, .code = answer, .detail = 7}});
    ASSERT_EQ(pushed_.size(), 1u) << wire::EntryCodeName(answer);
    EXPECT_EQ(pushed_[0].code(), expected) << pushed_[0].ToString();
    EXPECT_NE(pushed_[0].ToString().find("server 1 (s0)"), std::string::npos);
    ASSERT_EQ(pulled_.size(), 1u) << "every other request of the table ends with it";
    EXPECT_EQ(pulled_[0].status().code(), expected);
    EXPECT_EQ(client_.unacked_bytes(), 0u);
    EXPECT_EQ(client_.Pull(transport_, kTable, {.keys = {1}}, {}).code(), expected);
    EXPECT_FALSE(client_.next_wake());
  }
}

TEST_F(ClientTest, CreditHoldsPushesBackUntilAcknowledgements) {
  AttachBoth(/*credit=*/60);
  for (int i = 0; i < 3; ++i) Push({1});  // 36 bytes each.
  Pull({2});
  auto to_first = [&] {
    auto sent = transport_.Take(MessageType::kPush);
    std::erase_if(sent, [&](const SentFrame& s) { return s.link != links_[0]; });
    return sent;
  };
  auto sent = to_first();
  ASSERT_EQ(TsOf(sent), std::vector<Ts>{1});
  EXPECT_TRUE(transport_.Take(MessageType::kPull).empty()) << "a pull does not overtake";
  AckPush(sent[0]);
  sent = to_first();
  ASSERT_EQ(TsOf(sent), std::vector<Ts>{2});
  AckPush(sent[0]);
  EXPECT_EQ(TsOf(to_first()), std::vector<Ts>{3});
  EXPECT_EQ(transport_.Take(MessageType::kPull).size(), 1u);
}

TEST_F(ClientTest, CreditOfADetachedTableIsFree) {
  AttachBoth(/*credit=*/60);
  Attach({.group = 0, .stream = 1, .session = 2}, kTable + 1);
  for (std::size_t server : {0, 1}) AckOpen(server, {}, kTable + 1);
  transport_.sent.clear();
  Push({1});
  Push({1}, kTable + 1);
  EXPECT_EQ(transport_.Take(MessageType::kPush).size(), 2u) << "one with keys, one without";
  transport_.alarm.reset();
  client_.Detach(transport_, kTable, Status(StatusCode::kCancelled, "over"));
  ASSERT_TRUE(transport_.alarm) << "nothing else would wake the owner";
  client_.OnWake(transport_);
  const auto sent = transport_.Take(MessageType::kPush);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Decoded(sent[0]).table, kTable + 1);
}

TEST_F(ClientTest, RefusesWhatItsCallerMustMend) {
  AttachBoth();
  const auto code = [&](PushRequest request, TableId table = kTable) {
    const auto ts = client_.Push(transport_, table, std::move(request), {});
    return ts.ok() ? StatusCode::kOk : ts.status().code();
  };
  EXPECT_EQ(code({.keys = {2, 1}, .floats = {1, 1}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.keys = {1, 2}, .floats = {1}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.keys = {1}, .floats = {1}}, 6), StatusCode::kNotFound);
  EXPECT_EQ(client_.Pull(transport_, kTable, {.keys = {1, 1}}, {}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(client_.Scan(transport_, kTable, {.segment = 2}, {}).code(),
            StatusCode::kInvalidArgument);
  std::vector<Key> many(500);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = i;
  Push(many);
  EXPECT_EQ(code({.keys = many, .floats = std::vector<float>(500)}),
            StatusCode::kResourceExhausted);
  EXPECT_FALSE(client_.HasRoom(6'000));
  EXPECT_TRUE(client_.HasRoom(1'000));
  // More than a frame carries would close the connection again and again.
  PullRequest wide{.floats_per_key = 1 << 18, .keys = many};
  EXPECT_EQ(client_.Pull(transport_, kTable, std::move(wide), {}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(client_.next_ts(kTable), 2u) << "what was refused took no ts";
}

// ---- Pulling ----

}  // namespace
}  // namespace steelyard::client
