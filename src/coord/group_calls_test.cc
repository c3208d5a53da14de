// Goal: the head says clearly why a call cannot be made, and keeps nothing of those who are gone.
// Method: membership and calls with the test as the clock and the programs. Faults: tests/simulation/member_calls_test.cc.
#include "coord/group_calls.h"

#include <gtest/gtest.h>

namespace steelyard::coord {
namespace {

using namespace std::chrono_literals;

class GroupCallsTest : public ::testing::Test {
 protected:
  NodeId Join(Incarnation incarnation) {
    std::vector<Departure> departed;
    return members_
        .Join(now_, incarnation,
              {.role = wire::Role::kClient,
               .incarnation = incarnation,
               .listen_address = {},
               .description = "pid " + std::to_string(incarnation)},
              departed)
        .value();
  }
  void Serve(NodeId program, std::uint32_t member, std::vector<std::string> functions) {
    calls_.Serve(program, 9, {.group = 1, .member = member, .functions = std::move(functions)},
                 out_);
  }
  void Call(NodeId caller, std::uint64_t number, std::uint32_t member,
            const std::string& function) {
    calls_.OnCall(now_, caller,
                  {.number = number,
                   .group = 1,
                   .member = member,
                   .patience_ns = 1'000'000'000,
                   .function = function,
                   .arguments = "x"},
                  out_);
  }
  /// The last frame that was sent to `to`, which must be a `Message`.
  template <typename Message>
  Message Last(NodeId to) {
    for (auto at = out_.rbegin(); at != out_.rend(); ++at) {
      if (at->to != to || at->frame.header.type != Message::kType) continue;
      return wire::Decode<Message>(at->frame.body.bytes()).value();
    }
    ADD_FAILURE() << "nothing of the kind was sent to " << to;
    return {};
  }
  wire::MemberAnswer Answer(std::uint64_t number, const std::string& bytes) {
    return {.number = number, .results = {{.member = 0, .message = {}, .bytes = bytes}}};
  }

  runtime::Time now_ = 100s;
  Membership members_{{}};
  GroupCalls calls_{&members_};
  std::vector<Outgoing> out_;
  NodeId caller_ = Join(1), one_ = Join(2), two_ = Join(3);
};

TEST_F(GroupCallsTest, EachMemberAnswersAndTheCallerHasItOnce) {
  Serve(one_, 4, {"f"});
  Serve(two_, 2, {"f", "g"});
  Call(caller_, 1, wire::kEveryMember, "f");
  EXPECT_EQ(Last<wire::MemberCall>(one_).member, 4U);
  EXPECT_EQ(Last<wire::MemberCall>(two_).member, 2U);
  const std::size_t sent = out_.size();
  Call(caller_, 1, wire::kEveryMember, "f");
  EXPECT_EQ(out_.size(), sent) << "a repeat runs it again";
  calls_.OnAnswer(one_, Answer(1, "one"), out_);
  calls_.OnAnswer(one_, Answer(1, "another"), out_);
  calls_.OnAnswer(caller_, Answer(1, "not asked"), out_);
  EXPECT_EQ(calls_.open_count(), 1U);
  calls_.OnAnswer(two_, Answer(1, "two"), out_);
  EXPECT_EQ(calls_.open_count(), 0U);
  const auto answer = Last<wire::MemberAnswer>(caller_);
  ASSERT_EQ(answer.results.size(), 2U);
  EXPECT_EQ(answer.results[0].member, 2U);
  EXPECT_EQ(answer.results[0].bytes, "two");
  EXPECT_EQ(answer.results[1].member, 4U);
  EXPECT_EQ(answer.results[1].bytes, "one");
  // A repeat is answered alike; once the caller has it, a late copy is not.
  out_.clear();
  Call(caller_, 1, wire::kEveryMember, "f");
  EXPECT_EQ(Last<wire::MemberAnswer>(caller_).results, answer.results);
  calls_.OnDone(caller_, {.number = 1, .floor = 2});
  out_.clear();
  Call(caller_, 1, wire::kEveryMember, "f");
  EXPECT_TRUE(out_.empty());
}

TEST_F(GroupCallsTest, AGroupThatIsTooLargeIsNotTakenForAllOfIt) {
  const auto why = [&](std::uint64_t number, std::uint32_t member) {
    Call(caller_, number, member, "f");
    return Last<wire::MemberAnswer>(caller_).results.at(0);
  };
  for (std::uint32_t member = 0; member < wire::kGroupMembersMax; ++member)
    Serve(one_, member, {"f"});
  out_.clear();
  Serve(two_, 256, {"f"});
  EXPECT_EQ(Last<wire::Refused>(two_).code, StatusCode::kResourceExhausted);
  for (const std::uint32_t member : {wire::kEveryMember, 256U}) {
    const auto result = why(member == 256 ? 1 : 2, member);
    EXPECT_EQ(result.code, StatusCode::kResourceExhausted);
    EXPECT_NE(result.message.find(
                  "the group of job 1 has 257 members, more than the 256 that can answer"),
              std::string::npos)
        << result.message;
  }
  EXPECT_EQ(calls_.open_count(), 0U);
  Call(caller_, 3, 7, "f");
  EXPECT_EQ(Last<wire::MemberCall>(one_).member, 7U) << "one of those that can answer";
  // Once the one too many has left, or is gone, the group is whole.
  Serve(two_, 256, {});
  Call(caller_, 4, wire::kEveryMember, "f");
  EXPECT_EQ(calls_.open_count(), 2U);
  Serve(two_, 256, {"f"});
  EXPECT_EQ(why(5, wire::kEveryMember).code, StatusCode::kResourceExhausted);
  calls_.OnDeparture(
      {.member = *members_.Find(two_), .why = Status(StatusCode::kUnavailable, "died")}, out_);
  Call(caller_, 6, wire::kEveryMember, "f");
  EXPECT_EQ(Last<wire::MemberAnswer>(caller_).results.size(), wire::kGroupMembersMax)
      << "one program has so many calls to answer that all are refused, each by its member";
}

TEST_F(GroupCallsTest, WhoCannotBeCalledIsSaid) {
  const auto why = [&](std::uint64_t number, std::uint32_t member, const std::string& function) {
    Call(caller_, number, member, function);
    return Last<wire::MemberAnswer>(caller_).results.at(0).message;
  };
  EXPECT_EQ(why(1, 0, "f"),
            "the group of job 1 has no member that answers functions: no such job runs now");
  Serve(one_, 4, {"f"});
  EXPECT_EQ(why(2, 0, "f"), "the group of job 1 has no member 0; it has 4");
  EXPECT_EQ(why(3, 4, "g"),
            "member 4 of the group of job 1 (client 2 (pid 2)) has no function 'g'; it has 'f'");
  out_.clear();
  Serve(two_, 4, {"f"});
  EXPECT_EQ(Last<wire::Refused>(two_).code, StatusCode::kInvalidArgument);
  Serve(two_, 4, {});  // It is not his to end.
  for (std::uint64_t number = 4; number < 4 + rpc::kOpenCallsMax / 2; ++number)
    Call(caller_, number, 4, "f");
  for (std::uint64_t number = 1; number <= rpc::kOpenCallsMax / 2; ++number)
    Call(two_, number, 4, "f");
  Call(two_, rpc::kOpenCallsMax, 4, "f");
  EXPECT_EQ(Last<wire::MemberAnswer>(two_).results[0].code, StatusCode::kResourceExhausted);
  Serve(one_, 4, {});
  EXPECT_EQ(why(rpc::kOpenCallsMax, 4, "f"),
            "the group of job 1 has no member that answers functions: no such job runs now");
}

TEST_F(GroupCallsTest, ThoseWhoAreGoneOrSilentEndTheirPart) {
  Serve(one_, 0, {"f"});
  Serve(two_, 1, {"f"});
  Call(caller_, 1, wire::kEveryMember, "f");
  calls_.OnDeparture(*members_.Remove(one_, Status(StatusCode::kUnavailable, "it died")), out_);
  EXPECT_EQ(calls_.open_count(), 1U);
  now_ += 999ms;
  calls_.OnWake(now_, out_);
  EXPECT_EQ(calls_.open_count(), 1U);
  now_ += 1ms;
  calls_.OnWake(now_, out_);
  const auto results = Last<wire::MemberAnswer>(caller_).results;
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].code, StatusCode::kUnavailable);
  EXPECT_EQ(results[0].message,
            "member 0 of the group of job 1 is gone and had not answered 'f', which may have run: "
            "it died");
  EXPECT_EQ(results[1].code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(results[1].message,
            "member 1 of the group of job 1 (client 3 (pid 3)) has not answered 'f' within 1 s; "
            "it may have run, or run yet");
  EXPECT_EQ(Last<wire::MemberDone>(two_).number, 1U);
  calls_.OnAnswer(two_, Answer(1, "late"), out_);  // Nobody waits for it.
  // A caller that dies: its callee is told, and answers into the void.
  Call(caller_, 2, 1, "f");
  EXPECT_EQ(calls_.open_count(), 1U);
  calls_.OnDeparture(*members_.Remove(caller_, Status(StatusCode::kUnavailable, "it died")), out_);
  EXPECT_EQ(calls_.open_count(), 0U);
  EXPECT_EQ(Last<wire::MemberDone>(two_).number, 2U);
  out_.clear();
  calls_.OnAnswer(two_, Answer(2, "late"), out_);
  for (const Outgoing& sent : out_) EXPECT_EQ(sent.to, two_);
}

}  // namespace
}  // namespace steelyard::coord
