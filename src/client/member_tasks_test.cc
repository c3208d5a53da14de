// Goal: a member announces a step when all of its pushes are on their way, never waits for itself, and leaves for good.
// Method: one server that the test plays by hand.
#include "client/member_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "placement/test_view.h"
#include "rpc/test_identity.h"
#include "transport/recording_transport.h"

namespace steelyard::client {
namespace {

using transport::SentFrame;
using wire::MessageType;

constexpr TableId kTable = 5;
constexpr JobId kGroup = 3;
constexpr transport::LinkId kLink = 1;

class MemberTasksTest : public ::testing::Test {
 protected:
  MemberTasksTest() {
    tasks_.Begin(kTable, kGroup, 0);
    client_.Attach(transport_, view_, {.group = kGroup, .stream = 1, .session = 2},
                   [](const Status&) {});
    client_.OnOpen(transport_, kLink);
    Receive(wire::MakeFrame(wire::HelloAck{.inflight_bytes_max = 1 << 20}));
    open_request_ = transport_.Take(MessageType::kOpenStream).at(0).frame.header.request_id;
    AckStream(2);
    transport_.sent.clear();
  }
  void Receive(const wire::Frame& frame) { client_.OnFrame(transport_, kLink, frame); }
  void AckStream(Session session) {
    Receive(wire::MakeFrame(
        wire::OpenAck{.table = kTable, .stream = 1, .session = session, .clocks = {}}));
  }
  void Push(TaskSpec spec) {
    tasks_.Push(transport_, kTable, std::move(spec), {.keys = {1}, .floats = {1}},
                [this](const Status& status) { pushed_.push_back(status); });
  }
  void Pull(TaskSpec spec, std::vector<Key> keys = {1}) {
    tasks_.Pull(transport_, kTable, std::move(spec), {.keys = std::move(keys)},
                [this](const Result<Pulled>& pulled) {
                  pulled_.push_back(pulled.ok() ? Status() : pulled.status());
                });
  }
  void AnswerPull(const SentFrame& sent, Step through, std::uint32_t width = 1) {
    const auto pull = wire::DecodePull(sent.frame.body.bytes()).value();
    std::vector<wire::PulledEntry> entries;
    for (const wire::PullEntry& entry : pull.entries) entries.push_back({.segment = entry.segment});
    auto [frame, floats] = wire::MakePullResponse({.table = kTable,
                                                   .columns = pull.columns,
                                                   .floats_per_key = width,
                                                   .through_min = through,
                                                   .entries = entries,
                                                   .floats = {}},
                                                  pull.keys.size(), sent.frame.header.request_id);
    std::ranges::fill(floats, 0.0F);
    Receive(frame);
  }
  void AckPush(const SentFrame& sent) {
    const auto push = wire::DecodePush(sent.frame.body.bytes()).value();
    Receive(wire::MakeFrame(
        wire::PushAck{.table = kTable, .stream = 1, .session = 2, .ts = push.ts, .failed = {}},
        sent.frame.header.request_id));
  }
  std::vector<SentFrame> Pushes() { return transport_.Take(MessageType::kPush); }
  std::vector<SentFrame> Pulls() { return transport_.Take(MessageType::kPull); }
  static Step Through(const SentFrame& sent) {
    return wire::DecodePush(sent.frame.body.bytes()).value().through_step;
  }

  const wire::View view_ = placement::MakeTestView(kTable, 2, placement::TestServers(1));
  const rpc::Identity self_ = rpc::MakeTestIdentity(wire::Role::kClient);
  transport::RecordingTransport transport_;
  Client client_{&self_, {}};
  MemberTasks tasks_{&client_};
  std::uint64_t open_request_ = 0;
  std::vector<Status> pushed_;
  std::vector<Status> pulled_;
};

TEST_F(MemberTasksTest, APushThatWaitsHoldsTheAnnouncementBack) {
  Pull({.id = 1, .step = 0});
  Push({.id = 2, .step = 0, .after = {1}});
  Push({.id = 3, .step = 1, .more_of_step = true});
  Push({.id = 4, .step = 1});
  Push({.id = 5, .step = 2});
  const auto early = Pushes();
  ASSERT_EQ(early.size(), 3u) << "task 2 waits";
  for (const SentFrame& sent : early) EXPECT_EQ(Through(sent), -1);
  AnswerPull(Pulls().at(0), wire::kStepMax);
  const auto late = Pushes();
  ASSERT_EQ(late.size(), 1u);
  EXPECT_EQ(Through(late[0]), 2) << "all up to step 2 is on its way";
}

TEST_F(MemberTasksTest, APushThatNeverComesDoesNotHoldTheOthersBack) {
  Pull({.id = 1, .step = 0}, {5, 4});  // Unsorted.
  ASSERT_EQ(pulled_.size(), 1u);
  Push({.id = 2, .step = 0, .after = {1}});
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_NE(pushed_[0].message().find("task 1, which must have finished before, failed"),
            std::string::npos);
  const auto announcement = Pushes();
  ASSERT_EQ(announcement.size(), 1u);
  EXPECT_EQ(Through(announcement[0]), 0);
  EXPECT_EQ(tasks_.open_count(), 0u);
}

TEST_F(MemberTasksTest, ARefusedPushDoesNotHoldTheOthersBack) {
  tasks_.Push(transport_, kTable, {.id = 1, .step = 0}, {.keys = {5, 4}, .floats = {1, 1}},
              [this](const Status& status) { pushed_.push_back(status); });
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_EQ(pushed_[0].code(), StatusCode::kInvalidArgument);
  const auto announcement = Pushes();
  ASSERT_EQ(announcement.size(), 1u) << "the others would wait for step 0 for ever";
  EXPECT_EQ(Through(announcement[0]), 0);
}

TEST_F(MemberTasksTest, AChangeIsOfItsStepAndWaitsAsAPushDoes) {
  std::vector<MemberTasks::Progress> sent;
  Client::Done finish;
  const auto change = [&](TaskSpec spec) {
    const auto send = [&](const MemberTasks::Progress& at, const Client::Done& finished) {
      sent.push_back(at);
      finish = finished;
      return Status();
    };
    tasks_.Change(transport_, kTable, std::move(spec), send,
                  [this](const Status& status) { pushed_.push_back(status); });
  };
  EXPECT_EQ(tasks_.StepOf(kTable), 0);
  change({.id = 1, .step = tasks_.StepOf(kTable), .more_of_step = true});
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].through, -1) << "the member has not pushed its step 0 yet";
  Pull({.id = 2, .step = 0, .after = {1}});
  EXPECT_TRUE(Pulls().empty());
  finish({});
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_EQ(Pulls().size(), 1u);
  Push({.id = 3, .step = 0});
  EXPECT_EQ(tasks_.StepOf(kTable), 1);
  change({.id = 4, .step = 1, .gate = GroupGate{0, 0}});
  EXPECT_EQ(sent.size(), 1u) << "it waits for its gate";
  AnswerPull(Pulls().at(0), 0);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].through, 1);
  change({.id = 5, .step = 2, .gate = GroupGate{0, 2}});
  EXPECT_EQ(pushed_.back().code(), StatusCode::kInvalidArgument) << "it could wait for itself";
}

TEST_F(MemberTasksTest, AReadStartsOnceItsGateIsOpen) {
  std::vector<Step> started;
  tasks_.Read(
      transport_, kTable, {.id = 1, .step = 3, .gate = GroupGate{0, 2}},
      [&](Step through, const Client::Done& finished) {
        started.push_back(through);
        finished({});
      },
      [this](const Status& status) { pulled_.push_back(status); });
  EXPECT_TRUE(started.empty());
  AnswerPull(Pulls().at(0), 2);
  EXPECT_EQ(started, std::vector<Step>{2});
  ASSERT_EQ(pulled_.size(), 1u);
  EXPECT_TRUE(pulled_[0].ok());
  EXPECT_EQ(tasks_.open_count(), 0u);
}

TEST_F(MemberTasksTest, NothingWaitsForItself) {
  Push({.id = 1, .step = 3, .gate = GroupGate{0, 3}});
  Pull({.id = 2, .step = 3, .gate = GroupGate{kGroup, 4}});
  Pull({.id = 3, .step = 3, .gate = GroupGate{0, 3}});
  Push({.id = 4, .step = 3, .after = {3}});
  Push({.id = 5, .step = 4, .after = {9}});
  EXPECT_EQ(pushed_.size(), 3u) << "by gate, by edge, after a later one";
  EXPECT_EQ(pulled_.size(), 1u);
  for (const Status& status : pushed_) EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Pushes().empty());
  Push({.id = 10, .step = 4, .after = {3}});
  Pull({.id = 11, .step = 0, .gate = GroupGate{kGroup + 1, 100}});
  EXPECT_EQ(tasks_.open_count(), 3u) << "another group may be waited for at any step";
  Push({.id = 12, .step = 4});
  EXPECT_EQ(pushed_.back().code(), StatusCode::kInvalidArgument) << "step 4 was complete";
}

TEST_F(MemberTasksTest, AGatedPushFollowsAPullOfNoKeys) {
  Push({.id = 1, .step = 2, .gate = GroupGate{0, 1}});
  EXPECT_TRUE(Pushes().empty());
  const auto gates = Pulls();
  ASSERT_EQ(gates.size(), 1u);
  const auto pull = wire::DecodePull(gates[0].frame.body.bytes()).value();
  EXPECT_EQ(pull.gate_step, 1);
  EXPECT_EQ(pull.group, kGroup);
  EXPECT_TRUE(pull.keys.empty());
  AnswerPull(gates[0], 1, /*width=*/7);  // Whatever the table's is.
  const auto pushes = Pushes();
  ASSERT_EQ(pushes.size(), 1u);
  AckPush(pushes[0]);
  ASSERT_EQ(pushed_.size(), 1u);
  EXPECT_TRUE(pushed_[0].ok());
  EXPECT_EQ(tasks_.open_count(), 0u);
}

TEST_F(MemberTasksTest, AnAnswerThatIsOlderThanItsGateIsAnError) {
  Pull({.id = 1, .step = 5, .gate = GroupGate{0, 4}});
  AnswerPull(Pulls().at(0), 3);
  ASSERT_EQ(pulled_.size(), 1u);
  EXPECT_EQ(pulled_[0].code(), StatusCode::kCorruption);
  EXPECT_NE(
      pulled_[0].message().find("waits for step 4 was answered when a stream was through step 3"),
      std::string::npos)
      << pulled_[0].ToString();
}

TEST_F(MemberTasksTest, LeavesOnceItsPushesHaveEndedAndAsksUntilItIsAnswered) {
  std::optional<Status> left;
  const auto leave = [&] {
    return client_.Leave(transport_, kTable, [&](const Status& status) { left = status; });
  };
  Push({.id = 1, .step = 0});
  EXPECT_EQ(leave().code(), StatusCode::kInvalidArgument) << "a push is under way";
  AckPush(Pushes().at(0));
  ASSERT_TRUE(leave().ok());
  EXPECT_EQ(transport_.TakeMessages<wire::RetireStream>().size(), 1u);
  transport_.Advance(*client_.next_wake() - transport_.now());
  client_.OnWake(transport_);
  EXPECT_EQ(transport_.TakeMessages<wire::RetireStream>().size(), 1u) << "the answer was lost";
  AckStream(2);  // A late copy of the answer to OPEN_STREAM.
  EXPECT_FALSE(left);
  AckStream(~Session{0});
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->ok());
  Push({.id = 2, .step = 1});
  EXPECT_EQ(pushed_.back().code(), StatusCode::kInvalidArgument);
  Pull({.id = 3, .step = 1});
  EXPECT_EQ(Pulls().size(), 1u) << "who has left may read";
  EXPECT_EQ(leave().code(), StatusCode::kInvalidArgument);
}

// The network may deliver another copy of OPEN_STREAM after RETIRE_STREAM: the server refuses it.
TEST_F(MemberTasksTest, ALateCopyOfItsOpeningDoesNotHurtWhoHasLeft) {
  Push({.id = 1, .step = 0});
  AckPush(Pushes().at(0));
  std::optional<Status> left;
  ASSERT_TRUE(client_.Leave(transport_, kTable, [&](const Status& status) { left = status; }).ok());
  const wire::Frame refusal = wire::MakeFrame(
      wire::Refused{StatusCode::kCancelled, "is taken over by another session", ""}, open_request_);
  Receive(refusal);
  EXPECT_FALSE(left) << left->ToString();
  AckStream(~Session{0});
  Receive(refusal);
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->ok()) << left->ToString();
  Pull({.id = 2, .step = 1});
  EXPECT_EQ(Pulls().size(), 1u) << "who has left may read";
}

}  // namespace
}  // namespace steelyard::client
