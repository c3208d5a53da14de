// Goal: one question gets one answer, whatever is lost, or the reason why not.
// Method: the test plays the head over a recording transport, frame by frame.
#include "job/head_call.h"

#include <gtest/gtest.h>

#include <optional>

#include "rpc/test_identity.h"
#include "transport/recording_transport.h"
#include "wire/cluster_messages.h"

namespace steelyard::job {
namespace {

using namespace std::chrono_literals;
using wire::MessageType;

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
    call_->OnFrame(net_, net_.last_link(), wire::MakeFrame(rpc::MakeTestWelcome(0, 1)));
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

}  // namespace
}  // namespace steelyard::job
