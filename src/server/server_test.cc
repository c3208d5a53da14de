// Goal: a server joins, greets, refuses what is not for it, and trusts no peer whose bytes do not decode.
// Method: frames by hand through a recording transport; the head and the clients are the test.
#include "server/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "filter/section.h"
#include "placement/test_view.h"
#include "transport/recording_transport.h"

namespace steelyard::server {
namespace {

using transport::LinkId;
using wire::MessageType;

constexpr Incarnation kSelf = 77;
constexpr TableId kTable = 5;
constexpr std::size_t kMemory = std::size_t{8} << 20;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    server_.OnStart(transport_);
    head_ = transport_.last_link();
    server_.OnOpen(transport_, head_, false, "head");
    server_.OnFrame(transport_, head_,
                    wire::MakeFrame(wire::HelloAck{.cluster_id = 9,
                                                   .your_node = 4,
                                                   .heartbeat_ns = 50'000'000,
                                                   .dead_after_ns = 750'000'000}));
  }

  LinkId Greeted(Incarnation expected = kSelf) {
    const LinkId link = transport_.Accept();
    server_.OnOpen(transport_, link, true, "client");
    server_.OnFrame(transport_, link,
                    wire::MakeFrame(wire::Hello{.role = wire::Role::kWorker,
                                                .node = 8,
                                                .incarnation = 3,
                                                .cluster_id = 9,
                                                .expected_incarnation = expected,
                                                .listen_address = {},
                                                .description = {}}));
    return link;
  }

  void Install() {
    const wire::View view =
        placement::MakeTestView(kTable, 2, {{.node = 4, .incarnation = kSelf, .address = "s"}});
    server_.OnFrame(transport_, head_, wire::MakeFrame(wire::InstallView{view}, kTable));
  }

  void PullBehindAClosedGate(LinkId link) {
    server_.OnFrame(
        transport_, link,
        wire::MakeFrame(wire::OpenStream{.table = kTable, .group = 3, .stream = 1, .session = 1},
                        1));
    const std::vector<Key> keys = {4};
    const std::vector<wire::PullEntry> entries = {{.segment = 0, .count = 1, .epoch = 1}};
    server_.OnFrame(transport_, link,
                    wire::MakeFrame(wire::Pull{.table = kTable,
                                               .group = 3,
                                               .stream = 1,
                                               .session = 1,
                                               .step = 1,
                                               .gate_step = 0,
                                               .entries = entries,
                                               .keys = keys},
                                    2));
    EXPECT_EQ(server_.shard().waiting_count(), 1u);
  }

  transport::RecordingTransport transport_;
  Server server_{{.head_address = "head",
                  .listen_address = "s",
                  .incarnation = kSelf,
                  .description = "pid 1",
                  .memory_bytes_max = kMemory}};
  LinkId head_ = 0;
};

TEST_F(ServerTest, JoinsTheHeadAndInstallsWhatItIsTold) {
  const auto hello = transport_.TakeMessages<wire::Hello>();
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_EQ(hello[0].role, wire::Role::kServer);
  EXPECT_EQ(hello[0].listen_address, "s");
  EXPECT_EQ(server_.identity().node, 4u);
  Install();
  const auto ready = transport_.Take(MessageType::kViewReady);
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].frame.header.request_id, kTable);
  EXPECT_EQ(ready[0].frame.header.source, 4u);
}

TEST_F(ServerTest, AnInstallThatDoesNotDecodeIsRefusedByItsTable) {
  server_.OnFrame(transport_, head_,
                  {.header = {.type = MessageType::kInstallView, .request_id = kTable},
                   .body = Buffer::Allocate(0)});
  const auto refused = transport_.Take(MessageType::kRefused);
  ASSERT_EQ(refused.size(), 1u) << "the head would repeat it for ever";
  EXPECT_EQ(refused[0].frame.header.request_id, kTable);
}

TEST_F(ServerTest, KeptListsOfKeysLeaveLessMemoryForRows) {
  Install();
  const LinkId client = Greeted();
  server_.OnFrame(transport_, client,
                  wire::MakeFrame(wire::OpenStream{.table = kTable, .stream = 1, .session = 1}, 1));
  const auto push = [&](Ts ts, Key key) {
    const std::vector<wire::PushEntry> entries{
        {.segment = 0, .count = 1, .epoch = 1, .prev_ts = ts - 1}};
    server_.OnFrame(transport_, client,
                    wire::MakeFrame(wire::Push{.table = kTable,
                                               .stream = 1,
                                               .session = 1,
                                               .ts = ts,
                                               .entries = entries,
                                               .keys = std::array{key},
                                               .floats = std::array{1.0F}},
                                    ts));
    const auto acks = transport_.Take(MessageType::kPushAck);
    EXPECT_EQ(acks.size(), 1u);
    const auto ack = wire::DecodePushAck(acks.at(0).frame.body.bytes());
    return ack.value().failed.empty() ? wire::EntryCode::kOk : ack.value().failed[0].code;
  };
  EXPECT_EQ(push(1, 4), wire::EntryCode::kOk);
  std::vector<Key> keys(kMemory / sizeof(Key));
  std::iota(keys.begin(), keys.end(), Key{100});
  filter::SectionEncoder encoder({});
  const std::vector<wire::PullEntry> entries{
      {.segment = 0, .count = static_cast<std::uint32_t>(keys.size()), .epoch = 1}};
  wire::Pull pull{.table = kTable, .stream = 1, .session = 1, .entries = entries, .keys = {}};
  pull.packed = {.form = wire::Form::kKept, .keys = encoder.Encode(keys), .floats = {}};
  server_.OnFrame(transport_, client, wire::MakeFrame(pull, 9));
  EXPECT_EQ(transport_.Take(MessageType::kPullResponse).size(), 1u);
  EXPECT_GT(server_.packed_requests().key_bytes(), kMemory);
  EXPECT_EQ(push(2, 5), wire::EntryCode::kFull);
  server_.OnClose(transport_, client, Status(StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(server_.packed_requests().key_bytes(), 0u);
}

TEST_F(ServerTest, DroppingATableAnswersTheHeadAndTheWaiting) {
  Install();
  const LinkId client = Greeted();
  PullBehindAClosedGate(client);
  server_.OnFrame(transport_, head_, wire::MakeFrame(wire::TableDrop{kTable}, kTable));
  EXPECT_EQ(transport_.Take(MessageType::kTableDropped).size(), 1u);
  const auto answers = transport_.Take(MessageType::kPullResponse);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].link, client);
}

TEST_F(ServerTest, WhatIsNotForAServerIsRefusedAndTheLinkStays) {
  const LinkId client = Greeted();
  server_.OnFrame(transport_, client, wire::MakeFrame(wire::ViewGet{.table = 1, .name = {}}, 6));
  const auto refused = transport_.Take(MessageType::kRefused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].frame.header.request_id, 6u);
  const auto why = wire::Decode<wire::Refused>(refused[0].frame.body.bytes()).value();
  EXPECT_EQ(why.code, StatusCode::kInvalidArgument);
  EXPECT_NE(why.message.find("VIEW_GET"), std::string::npos) << why.message;
  EXPECT_FALSE(transport_.closed.contains(client));
}

TEST_F(ServerTest, ABodyThatDoesNotDecodeClosesItsLink) {
  Install();
  const LinkId client = Greeted();
  PullBehindAClosedGate(client);
  for (const MessageType type :
       {MessageType::kPush, MessageType::kPull, MessageType::kScan, MessageType::kOpenStream}) {
    const LinkId link = type == MessageType::kPush ? client : Greeted();
    server_.OnFrame(transport_, link,
                    {.header = {.type = type, .request_id = 6}, .body = Buffer::Allocate(3)});
    const auto refused = transport_.TakeMessages<wire::Refused>();
    ASSERT_EQ(refused.size(), 1u) << wire::MessageTypeName(type);
    EXPECT_EQ(refused[0].code, StatusCode::kCorruption);
    EXPECT_TRUE(transport_.closed.contains(link)) << wire::MessageTypeName(type);
  }
  EXPECT_EQ(server_.shard().waiting_count(), 0u) << "its waiting pull is gone with the link";
  const std::size_t sent = transport_.sent.size();
  server_.OnFrame(transport_, client, wire::MakeFrame(wire::TableDrop{kTable}));
  EXPECT_EQ(transport_.sent.size(), sent) << "the link is no longer known";
}

TEST_F(ServerTest, NothingIsServedBeforeTheGreeting) {
  Install();
  transport_.sent.clear();
  const LinkId link = transport_.Accept();
  server_.OnOpen(transport_, link, true, "client");
  server_.OnFrame(transport_, link,
                  wire::MakeFrame(wire::OpenStream{.table = kTable, .stream = 1, .session = 1}, 1));
  EXPECT_EQ(transport_.TakeMessages<wire::Refused>().size(), 1u);
  EXPECT_TRUE(transport_.sent.empty());
  EXPECT_TRUE(transport_.closed.contains(link));
}

TEST_F(ServerTest, AClientOfAnEarlierProcessLearnsThatItIsGone) {
  const LinkId link = Greeted(/*expected=*/kSelf - 1);
  const auto refused = transport_.TakeMessages<wire::Refused>();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, StatusCode::kUnavailable);
  EXPECT_TRUE(transport_.closed.contains(link));
}

TEST_F(ServerTest, ALinkThatNeverGreetsIsClosed) {
  const LinkId silent = transport_.Accept();
  server_.OnOpen(transport_, silent, true, "somebody");
  const LinkId greeted = Greeted();
  const runtime::Time end = transport_.now() + rpc::Acceptor::kGreetingMax;
  while (transport_.now() < end) {
    ASSERT_TRUE(transport_.alarm) << "no alarm is set";
    transport_.AdvanceToAlarm();
    server_.OnFrame(transport_, head_, wire::MakeFrame(wire::HeartbeatAck{}));
    server_.OnWake(transport_);
  }
  EXPECT_TRUE(transport_.closed.contains(silent));
  EXPECT_FALSE(transport_.closed.contains(greeted));
}

TEST_F(ServerTest, FailsOnceTheHeadRefusesIt) {
  EXPECT_TRUE(server_.failure().ok());
  server_.OnClose(transport_, head_, Status(StatusCode::kUnavailable, "closed"));
  for (int i = 0; i < 4 && transport_.last_link() == head_; ++i) {
    ASSERT_TRUE(transport_.alarm);
    transport_.AdvanceToAlarm();
    server_.OnWake(transport_);
  }
  const LinkId again = transport_.last_link();
  ASSERT_NE(again, head_) << "it connects again";
  server_.OnOpen(transport_, again, false, "head");
  server_.OnFrame(transport_, again,
                  wire::MakeFrame(wire::Refused{StatusCode::kUnavailable, "declared dead", ""}));
  EXPECT_EQ(server_.failure().code(), StatusCode::kUnavailable);
  EXPECT_NE(server_.failure().message().find("declared dead"), std::string::npos);
}

// Method: four connections of one group send far more than a turn's worth; another program pulls meanwhile.
TEST_F(ServerTest, AGroupThatPushesDoesNotStarveAnother) {
  Install();
  constexpr std::size_t kPushes = 200;
  const std::vector<Key> keys = [] {
    std::vector<Key> list(4'000);
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = i;
    return list;
  }();
  const std::vector<float> floats(keys.size(), 1);
  const std::size_t push_bytes = keys.size() * (sizeof(Key) + sizeof(float));
  const auto pull = [&](LinkId link, std::uint64_t id) {
    const std::vector<wire::PullEntry> entries = {{.segment = 0, .count = 1, .epoch = 1}};
    server_.OnFrame(
        transport_, link,
        wire::MakeFrame(
            wire::Pull{.table = kTable, .entries = entries, .keys = std::span(keys).first(1)}, id));
  };
  const LinkId serving = Greeted();
  std::vector<LinkId> training;
  for (StreamId stream = 1; stream <= 4; ++stream) {
    const LinkId link = training.emplace_back(Greeted());
    server_.OnFrame(
        transport_, link,
        wire::MakeFrame(
            wire::OpenStream{
                .table = kTable, .group = 3, .stream = stream, .session = 1, .members_min = 4},
            1));
  }
  pull(serving, 1);
  (void)transport_.Take(MessageType::kPullResponse);
  for (Ts ts = 1; ts <= kPushes / 4; ++ts) {
    for (StreamId stream = 1; stream <= 4; ++stream) {
      const std::vector<wire::PushEntry> entries = {
          {.segment = 0, .count = 4'000, .epoch = 1, .prev_ts = ts - 1}};
      server_.OnFrame(transport_, training[stream - 1],
                      wire::MakeFrame(wire::Push{.table = kTable,
                                                 .stream = stream,
                                                 .session = 1,
                                                 .ts = ts,
                                                 .entries = entries,
                                                 .keys = keys,
                                                 .floats = floats},
                                      ts));
    }
  }
  const std::size_t at_once = transport_.Take(MessageType::kPushAck).size();
  EXPECT_GT(server_.turns().waiting_count(), kPushes / 2);
  std::size_t acknowledged = at_once;
  std::size_t most = at_once;
  std::size_t pulls = 0;
  while (server_.turns().waiting() && pulls < kPushes) {
    pull(serving, 2 + pulls++);
    EXPECT_EQ(transport_.Take(MessageType::kPullResponse).size(), 1u) << "without waiting";
    server_.OnWake(transport_);
    const std::size_t served = transport_.Take(MessageType::kPushAck).size();
    most = std::max(most, served);
    acknowledged += served;
  }
  EXPECT_EQ(acknowledged, kPushes);
  EXPECT_LE(most, FairTurns::kQuantum / push_bytes + 1) << "pushes between two pulls";
  EXPECT_GT(pulls, 20u);
}

}  // namespace
}  // namespace steelyard::server
