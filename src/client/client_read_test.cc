// Goal: pulls and scans are put together once from what servers answer, and tables end with what ends them.
// Method: as client_test.cc.
#include "client/test_client.h"
#include "wire/message_codec.h"
#include "wire/table_messages.h"

namespace steelyard::client {
namespace {

TEST_F(ClientTest, APullIsPutTogetherFromItsServers) {
  AttachBoth();
  Pull({1, 2, kHalf});
  auto parts = transport_.Take(MessageType::kPull);
  ASSERT_EQ(parts.size(), 2u);
  AnswerPull(parts[1], 7, /*clock=*/3);
  EXPECT_TRUE(pulled_.empty());
  AnswerPull(parts[0], 5);
  AnswerPull(parts[0], 6);  // A late copy.
  ASSERT_EQ(pulled_.size(), 1u);
  const Pulled& pulled = pulled_[0].value();
  EXPECT_EQ(pulled.keys, (std::vector<Key>{1, 2, kHalf}));
  EXPECT_EQ(pulled.floats, (std::vector<float>{5, 5, 7}));
  ASSERT_EQ(pulled.slices.size(), 2u);
  EXPECT_EQ(pulled.slices[1].offset, 2u);
  EXPECT_EQ(pulled.slices[1].clock, 3u);
}

TEST_F(ClientTest, AnEmptyPullIsAnsweredByItselfButNeverInline) {
  AttachBoth();
  transport_.alarm.reset();
  Pull({});
  EXPECT_TRUE(pulled_.empty());
  ASSERT_TRUE(transport_.alarm) << "nothing else would wake the owner";
  client_.OnWake(transport_);
  ASSERT_EQ(pulled_.size(), 1u);
  EXPECT_TRUE(pulled_[0].value().keys.empty());
}

TEST_F(ClientTest, AnEmptyPushEndsAfterThoseBeforeItAndNeverInline) {
  // A program of its own: members of a group tell every server how far they are.
  Attach({.group = 0, .stream = 1, .session = 2});
  for (std::size_t server : {0, 1}) Greet(server);
  for (std::size_t server : {0, 1}) AckOpen(server);
  Push({});
  EXPECT_TRUE(pushed_.empty());
  client_.OnWake(transport_);
  EXPECT_EQ(pushed_.size(), 1u);
  Push({1});
  Push({});
  client_.OnWake(transport_);
  EXPECT_EQ(pushed_.size(), 1u) << "one before it is under way";
}

TEST_F(ClientTest, ABusyServerIsAskedAgain) {
  AttachBoth();
  Pull({1});
  AnswerPull(transport_.Take(MessageType::kPull).at(0), 0, 0, 1, EntryCode::kBusy);
  EXPECT_TRUE(pulled_.empty());
  Wake();
  const auto again = transport_.Take(MessageType::kPull);
  ASSERT_EQ(again.size(), 1u);
  AnswerPull(again[0], 5);
  EXPECT_TRUE(pulled_.at(0).ok());
}

TEST_F(ClientTest, AnswersThatCannotBeAreCorruption) {
  AttachBoth();
  Pull({1});
  AnswerPull(transport_.Take(MessageType::kPull).at(0), 5, 0, /*width=*/2);
  EXPECT_EQ(pulled_.at(0).status().code(), StatusCode::kCorruption);
}

TEST_F(ClientTest, APullWithoutAcknowledgedPushesIsCorruption) {
  AttachBoth();
  Push({1});
  for (const SentFrame& s : transport_.Take(MessageType::kPush)) AckPush(s);
  Pull({1});
  AnswerPull(transport_.Take(MessageType::kPull).at(0), 5, /*clock=*/0);
  EXPECT_EQ(pulled_.at(0).status().code(), StatusCode::kCorruption);
}

TEST_F(ClientTest, AScanIsSentAgainAndEndsOnce) {
  AttachBoth();
  int scanned = 0;
  ASSERT_TRUE(client_
                  .Scan(transport_, kTable, {.segment = 1, .first = kHalf},
                        [&](Result<Scanned> rows) {
                          ++scanned;
                          EXPECT_EQ(rows.value().keys, std::vector<Key>{kKeyMax});
                          EXPECT_TRUE(rows.value().end);
                        })
                  .ok());
  const auto first = transport_.Take(MessageType::kScan);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].link, links_[1]);
  Wake();
  EXPECT_EQ(transport_.Take(MessageType::kScan).size(), 1u);
  const std::vector<Key> keys = {kKeyMax};
  const std::vector<float> floats = {1};
  for (int i = 0; i < 2; ++i) {
    client_.OnFrame(
        transport_, links_[1],
        wire::MakeFrame(
            wire::ScanResponse{
                .table = kTable, .segment = 1, .end = true, .keys = keys, .floats = floats},
            first[0].frame.header.request_id));
  }
  EXPECT_EQ(scanned, 1);
}

TEST_F(ClientTest, AnAskEndsWithWhateverMessageAnswersIt) {
  AttachBoth();
  constexpr auto kOfALaterVersion = static_cast<MessageType>(250);
  for (const MessageType type : {MessageType::kHotKeys, MessageType::kTableStats,
                                 MessageType::kScanResponse, kOfALaterVersion}) {
    std::vector<Result<wire::Frame>> answers;
    ASSERT_TRUE(client_
                    .Ask(transport_, kTable, 1, wire::MakeFrame(wire::HotKeysGet{}),
                         [&](Result<wire::Frame> answer) { answers.push_back(std::move(answer)); })
                    .ok());
    wire::Frame answer =
        wire::MakeFrame(wire::HotKeyCounts{.samples = 7, .keys = {}},
                        transport_.Take(MessageType::kHotKeysGet).at(0).frame.header.request_id);
    answer.header.type = type;
    for (int copy = 0; copy < 2; ++copy) client_.OnFrame(transport_, links_[1], answer);
    ASSERT_EQ(answers.size(), 1u) << wire::MessageTypeName(type);
    const auto hot = wire::DecodeAnswer<wire::HotKeyCounts>(answers[0]);
    ASSERT_EQ(hot.ok(), type == MessageType::kHotKeys);
    EXPECT_TRUE(hot.ok() || hot.status().message().ends_with("instead of HOT_KEYS"));
  }
}

// ---- Connections ----

TEST_F(ClientTest, AfterAReconnectWhatIsUnacknowledgedIsSentAgain) {
  AttachBoth();
  Push({1});
  Push({1});
  auto sent = transport_.Take(MessageType::kPush);
  AckPush(sent[0]);  // Push 1 at the first server.
  client_.OnClose(transport_, links_[0], Status(StatusCode::kUnavailable, "reset"));
  EXPECT_TRUE(transport_.Take(MessageType::kPush).empty());
  Wake();
  links_[0] = transport_.last_link();
  Greet(0);
  const auto again = transport_.Take(MessageType::kPush);
  ASSERT_EQ(TsOf(again), std::vector<Ts>{2});
  EXPECT_EQ(again[0].link, links_[0]);
}

TEST_F(ClientTest, ARefusalEndsOnlyTheTableItIsAbout) {
  AttachBoth();
  Attach({.group = 0, .stream = 1, .session = 2}, kTable + 1);
  const auto opens = transport_.Take(MessageType::kOpenStream);
  ASSERT_EQ(opens.size(), 2u);
  attached_.reset();
  Push({1});
  client_.OnFrame(
      transport_, opens[0].link,
      wire::MakeFrame(wire::Refused{StatusCode::kUnavailable, "table 6 is not held", ""},
                      opens[0].frame.header.request_id));
  ASSERT_TRUE(attached_);
  EXPECT_EQ(attached_->code(), StatusCode::kUnavailable);
  for (const SentFrame& s : transport_.Take(MessageType::kPush)) AckPush(s);
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_TRUE(pushed_[0].ok()) << pushed_[0].ToString();
}

TEST_F(ClientTest, DetachingEndsEverythingButNotInline) {
  AttachBoth();
  Push({1});
  Pull({1});
  transport_.alarm.reset();
  client_.Detach(transport_, kTable, Status(StatusCode::kCancelled, "over"));
  EXPECT_TRUE(pushed_.empty());
  ASSERT_TRUE(transport_.alarm) << "nothing else would wake the owner";
  client_.OnWake(transport_);
  EXPECT_EQ(pushed_.at(0).code(), StatusCode::kCancelled);
  EXPECT_EQ(pulled_.at(0).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(client_.unacked_bytes(), 0u);
  EXPECT_TRUE(transport_.closed.contains(links_[0])) << "no table needs the server";
}

}  // namespace
}  // namespace steelyard::client
