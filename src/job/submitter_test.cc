// Goal: a submitter asks until it is answered, reads the right rows once, and leaves nothing behind, or all of it.
// Method: the test plays head and server over a recording transport, frame by frame.
#include "job/submitter.h"

#include <gtest/gtest.h>

#include "rpc/test_identity.h"
#include "transport/recording_transport.h"

namespace steelyard::job {
namespace {

using namespace std::chrono_literals;
using wire::MessageType;

class SubmitterTest : public ::testing::Test {
 protected:
  SubmitterTest() {
    plan_.parameters.data = {"rows"};
    plan_.parameters.passes = 3;
    plan_.table = {.name = "w", .width = 1, .updater = {}, .segment_count = 1};
    plan_.servers_min = 2;
    plan_.shards.resize(1);
    events_.on_status = [this](const wire::JobStatus&) { ++statuses_; };
    events_.on_waiting = [this](const std::string& what) { waits_.push_back(what); };
    events_.on_info = [this](const wire::JobInfo& info) {
      notes_ = info.notes;
      return Status();
    };
    events_.on_first_row = [this] { ++scans_; };
    events_.on_rows = [this](std::span<const Key> keys, std::span<const float>) {
      keys_.assign(keys.begin(), keys.end());
      return Status();
    };
    events_.on_end = [this](const Status& status) { end_ = status; };
  }

  void Start(const Submitter::Manner& manner = {}) {
    submitter_.emplace(
        Submitter::Options{.head_address = "head", .incarnation = 5, .description = {}}, manner,
        plan_, events_);
    submitter_->OnStart(net_);
  }
  void Join() {
    head_ = net_.last_link();
    submitter_->OnOpen(net_, head_, false, "head");
    FromHead(rpc::MakeTestWelcome(0, 1));
  }
  template <typename Message>
  void FromHead(const Message& message, std::uint64_t request_id = 0) {
    submitter_->OnFrame(net_, head_, wire::MakeFrame(message, request_id));
  }
  static wire::View View() {
    wire::View view;
    view.table = 3;
    view.spec.options = {.name = "w", .width = 1, .updater = {}, .segment_count = 1};
    view.owners = {{1, 11, "server"}};
    view.segments = {{0, 0, 1}};
    return view;
  }
  /// The server that holds the table takes the connection and the stream.
  void OpenServer() {
    ASSERT_EQ(net_.connected.back(), "server");
    server_ = net_.last_link();
    submitter_->OnOpen(net_, server_, false, "server");
    submitter_->OnFrame(net_, server_, wire::MakeFrame(rpc::MakeTestWelcome(1, 11)));
    const auto opens = net_.Take(MessageType::kOpenStream);
    ASSERT_EQ(opens.size(), 1u);
    const auto open = wire::Decode<wire::OpenStream>(opens[0].frame.body.bytes()).value();
    submitter_->OnFrame(
        net_, server_,
        wire::MakeFrame(
            wire::OpenAck{
                .table = 3, .stream = open.stream, .session = open.session, .clocks = {{0, 0}}},
            opens[0].frame.header.request_id));
  }
  /// Up to a running job, number 4.
  void Submit() {
    Start();
    Join();
    FromHead(View(), 1);
    OpenServer();
    FromHead(wire::JobAccepted{.job = 4}, 2);
    net_.sent.clear();
  }
  void Status4(wire::JobState state, std::uint32_t pass, bool keep, std::uint32_t kept_pass) {
    wire::JobStatus status;
    status.job = 4;
    status.state = state;
    status.pass = pass;
    status.keep = keep;
    status.kept_pass = kept_pass;
    FromHead(status);
  }
  /// Answer the scan of the only segment with `keys`.
  void AnswerScan(std::vector<Key> keys) {
    const auto scans = net_.Take(MessageType::kScan);
    ASSERT_EQ(scans.size(), 1u);
    std::vector<float> floats(keys.size(), 1.0F);
    wire::ScanResponse response;
    response.table = 3;
    response.columns = wire::Columns::kRows;
    response.end = true;
    response.floats_per_key = 1;
    response.keys = keys;
    response.floats = floats;
    submitter_->OnFrame(net_, server_, wire::MakeFrame(response, scans[0].frame.header.request_id));
  }
  void Pass(runtime::Duration time) {
    for (const runtime::Time end = net_.now() + time; net_.now() < end;) {
      net_.Advance(250ms);
      submitter_->OnWake(net_);
    }
  }

  transport::RecordingTransport net_;
  JobPlan plan_;
  JobEvents events_;
  std::optional<Submitter> submitter_;
  transport::LinkId head_ = 0;
  transport::LinkId server_ = 0;
  int statuses_ = 0;
  int scans_ = 0;
  std::vector<std::string> waits_;
  std::vector<Key> keys_;
  wire::Parameters notes_;
  std::optional<Status> end_;
};

TEST_F(SubmitterTest, AsksUntilItIsAnsweredAndSaysWhatItWaitsFor) {
  Start();
  Join();
  EXPECT_EQ(net_.Take(MessageType::kTableCreate).size(), 1u);
  Pass(250ms);
  EXPECT_EQ(net_.Take(MessageType::kTableCreate).size(), 1u) << "again";
  EXPECT_TRUE(waits_.empty()) << "not at once";
  Pass(1s);
  EXPECT_FALSE(net_.Take(MessageType::kClusterGet).empty());
  FromHead(wire::ClusterStatus{.description = {},
                               .nodes = {{1, wire::Role::kServer, "s", "pid 1", 0, 0}},
                               .tables = {},
                               .jobs = {}},
           5);
  Pass(250ms);
  EXPECT_EQ(waits_,
            std::vector<std::string>{"waiting for 2 servers to hold the table: 1 of 2 are there"});
  Pass(250ms);
  EXPECT_EQ(waits_.size(), 1u) << "once";
  FromHead(wire::ClusterStatus{.description = {},
                               .nodes = {{1, wire::Role::kServer, "s", "pid 1", 2'000'000'000, 0}},
                               .tables = {},
                               .jobs = {}},
           5);
  Pass(250ms);
  ASSERT_EQ(waits_.size(), 2u);
  EXPECT_EQ(waits_[1], waits_[0] + "; server 1 (s, pid 1) does not answer");
  Pass(30s);
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->code(), StatusCode::kUnavailable);
  EXPECT_NE(end_->message().find("did not start within 30 s: " + waits_[1]), std::string::npos);
}

TEST_F(SubmitterTest, ReadsTheTableWhenTheJobIsDoneAndCleansUp) {
  Submit();
  Status4(wire::JobState::kRunning, 2, false, 2);
  EXPECT_TRUE(net_.Take(MessageType::kScan).empty());
  Status4(wire::JobState::kDone, 2, false, 2);
  AnswerScan({5, 6});
  EXPECT_EQ(keys_, (std::vector<Key>{5, 6}));
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_EQ(net_.Take(MessageType::kJobCancel).size(), 1u);
  EXPECT_EQ(net_.Take(MessageType::kTableDrop).size(), 1u);
}

TEST_F(SubmitterTest, KeepsTheBestPassAndReadsNothingAtTheEnd) {
  Submit();
  Status4(wire::JobState::kRunning, 0, true, 0);
  Status4(wire::JobState::kRunning, 0, true, 0);
  EXPECT_TRUE(net_.Take(MessageType::kJobKept).empty()) << "not before the rows are here";
  AnswerScan({1});
  EXPECT_EQ(net_.TakeMessages<wire::JobKept>().at(0).pass, 0u);
  Status4(wire::JobState::kRunning, 0, true, 0);
  EXPECT_EQ(net_.TakeMessages<wire::JobKept>().size(), 1u) << "the first one was lost";
  EXPECT_TRUE(net_.Take(MessageType::kScan).empty());
  Status4(wire::JobState::kRunning, 1, true, 1);
  AnswerScan({1, 2});
  Status4(wire::JobState::kRunning, 0, true, 0);  // Late.
  EXPECT_TRUE(net_.Take(MessageType::kScan).empty());
  Status4(wire::JobState::kDone, 2, false, 1);
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_EQ(scans_, 2);
  EXPECT_EQ(keys_, (std::vector<Key>{1, 2}));
}

TEST_F(SubmitterTest, ReadsAgainWhenTheLastPassIsTheBest) {
  Submit();
  Status4(wire::JobState::kRunning, 0, true, 0);
  AnswerScan({1});
  Status4(wire::JobState::kDone, 1, false, 1);
  AnswerScan({1, 2, 3});
  EXPECT_EQ(scans_, 2);
  EXPECT_EQ(keys_.size(), 3u);
  EXPECT_TRUE(end_->ok());
}

TEST_F(SubmitterTest, AFailureWhileRowsAreReadEndsIt) {
  Submit();
  Status4(wire::JobState::kRunning, 0, true, 0);
  wire::JobStatus failed;
  failed.job = 4;
  failed.state = wire::JobState::kFailed;
  failed.code = StatusCode::kUnavailable;
  failed.where = "server 1";
  FromHead(failed);
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->where(), "server 1");
}

TEST_F(SubmitterTest, ADetachedJobIsLeftAlone) {
  plan_.detached = true;
  plan_.notes = {{"note", "x"}};
  Start();
  Join();
  EXPECT_TRUE(net_.TakeMessages<wire::TableCreate>().at(0).stays);
  FromHead(View(), 1);
  OpenServer();
  const auto submits = net_.TakeMessages<wire::JobSubmit>();
  ASSERT_EQ(submits.size(), 1u);
  EXPECT_TRUE(submits[0].detached);
  EXPECT_EQ(submits[0].notes, plan_.notes);
  FromHead(wire::JobAccepted{.job = 4}, 2);
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_EQ(submitter_->job(), 4u);
  EXPECT_TRUE(net_.Take(MessageType::kJobCancel).empty());
  EXPECT_TRUE(net_.Take(MessageType::kTableDrop).empty());
}

TEST_F(SubmitterTest, SaysThatTheHeadIsAwayWhileItFollowsAJob) {
  Submit();
  submitter_->OnClose(net_, head_, Status(StatusCode::kUnavailable, "the other end closed"));
  Pass(750ms);
  EXPECT_TRUE(waits_.empty()) << "not at once";
  Pass(1s);
  ASSERT_EQ(waits_.size(), 1u);
  EXPECT_TRUE(waits_[0].starts_with("waiting for the head at head: ")) << waits_[0];
  Pass(1s);
  EXPECT_EQ(waits_.size(), 1u) << "once";
  for (const std::size_t before = net_.connected.size(); net_.connected.size() == before;)
    Pass(250ms);
  Join();
  Pass(1s);
  EXPECT_EQ(waits_.size(), 1u);
  submitter_->OnClose(net_, head_, Status(StatusCode::kUnavailable, "the other end closed"));
  Pass(2s);
  EXPECT_EQ(waits_.size(), 2u) << "once each time";
  Pass(10s);
  ASSERT_TRUE(end_);
  EXPECT_NE(end_->message().find("unreachable for 10 s"), std::string::npos) << end_->message();
}

TEST_F(SubmitterTest, FetchesTheResultOfAnotherJobAndLeavesItThere) {
  Start({.follow = 4, .fetch = true});
  Join();
  EXPECT_TRUE(net_.Take(MessageType::kTableCreate).empty());
  EXPECT_EQ(net_.TakeMessages<wire::JobGet>().at(0).job, 4u);
  FromHead(wire::JobInfo{.job = 4,
                         .detached = true,
                         .parameters = ToPairs(plan_.parameters),
                         .notes = {{"note", "x"}},
                         .view = View()},
           4);
  EXPECT_EQ(notes_.size(), 1u);
  OpenServer();
  Status4(wire::JobState::kRunning, 0, false, 0);
  Status4(wire::JobState::kDone, 2, false, 2);
  AnswerScan({8});
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->ok());
  EXPECT_EQ(keys_, std::vector<Key>{8});
  EXPECT_TRUE(net_.Take(MessageType::kJobCancel).empty());
  EXPECT_TRUE(net_.Take(MessageType::kTableDrop).empty());
}

TEST_F(SubmitterTest, AFollowedJobThatFallsSilentIsAskedForAgain) {
  Start({.follow = 4});
  Join();
  FromHead(
      wire::JobInfo{.job = 4, .parameters = ToPairs(plan_.parameters), .notes = {}, .view = View()},
      4);
  EXPECT_EQ(net_.connected.size(), 1u) << "nothing is read: no server is needed";
  net_.sent.clear();
  Pass(1s);
  Status4(wire::JobState::kRunning, 0, false, 0);
  Pass(1s);
  EXPECT_TRUE(net_.Take(MessageType::kJobGet).empty());
  Pass(2s);
  EXPECT_FALSE(net_.Take(MessageType::kJobGet).empty());
  FromHead(wire::Refused{StatusCode::kNotFound, "there is no job 4", ""}, 4);
  ASSERT_TRUE(end_);
  EXPECT_EQ(end_->code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace steelyard::job
