// Goal: programs call functions of others by name: answers, order after tasks, sub-tasks, and errors that name the member.
// Method: a head, servers and connections of this process over real sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "api/test_cluster.h"

namespace steelyard {
namespace {

constexpr WorkerGroup kGroup = WorkerGroup::Numbered(4);

class MemberFunctionsTest : public ClusterTest {};

GroupMember At(std::uint32_t member) {
  return {.group = kGroup, .member = member};
}
MemberFunction Fixed(const std::string& answer) {
  return [answer](const std::string&) { return Result<std::string>(answer); };
}

TEST_F(MemberFunctionsTest, OneAnswersAndAllAnswer) {
  Cluster one = Connect(), two = Connect(), caller = Connect();
  std::string bytes(kMemberBytesMax, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  const auto turn = [](const std::string& arguments) {
    return Result<std::string>(std::string(arguments.rbegin(), arguments.rend()));
  };
  ASSERT_TRUE(one.Serve(At(1), {{"turn", turn}, {"who", Fixed("one")}}).ok());
  ASSERT_TRUE(two.Serve(At(7), {{"who", Fixed("two")}}).ok());
  const auto turned = caller.CallMember(At(1), "turn", bytes).result.get();
  ASSERT_TRUE(turned.ok()) << turned.status().ToString();
  EXPECT_EQ(turned.value(), std::string(bytes.rbegin(), bytes.rend()));
  // A member calls another one and itself, as anybody does.
  EXPECT_EQ(one.CallMember(At(7), "who").result.get().value(), "two");
  EXPECT_EQ(one.CallMember(At(1), "who").result.get().value(), "one");
  const auto all = caller.CallGroup(kGroup, "who").result.get();
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  ASSERT_EQ(all.value().size(), 2U);
  EXPECT_EQ(all.value()[0].member, 1U);
  EXPECT_EQ(all.value()[0].bytes, "one");
  EXPECT_EQ(all.value()[1].member, 7U);
  EXPECT_EQ(all.value()[1].bytes, "two");
  // One of them lacks the function: it says so, the other one has answered.
  const auto some = caller.CallGroup(kGroup, "turn", "ab").result.get();
  ASSERT_TRUE(some.ok());
  EXPECT_EQ(some.value()[0].bytes, "ba");
  EXPECT_EQ(some.value()[1].status.code(), StatusCode::kNotFound);
  EXPECT_NE(some.value()[1].status.message().find("has no function 'turn'; it has 'who'"),
            std::string::npos)
      << some.value()[1].status.message();
}

TEST_F(MemberFunctionsTest, WhatIsWrongIsSaid) {
  Cluster one = Connect(), other = Connect();
  const auto fails = [](const std::string&) -> Result<std::string> {
    return Status(StatusCode::kBadData, "row 3 is empty");
  };
  const auto throws = [](const std::string&) -> Result<std::string> {
    throw std::runtime_error("no luck");
  };
  ASSERT_TRUE(one.Serve(At(0), {{"fails", fails},
                                {"throws", throws},
                                {"large", Fixed(std::string(kMemberBytesMax + 1, 'x'))}})
                  .ok());
  const auto error = [&](GroupMember at, const std::string& function, std::string arguments = {}) {
    const auto answer = other.CallMember(at, function, std::move(arguments)).result.get();
    return answer.ok() ? std::string("OK") : answer.status().ToString();
  };
  EXPECT_EQ(error(At(0), "fails"), "row 3 is empty");
  EXPECT_EQ(error(At(0), "throws"), "'throws' threw: no luck");
  EXPECT_EQ(error(At(0), "large"),
            "'large' answers 65537 bytes, more than 65536; what is larger belongs in a table");
  EXPECT_EQ(error(At(0), "fails", std::string(kMemberBytesMax + 1, 'x')),
            "arguments of 65537 bytes for 'fails', more than 65536; what is larger belongs in a "
            "table");
  EXPECT_EQ(error(At(5), "fails"), "group 4 has no member 5; it has 0");
  EXPECT_EQ(error({WorkerGroup::Numbered(9), 0}, "fails"),
            "group 9 has no member that answers functions");
  EXPECT_NE(error(At(0), ""), "OK");
  const auto nobody = other.CallGroup(WorkerGroup::Numbered(9), "fails").result.get();
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.status().code(), StatusCode::kNotFound);

  const Status taken = other.Serve(At(0), {{"f", Fixed("")}});
  EXPECT_EQ(taken.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(taken.message().find("is there already"), std::string::npos) << taken.ToString();
  EXPECT_EQ(other.Serve(At(1), {}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(other.Serve(At(1), {{"", Fixed("")}}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(other.Serve(At(1), {{"f", nullptr}}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(other.Serve({WorkerGroup{}, 1}, {{"f", Fixed("")}}).code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(one.StopServing(At(0)).ok());
  EXPECT_EQ(error(At(0), "fails"), "group 4 has no member that answers functions");
  EXPECT_TRUE(other.Serve(At(0), {{"f", Fixed("now me")}}).ok());
  EXPECT_EQ(one.CallMember(At(0), "f").result.get().value(), "now me");
}

TEST_F(MemberFunctionsTest, ACallRunsAfterTasksAndEndsAfterItsOwn) {
  Cluster callee = Connect(), caller = Connect();
  Table theirs = Create(caller, "t");
  Table table = callee.OpenTable("t").value();
  // It gives a push and does not wait for it: the call does.
  const auto add = [&table](const std::string& key) {
    (void)table.Push({std::stoull(key)}, {1.0F});
    return Result<std::string>("given");
  };
  const auto read = [&table](const std::string& key) -> Result<std::string> {
    const auto values = table.Pull({std::stoull(key)}).get();
    if (!values.ok()) return values.status();
    return std::to_string(static_cast<int>(values.value()[0]));
  };
  const auto wrong = [&table](const std::string&) {
    (void)table.Push({2, 1}, {1.0F, 1.0F});
    return Result<std::string>("given");
  };
  ASSERT_TRUE(callee.Serve(At(0), {{"add", add}, {"read", read}, {"wrong", wrong}}).ok());
  for (int round = 1; round <= 50; ++round) {
    ASSERT_EQ(caller.CallMember(At(0), "add", "5").result.get().value(), "given");
    ASSERT_EQ(theirs.Pull({5}).get().value()[0], static_cast<float>(round));
  }
  // After own pushes, and a push after the call: an edge in each direction.
  auto push = theirs.Push({9}, {4.0F}, TaskOptions{});
  auto call = caller.CallMember(At(0), "read", "9", {.after = {push.task}});
  auto later = theirs.Push({9}, {4.0F}, TaskOptions{.after = {call.task}});
  EXPECT_EQ(call.result.get().value(), "4");
  EXPECT_TRUE(later.result.get().ok());
  EXPECT_EQ(caller.CallMember(At(0), "read", "9").result.get().value(), "8");

  // What it gave fails, so the call does, and what comes after the call.
  auto failing = caller.CallMember(At(0), "wrong");
  auto never = caller.CallMember(At(0), "add", "77", {.after = {failing.task}});
  const auto failed = failing.result.get();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(failed.status().message().find("keys must be sorted and unique"), std::string::npos)
      << failed.status().ToString();
  const auto unrun = never.result.get();
  ASSERT_FALSE(unrun.ok());
  EXPECT_NE(unrun.status().message().find("was not run"), std::string::npos);
}

TEST_F(MemberFunctionsTest, AGateComesBeforeACall) {
  Cluster member = Connect(), caller = Connect();
  Table theirs = Create(caller, "t");
  Table table = member.OpenTable("t").value();
  const WorkerGroup trains = WorkerGroup::Numbered(5);
  ASSERT_TRUE(table.Join({.group = trains}).ok());
  std::atomic<int> steps = 0;
  const auto count = [&](const std::string&) { return Result<std::string>(std::to_string(steps)); };
  ASSERT_TRUE(member.Serve(At(0), {{"steps", count}}).ok());
  auto gate = theirs.Pull({}, TaskOptions{.gate = Gate{trains, 2}});
  auto call = caller.CallMember(At(0), "steps", {}, {.after = {gate.task}});
  for (Step step = 0; step < 3; ++step) {
    EXPECT_NE(call.result.wait_for(5ms), std::future_status::ready);
    ++steps;
    ASSERT_TRUE(table.Push({1}, {1.0F}, {.step = step}).result.get().ok());
  }
  EXPECT_EQ(call.result.get().value(), "3");
}

TEST_F(MemberFunctionsTest, WhoDoesNotAnswerIsNamed) {
  Cluster one = Connect(), caller = Connect();
  std::promise<void> open;
  const std::shared_future<void> gate = open.get_future().share();
  const auto waits = [gate](const std::string&) {
    gate.wait();
    return Result<std::string>("late");
  };
  ASSERT_TRUE(one.Serve(At(0), {{"waits", waits}, {"who", Fixed("one")}}).ok());
  auto gone = std::make_unique<Cluster>(Connect());
  ASSERT_TRUE(gone->Serve(At(1), {{"who", Fixed("two")}}).ok());
  ASSERT_TRUE(gone->Serve(At(2), {{"waits", waits}}).ok());
  const auto late = caller.CallMember(At(0), "waits", {}, {.patience = 100ms}).result.get();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.status().message().find("member 0 of group 4 (client "), 0U)
      << late.status().ToString();
  EXPECT_NE(late.status().message().find("has not answered 'waits' within 100 ms"),
            std::string::npos);
  // It still runs: what comes after waits for it, no longer than its own patience.
  auto behind = caller.CallMember(At(0), "who");
  auto both = caller.CallGroup(kGroup, "waits", {}, {.patience = 100ms});
  const auto answers = both.result.get();
  ASSERT_TRUE(answers.ok());
  ASSERT_EQ(answers.value().size(), 3U);
  EXPECT_EQ(answers.value()[0].status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(answers.value()[1].status.code(), StatusCode::kNotFound);
  EXPECT_EQ(answers.value()[2].status.code(), StatusCode::kDeadlineExceeded);
  auto dying = caller.CallMember(At(2), "waits");
  std::thread ends([&gone] { gone.reset(); });  // Its function holds it up; the head need not wait.
  open.set_value();
  ends.join();
  EXPECT_EQ(behind.result.get().value(), "one");
  const auto died = dying.result.get();
  if (!died.ok()) {
    EXPECT_EQ(died.status().code(), StatusCode::kUnavailable) << died.status().ToString();
  }
  const auto after = caller.CallMember(At(2), "waits").result.get();
  EXPECT_FALSE(after.ok());
}

TEST_F(MemberFunctionsTest, MoreThanMayBeOpenAreRefusedAndTheOthersAnswered) {
  Cluster one = Connect(), caller = Connect();
  std::promise<void> open;
  const std::shared_future<void> gate = open.get_future().share();
  std::atomic<int> runs = 0;
  ASSERT_TRUE(one.Serve(At(0), {{"waits",
                                 [&, gate](const std::string&) {
                                   gate.wait();
                                   ++runs;
                                   return Result<std::string>("done");
                                 }}})
                  .ok());
  std::vector<Submitted<Result<std::string>>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(caller.CallMember(At(0), "waits"));
  EXPECT_EQ(calls.back().result.get().status().code(), StatusCode::kResourceExhausted);
  calls.pop_back();
  open.set_value();
  int answered = 0;
  for (auto& call : calls) answered += call.result.get().ok() ? 1 : 0;
  EXPECT_EQ(answered, 64);
  EXPECT_EQ(runs, 64);
}

}  // namespace
}  // namespace steelyard
