// Goal: a worker's functions are known to the head, run once for each call, and answer for the job that it works for.
// Method: the test plays the head over a recording transport, frame by frame.
#include "job/worker_calls.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "rpc/test_identity.h"
#include "transport/recording_transport.h"
#include "wire/control_messages.h"

namespace steelyard::job {
namespace {

using namespace std::chrono_literals;
using wire::MessageType;

/// Runs work when the test says so.
class HeldExecutor final : public runtime::Executor {
 public:
  void Run(std::function<void()> work, std::function<void()> done) override {
    items_.push_back({std::move(work), std::move(done)});
  }
  void RunAll() {
    for (const auto& [work, done] : std::exchange(items_, {})) work(), done();
  }

 private:
  std::vector<std::pair<std::function<void()>, std::function<void()>>> items_;
};

class WorkerCallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    head_.Start(net_);
    head_.OnOpen(net_);
    bool consumed = false;
    (void)head_.OnFrame(net_, wire::MakeFrame(rpc::MakeTestWelcome(0, 1)), consumed);
    ASSERT_TRUE(head_.ready());
  }
  void Serve(JobId job, std::uint32_t slot) {
    calls_->Serve(net_, job, slot,
                  [job, slot] { return WorkerProgress{.job = job, .worker = slot}; });
  }
  /// The one GROUP_SERVE sent since; it is confirmed.
  wire::GroupServe Served() {
    const auto sent = net_.Take(MessageType::kGroupServe);
    EXPECT_EQ(sent.size(), 1U);
    const auto serve = wire::Decode<wire::GroupServe>(sent.at(0).frame.body.bytes()).value();
    Confirm(sent.at(0));
    return serve;
  }
  void Confirm(const transport::SentFrame& sent) {
    EXPECT_TRUE(
        calls_->OnFrame(net_, wire::MakeFrame(wire::GroupServed{}, sent.frame.header.request_id)));
  }
  void Call(std::uint64_t number, const std::string& function, JobId job = 3) {
    const wire::MemberCall call{.number = number,
                                .floor = 1,
                                .group = job,
                                .member = 1,
                                .function = function,
                                .arguments = "x"};
    EXPECT_TRUE(calls_->OnFrame(net_, wire::MakeFrame(call)));
  }
  std::vector<wire::MemberResult> Answers() {
    std::vector<wire::MemberResult> results;
    for (const auto& sent : net_.Take(MessageType::kMemberAnswer)) {
      results.push_back(
          wire::Decode<wire::MemberAnswer>(sent.frame.body.bytes()).value().results.front());
    }
    return results;
  }

  transport::RecordingTransport net_;
  rpc::Identity self_ = rpc::MakeTestIdentity();
  rpc::HeadLink head_{"head", &self_};
  HeldExecutor executor_;
  int runs_ = 0;
  std::shared_ptr<WorkerCalls> calls_ = std::make_shared<WorkerCalls>(
      &head_,
      WorkerFunctions{{"where",
                       [this](const WorkerProgress& progress, const std::string& arguments) {
                         ++runs_;
                         return std::to_string(progress.job) + "/" +
                                std::to_string(progress.worker) + arguments;
                       }},
                      {"throw",
                       [](const WorkerProgress&, const std::string&) -> std::string {
                         throw std::runtime_error("no such row");
                       }}},
      &executor_);
};

TEST_F(WorkerCallsTest, TheHeadIsToldAgainUntilItKnows) {
  Serve(3, 1);
  const auto first = net_.Take(MessageType::kGroupServe);
  ASSERT_EQ(first.size(), 1U);
  net_.Advance(100ms);
  calls_->OnTurn(net_);
  EXPECT_TRUE(net_.Take(MessageType::kGroupServe).empty());
  net_.Advance(150ms);
  calls_->OnTurn(net_);
  const wire::GroupServe serve = Served();
  EXPECT_EQ((std::pair{serve.group, serve.member}), (std::pair{3U, 1U}));
  EXPECT_EQ(serve.functions, (std::vector<std::string>{"throw", "where"}));
  EXPECT_FALSE(calls_->next_turn());
  calls_->StopServing(net_);
  calls_->StopServing(net_);
  Confirm(first[0]);
  EXPECT_TRUE(calls_->next_turn()) << "that was the answer to something else";
  EXPECT_TRUE(Served().functions.empty());
  EXPECT_FALSE(calls_->next_turn());
}

TEST_F(WorkerCallsTest, ACallRunsOnceAwayFromTheLoop) {
  Serve(3, 1);
  Call(1, "where");
  Call(1, "where");
  EXPECT_TRUE(Answers().empty());
  executor_.RunAll();
  EXPECT_EQ(Answers().at(0).bytes, "3/1x");
  Call(1, "where");  // The answer was lost.
  EXPECT_EQ(Answers().at(0).bytes, "3/1x");
  EXPECT_EQ(runs_, 1);
  Call(2, "throw");
  executor_.RunAll();
  const wire::MemberResult failed = Answers().at(0);
  EXPECT_EQ(failed.code, StatusCode::kInvalidArgument);
  EXPECT_EQ(failed.message, "'throw' threw: no such row");
}

TEST_F(WorkerCallsTest, ItAnswersForTheJobThatItWorksFor) {
  Serve(3, 1);
  Call(1, "where");  // It came in time.
  calls_->StopServing(net_);
  Serve(4, 1);
  Call(2, "where");
  executor_.RunAll();
  const auto answers = Answers();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, StatusCode::kNotFound);
  EXPECT_EQ(answers[0].message, "the worker has left job 3 and answers no more for it");
  EXPECT_EQ(answers[1].bytes, "3/1x");
  Call(3, "where", 4);
  calls_ = nullptr;
  executor_.RunAll();
  EXPECT_TRUE(Answers().empty()) << "the worker has ended";
}

TEST_F(WorkerCallsTest, ARefusalIsItsOwnAndThoseOfTablesAreNot) {
  Serve(3, 1);
  const auto sent = net_.Take(MessageType::kGroupServe);
  const wire::Refused refused{.code = StatusCode::kResourceExhausted, .message = {}, .where = {}};
  EXPECT_FALSE(calls_->OnFrame(net_, wire::MakeFrame(refused, 3)));
  EXPECT_TRUE(calls_->next_turn());
  EXPECT_TRUE(calls_->OnFrame(net_, wire::MakeFrame(refused, sent.at(0).frame.header.request_id)));
  EXPECT_FALSE(calls_->next_turn());
}

}  // namespace
}  // namespace steelyard::job
