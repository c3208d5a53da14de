// Goal: messages of calls at members round-trip, and no damaged or excessive body is taken. Method: truncations, fields that lie.
#include "wire/member_messages.h"

#include <gtest/gtest.h>

namespace steelyard::wire {
namespace {

template <typename Message>
void ExpectWhole(const Message& message) {
  const Buffer body = Encode(message);
  const auto again = Decode<Message>(body.bytes());
  ASSERT_TRUE(again.ok()) << again.status().message();
  const Buffer same = Encode(again.value());
  ASSERT_EQ(same.size(), body.size());
  EXPECT_TRUE(std::equal(same.bytes().begin(), same.bytes().end(), body.bytes().begin()));
  for (std::size_t size = 0; size < body.size(); ++size)
    EXPECT_FALSE(Decode<Message>(body.bytes().first(size)).ok()) << size;
}

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
