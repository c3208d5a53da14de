// Goal: one question gets one answer, whatever is lost; a table is found or filled as a whole; and both say why not.
// Method: the test plays head and server over a recording transport, frame by frame.
#include "job/head_call.h"

#include <gtest/gtest.h>

#include <optional>

#include "job/table_client.h"
#include "transport/recording_transport.h"
#include "wire/cluster_messages.h"

namespace steelyard::job {
namespace {

using namespace std::chrono_literals;
using wire::MessageType;

wire::HelloAck Welcome(NodeId my_node, Incarnation incarnation) {
  wire::HelloAck ack;
  ack.cluster_id = 7;
  ack.your_node = 9;
  ack.my_node = my_node;
  ack.my_incarnation = incarnation;
  ack.body_bytes_max = wire::kFrameBytesMax;
  ack.inflight_bytes_max = wire::kFrameBytesMax;
  ack.heartbeat_ns = 1'000'000'000;
  ack.dead_after_ns = 600'000'000'000;
  return ack;
}

class HeadCallTest : public ::testing::Test {
 protected:
  void Start() {
    call_.emplace(HeadCall::Options{.head_address = "head", .incarnation = 5, .description = {}},
                  std::chrono::seconds(5), wire::MakeFrame(wire::JobGet{.job = 3}),
                  [this](Result<wire::Frame> answer) { answers_.push_back(std::move(answer)); });
    call_->OnStart(net_);
  }
  void Join() {
    call_->OnOpen(net_, net_.last_link(), false, "head");
    call_->OnFrame(net_, net_.last_link(), wire::MakeFrame(Welcome(0, 1)));
  }
  void Pass(runtime::Duration time) {
    for (const runtime::Time end = net_.now() + time; net_.now() < end;) {
      net_.Advance(250ms);
      call_->OnWake(net_);
    }
  }

  transport::RecordingTransport net_;
  std::optional<HeadCall> call_;
  std::vector<Result<wire::Frame>> answers_;
};

TEST_F(HeadCallTest, AsksAgainAndHandsOverTheFirstAnswerOnly) {
  Start();
  EXPECT_TRUE(net_.Take(MessageType::kJobGet).empty());
  Join();
  const auto asked = net_.Take(MessageType::kJobGet);
  ASSERT_EQ(asked.size(), 1u);
  const std::uint64_t id = asked[0].frame.header.request_id;
  EXPECT_NE(id, 0u);
  Pass(250ms);
  EXPECT_EQ(net_.Take(MessageType::kJobGet).size(), 1u);
  call_->OnFrame(net_, net_.last_link(), wire::MakeFrame(wire::JobStatus{}));
  EXPECT_TRUE(answers_.empty()) << "not an answer to the question";
  for (int i = 0; i < 2; ++i)
    call_->OnFrame(net_, net_.last_link(), wire::MakeFrame(wire::ClusterStatus{}, id));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].value().header.type, MessageType::kClusterStatus);
}

TEST_F(HeadCallTest, ARefusalIsTheAnswer) {
  Start();
  Join();
  const std::uint64_t id = net_.Take(MessageType::kJobGet).at(0).frame.header.request_id;
  call_->OnFrame(net_, net_.last_link(),
                 wire::MakeFrame(wire::Refused{StatusCode::kNotFound, "no job", ""}, id));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kNotFound);
}

TEST_F(HeadCallTest, SaysWhoDoesNotAnswerAndWhy) {
  Start();
  call_->OnClose(net_, net_.last_link(), Status(StatusCode::kUnavailable, "connection refused"));
  Pass(5s);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(answers_[0].status().where(), "head");
  EXPECT_NE(answers_[0].status().message().find("within 5 s: "), std::string::npos);
  EXPECT_FALSE(net_.alarm && net_.Advance(1h)) << "nothing is left to do";
}

class TableClientTest : public ::testing::Test {
 protected:
  void Start(bool fill) {
    TableClient::Events events;
    events.on_rows = [this](std::span<const Key> keys, std::span<const float>) {
      keys_.insert(keys_.end(), keys.begin(), keys.end());
      return Status();
    };
    events.next_rows = [this](std::vector<Key>& keys, std::vector<float>& rows) {
      if (to_push_.empty()) return;
      keys = std::exchange(to_push_, {});
      rows.assign(keys.size(), 1.0F);
    };
    events.on_end = [this](const Status& status) { end_ = status; };
    client_.emplace(
        TableClient::Options{.head_address = "head", .incarnation = 5, .description = {}},
        TableClient::Work{.table = View().spec.options, .fill = fill}, std::move(events));
    client_->OnStart(net_);
    head_ = net_.last_link();
    client_->OnOpen(net_, head_, false, "head");
    client_->OnFrame(net_, head_, wire::MakeFrame(Welcome(0, 1)));
  }
  static wire::View View() {
    wire::View view;
    view.table = 3;
    view.spec.options = {.name = "t", .width = 1, .updater = {}, .segment_count = 1};
    view.owners = {{1, 11, "server"}};
    view.segments = {{0, 0, 1}};
    return view;
  }
  /// The head answers with the view, the server with the stream.
  void Open() {
    client_->OnFrame(net_, head_, wire::MakeFrame(View(), 1));
    server_ = net_.last_link();
    client_->OnOpen(net_, server_, false, "server");
    client_->OnFrame(net_, server_, wire::MakeFrame(Welcome(1, 11)));
    const auto opens = net_.Take(MessageType::kOpenStream);
    ASSERT_EQ(opens.size(), 1u);
    const auto open = wire::Decode<wire::OpenStream>(opens[0].frame.body.bytes()).value();
    wire::OpenAck ack;
    ack.table = 3;
    ack.stream = open.stream;
    ack.session = open.session;
    ack.clocks = {{0, 0}};
    client_->OnFrame(net_, server_, wire::MakeFrame(ack, opens[0].frame.header.request_id));
  }

  transport::RecordingTransport net_;
  std::optional<TableClient> client_;
  transport::LinkId head_ = 0;
  transport::LinkId server_ = 0;
  std::vector<Key> keys_;
  std::vector<Key> to_push_;
  std::optional<Status> end_;
};

TEST_F(TableClientTest, ReadsATableByName) {
  Start(/*fill=*/false);
  EXPECT_EQ(net_.TakeMessages<wire::ViewGet>().at(0).name, "t");
  Open();
  const auto scans = net_.Take(MessageType::kScan);
  ASSERT_EQ(scans.size(), 1u);
  const std::vector<Key> keys = {4, 5};
  const std::vector<float> floats = {1, 2};
  wire::ScanResponse response;
  response.table = 3;
  response.end = true;
  response.keys = keys;
  response.floats = floats;
  client_->OnFrame(net_, server_, wire::MakeFrame(response, scans[0].frame.header.request_id));
  EXPECT_EQ(keys_, keys);
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_TRUE(net_.Take(MessageType::kTableDrop).empty()) << "it is not ours";
}

TEST_F(TableClientTest, FillsATableThatStays) {
  to_push_ = {1, 2, 3};
  Start(/*fill=*/true);
  EXPECT_TRUE(net_.TakeMessages<wire::TableCreate>().at(0).stays);
  Open();
  const auto pushes = net_.Take(MessageType::kPush);
  ASSERT_EQ(pushes.size(), 1u);
  const auto push = wire::DecodePush(pushes[0].frame.body.bytes()).value();
  EXPECT_EQ(push.keys.size(), 3u);
  EXPECT_FALSE(end_) << "not before it is acknowledged";
  wire::PushAck ack;
  ack.table = 3;
  ack.stream = push.stream;
  ack.session = push.session;
  ack.ts = push.ts;
  client_->OnFrame(net_, server_, wire::MakeFrame(ack, pushes[0].frame.header.request_id));
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_TRUE(net_.Take(MessageType::kTableDrop).empty());
}

TEST_F(TableClientTest, DropsWhatItCouldNotFill) {
  to_push_ = {1};
  Start(/*fill=*/true);
  Open();
  client_->Cancel(net_, Status(StatusCode::kCancelled, "Ctrl-C"));
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->code(), StatusCode::kCancelled);
  EXPECT_EQ(net_.TakeMessages<wire::TableDrop>().at(0).table, 3u);
}

TEST_F(TableClientTest, AnUnknownNameIsTheEnd) {
  Start(/*fill=*/false);
  client_->OnFrame(
      net_, head_,
      wire::MakeFrame(wire::Refused{StatusCode::kNotFound, "there is no table", ""}, 1));
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace steelyard::job
