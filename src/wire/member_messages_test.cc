// Goal: messages of calls at members round-trip, and no damaged or excessive body is taken. Method: truncations, fields that lie.
#include "wire/member_messages.h"

#include <gtest/gtest.h>

#include "wire/test_whole.h"

namespace steelyard::wire {
namespace {

MemberCall Sample() {
  return {.number = 5, .floor = 4, .group = 1, .member = 2, .function = "f", .arguments = "x"};
}

TEST(MemberMessages, RoundTripAndNothingShorter) {
  ExpectWhole(GroupServe{7, 1, {"add", "who"}});
  ExpectWhole(GroupServed{7, 1});
  ExpectWhole(Sample());
  ExpectWhole(
      MemberAnswer{5, {{0, StatusCode::kOk, "", "1"}, {1, StatusCode::kUnavailable, "gone", ""}}});
  ExpectWhole(MemberDone{5, 6});
}

template <typename Message>
bool Taken(const Message& message) {
  return Decode<Message>(Encode(message).bytes()).ok();
}

TEST(MemberMessages, LimitsHold) {
  MemberCall call = Sample();
  call.arguments.assign(kCallBytesMax, 'x');
  EXPECT_TRUE(Taken(call));
  call.arguments += 'x';
  EXPECT_FALSE(Taken(call));
  call = Sample();
  call.floor = call.number + 1;
  EXPECT_FALSE(Taken(call));
  call = Sample();
  call.function.clear();
  EXPECT_FALSE(Taken(call));
  EXPECT_FALSE(Taken(GroupServe{0, 1, {"f"}}));
  EXPECT_FALSE(Taken(GroupServe{1, kEveryMember, {"f"}}));
  EXPECT_FALSE(Taken(GroupServe{1, 1, {std::string(kFunctionNameMax + 1, 'f')}}));
  EXPECT_FALSE(Taken(MemberAnswer{5, {}}));
  EXPECT_FALSE(Taken(MemberAnswer{5, std::vector<MemberResult>(kGroupMembersMax + 1)}));
  EXPECT_FALSE(Taken(MemberAnswer{5, {{0, static_cast<StatusCode>(99), "", ""}}}));
}

}  // namespace
}  // namespace steelyard::wire
