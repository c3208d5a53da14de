// Goal: connections come back by themselves and say why they are down; only those who greet properly are heard.
// Method: a channel, a head link and an acceptor on a recording transport; the test is the peer and the clock.
#include <gtest/gtest.h>

#include "rpc/acceptor.h"
#include "rpc/channel.h"
#include "rpc/head_link.h"
#include "transport/recording_transport.h"

namespace steelyard::rpc {
namespace {

using namespace std::chrono_literals;
using transport::LinkId;

const Status kReset(StatusCode::kUnavailable, "reset");

Identity Somebody() {
  return {.role = wire::Role::kWorker,
          .node = 3,
          .incarnation = 33,
          .cluster_id = 9,
          .listen_address = "me",
          .description = "pid 1"};
}

class ChannelTest : public ::testing::Test {
 protected:
  Channel::Event Offer(const wire::Frame& frame) {
    return channel_.OnFrame(transport_, frame, consumed_);
  }
  void Wake() {
    ASSERT_TRUE(channel_.next_wake());
    transport_.Advance(*channel_.next_wake() - transport_.now());
    channel_.OnWake(transport_);
  }

  const Identity self_ = Somebody();
  transport::RecordingTransport transport_;
  Channel channel_{{.address = "peer",
                    .peer_name = "server 2",
                    .peer_incarnation = 22,
                    .retry_min = 10ms,
                    .retry_max = 80ms,
                    .handshake_min = 150ms,
                    .handshake_max = 400ms},
                   &self_};
  bool consumed_ = false;
};

TEST_F(ChannelTest, GreetsAndIsReadyOnceItIsWelcome) {
  channel_.Start(transport_);
  channel_.Start(transport_);
  ASSERT_EQ(transport_.connected.size(), 1u);
  channel_.Send(transport_, wire::MakeFrame(wire::Heartbeat{}));
  channel_.OnOpen(transport_);
  const auto hello = transport_.TakeMessages<wire::Hello>();
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_EQ(hello[0].expected_incarnation, 22u);
  EXPECT_EQ(hello[0].cluster_id, 9u);
  EXPECT_TRUE(transport_.sent.empty()) << "nothing else is sent before the welcome";
  EXPECT_EQ(Offer(wire::MakeFrame(wire::ViewReady{})), Channel::Event::kNone);
  EXPECT_TRUE(consumed_) << "nor heard";
  EXPECT_EQ(Offer(wire::MakeFrame(wire::HelloAck{.inflight_bytes_max = 5})),
            Channel::Event::kReady);
  EXPECT_EQ(channel_.terms().inflight_bytes_max, 5u);
  EXPECT_FALSE(channel_.next_wake());
  EXPECT_EQ(Offer(wire::MakeFrame(wire::HelloAck{})), Channel::Event::kNone);
  EXPECT_TRUE(consumed_) << "a repeated welcome is not the owner's";
  EXPECT_EQ(Offer(wire::MakeFrame(wire::ViewReady{})), Channel::Event::kNone);
  EXPECT_FALSE(consumed_);
}

TEST_F(ChannelTest, ComesBackWithDoublingDelays) {
  channel_.Start(transport_);
  for (const auto delay : {10ms, 20ms, 40ms, 80ms, 80ms}) {
    EXPECT_EQ(channel_.OnClose(transport_, kReset), Channel::Event::kNone);
    const auto wait = channel_.next_wake().value() - transport_.now();
    EXPECT_GE(wait, delay / 2);
    EXPECT_LE(wait, delay);
    const std::size_t before = transport_.connected.size();
    Wake();
    EXPECT_EQ(transport_.connected.size(), before + 1);
  }
  EXPECT_EQ(channel_.last_error().message(), "reset");
  channel_.OnOpen(transport_);
  EXPECT_EQ(Offer(wire::MakeFrame(wire::HelloAck{})), Channel::Event::kReady);
  transport_.Advance(1s);
  EXPECT_EQ(channel_.OnClose(transport_, kReset), Channel::Event::kLost);
  EXPECT_EQ(channel_.down_since(), transport_.now());
  EXPECT_LE(*channel_.next_wake() - transport_.now(), 10ms) << "a success resets the delay";
}

TEST_F(ChannelTest, APeerThatDoesNotAnswerIsTriedAnew) {
  channel_.Start(transport_);
  for (const auto limit : {150ms, 300ms, 400ms}) {
    const auto started = transport_.now();
    const LinkId link = transport_.last_link();
    if (limit == 300ms) channel_.OnOpen(transport_);  // Open, but no welcome: the same limit.
    while (channel_.Owns(link)) ASSERT_NO_FATAL_FAILURE(Wake());
    EXPECT_EQ(transport_.now() - started, limit);
    EXPECT_TRUE(transport_.closed.contains(link));
    EXPECT_EQ(channel_.last_error().code(), StatusCode::kDeadlineExceeded);
    Wake();
    EXPECT_NE(transport_.last_link(), link);
    EXPECT_FALSE(channel_.Owns(link));
  }
}

TEST_F(ChannelTest, RepeatsItsGreetingEverMoreRarely) {
  channel_.Start(transport_);
  transport_.Advance(5ms);
  channel_.OnOpen(transport_);
  const auto started = transport_.now();
  for (const auto at : {0ms, 20ms, 60ms, 140ms}) {
    EXPECT_EQ(transport_.now() - started, at);
    EXPECT_EQ(transport_.TakeMessages<wire::Hello>().size(), 1u);
    Wake();
  }
  EXPECT_EQ(transport_.now() - started, 145ms) << "the limit counts from the connection's start";
  EXPECT_TRUE(transport_.TakeMessages<wire::Hello>().empty());
  EXPECT_EQ(channel_.last_error().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(ChannelTest, ARefusalIsForGood) {
  channel_.Start(transport_);
  channel_.OnOpen(transport_);
  EXPECT_EQ(Offer(wire::MakeFrame(wire::Refused{StatusCode::kUnavailable, "restarted", ""})),
            Channel::Event::kRefused);
  EXPECT_TRUE(channel_.refused());
  EXPECT_EQ(channel_.last_error().message(), "restarted");
  EXPECT_FALSE(channel_.next_wake());
  channel_.Start(transport_);
  EXPECT_EQ(transport_.connected.size(), 1u);
}

// ---- The link to the head ----

class HeadLinkTest : public ::testing::Test {
 protected:
  void Join(wire::HelloAck ack = {.cluster_id = 5,
                                  .your_node = 7,
                                  .heartbeat_ns = 50'000'000,
                                  .dead_after_ns = 750'000'000}) {
    head_.Start(transport_);
    head_.OnOpen(transport_);
    event_ = head_.OnFrame(transport_, wire::MakeFrame(ack), consumed_);
  }
  Channel::Event Wake() {
    EXPECT_TRUE(head_.next_wake());
    transport_.Advance(*head_.next_wake() - transport_.now());
    return head_.OnWake(transport_);
  }

  Identity self_{
      .role = wire::Role::kWorker, .incarnation = 33, .listen_address = {}, .description = {}};
  transport::RecordingTransport transport_;
  HeadLink head_{"head", &self_};
  Channel::Event event_ = Channel::Event::kNone;
  bool consumed_ = false;
};

TEST_F(HeadLinkTest, LearnsWhoItIsAndBeats) {
  Join();
  EXPECT_EQ(event_, Channel::Event::kReady);
  EXPECT_EQ(self_.node, 7u);
  EXPECT_EQ(self_.cluster_id, 5u);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(Wake(), Channel::Event::kNone);
    const auto beats = transport_.TakeMessages<wire::Heartbeat>();
    ASSERT_EQ(beats.size(), 1u);
    EXPECT_EQ(beats[0].sequence, i);
    (void)head_.OnFrame(transport_, wire::MakeFrame(wire::HeartbeatAck{i}), consumed_);
    EXPECT_TRUE(consumed_);
  }
}

TEST_F(HeadLinkTest, ASilentHeadIsLostAndAnAbsentOneFails) {
  Join();
  const auto silent_since = transport_.now();
  Channel::Event event = Channel::Event::kNone;
  while (event == Channel::Event::kNone && transport_.now() < silent_since + 2s) event = Wake();
  EXPECT_EQ(event, Channel::Event::kLost);
  EXPECT_GT(transport_.now() - silent_since, 750ms);
  EXPECT_LT(transport_.now() - silent_since, 900ms);
  const auto lost_at = transport_.now();
  while (transport_.now() < lost_at + 9s) {
    EXPECT_TRUE(head_.failure(transport_.now()).ok());
    (void)Wake();
  }
  while (transport_.now() < lost_at + HeadLink::kHeadAwayMax) (void)Wake();
  EXPECT_EQ(head_.failure(transport_.now()).code(), StatusCode::kUnavailable);
}

TEST_F(HeadLinkTest, AStallOfItsOwnIsNotTheHeadsSilence) {
  Join();
  (void)Wake();
  transport_.Advance(5s);
  EXPECT_EQ(head_.OnWake(transport_), Channel::Event::kNone);
  EXPECT_TRUE(head_.ready());
}

TEST_F(HeadLinkTest, ANodeThatIsNoHeadIsNotTakenForOne) {
  // What a server answers: it has a node id and asks for no heartbeats.
  Join({.cluster_id = 5, .your_node = 0, .my_node = 2});
  EXPECT_EQ(event_, Channel::Event::kRefused);
  EXPECT_FALSE(head_.ready());
  const Status failure = head_.failure(transport_.now());
  EXPECT_EQ(failure.code(), StatusCode::kUnavailable);
  EXPECT_NE(failure.ToString().find("not a head"), std::string::npos) << failure.ToString();
  EXPECT_FALSE(head_.next_wake());
}

// ---- Accepting ----

class AcceptorTest : public ::testing::Test {
 protected:
  /// @return the error with which a greeting is refused, or OK.
  Status Greet(const wire::Hello& hello) {
    const LinkId link = transport_.Accept();
    acceptor_.OnOpen(transport_.now(), link, "far end");
    const auto read = acceptor_.ReadHello(transport_, link, wire::MakeFrame(hello));
    const auto refused = transport_.TakeMessages<wire::Refused>();
    EXPECT_NE(read.has_value(), !refused.empty());
    EXPECT_EQ(transport_.closed.contains(link), !refused.empty());
    EXPECT_EQ(acceptor_.Owns(link), refused.empty());
    return refused.empty() ? Status() : refused[0].ToStatus();
  }

  const wire::Hello hello_{.role = wire::Role::kWorker,
                           .node = 3,
                           .incarnation = 33,
                           .cluster_id = 9,
                           .listen_address = {},
                           .description = {}};
  const Identity self_{.role = wire::Role::kServer,
                       .node = 4,
                       .incarnation = 44,
                       .cluster_id = 9,
                       .listen_address = {},
                       .description = {}};
  transport::RecordingTransport transport_;
  Acceptor acceptor_{&self_};
};

TEST_F(AcceptorTest, RefusesStrangersByName) {
  EXPECT_TRUE(Greet(hello_).ok());
  wire::Hello hello = hello_;
  hello.version_min = hello.version_max = wire::kVersion + 1;
  EXPECT_EQ(Greet(hello).code(), StatusCode::kInvalidArgument);
  hello = hello_;
  hello.cluster_id = 8;
  EXPECT_EQ(Greet(hello).code(), StatusCode::kInvalidArgument);
  hello.cluster_id = 0;
  EXPECT_TRUE(Greet(hello).ok()) << "0 takes any";
  hello.expected_incarnation = 43;
  EXPECT_EQ(Greet(hello).code(), StatusCode::kUnavailable);
  hello.expected_incarnation = 44;
  EXPECT_TRUE(Greet(hello).ok());
}

TEST_F(AcceptorTest, KnowsAPeerFromItsWelcomeToItsEnd) {
  const LinkId link = transport_.Accept();
  acceptor_.OnOpen(transport_.now(), link, "far end");
  EXPECT_EQ(acceptor_.PeerOf(link), nullptr);
  acceptor_.Welcome(transport_, link, hello_, 3, {.heartbeat_ns = 6});
  const auto ack = transport_.TakeMessages<wire::HelloAck>();
  ASSERT_EQ(ack.size(), 1u);
  EXPECT_EQ(ack[0].my_node, 4u);
  EXPECT_EQ(ack[0].your_node, 3u);
  EXPECT_EQ(ack[0].heartbeat_ns, 6u);
  ASSERT_NE(acceptor_.PeerOf(link), nullptr);
  EXPECT_EQ(acceptor_.PeerOf(link)->incarnation, 33u);
  EXPECT_EQ(acceptor_.PeerOf(link)->address, "far end");
  EXPECT_FALSE(acceptor_.OnWake(transport_)) << "nobody is waited for";
  acceptor_.WelcomeAgain(transport_, link);
  const auto again = transport_.TakeMessages<wire::HelloAck>();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].your_node, 3u);
  EXPECT_EQ(again[0].heartbeat_ns, 6u);
  acceptor_.OnClose(link);
  EXPECT_FALSE(acceptor_.Owns(link));
}

}  // namespace
}  // namespace steelyard::rpc
