// Goal: CALL and its answer round-trip, and no damaged body is taken for whole.
// Method: round trips, every truncation, fields that lie.
#include "wire/call_messages.h"

#include <gtest/gtest.h>

#include "wire/test_whole.h"

namespace steelyard::wire {
namespace {

Call SampleCall() {
  return {.table = 5,
          .stream = 2,
          .session = 3,
          .ts = 9,
          .acked_ts = 8,
          .step = 1,
          .through_step = 1,
          .first = 10,
          .last = 99,
          .function = "axpy",
          .arguments = {Argument(std::uint64_t{1}), Argument(2.5), Argument("text")},
          .entries = {{0, 1, 0}, {3, 2, 7}}};
}

CallResponse SampleResponse() {
  CallResult result{.segment = 3, .code = EntryCode::kGap, .detail = 4};
  result.status = StatusCode::kInvalidArgument;
  result.message = "no";
  result.answer = {.numbers = {1.5, -2}, .keys = {7}};
  return {.table = 5, .stream = 2, .session = 3, .ts = 9, .results = {CallResult{}, result}};
}

TEST(CallMessages, RoundTrip) {
  const Call call = SampleCall();
  const auto again = Decode<Call>(Encode(call).bytes());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again.value().arguments, call.arguments);
  EXPECT_EQ(again.value().entries, call.entries);
  EXPECT_EQ(again.value().function, "axpy");
  EXPECT_EQ(again.value().last, 99U);
  const auto response = Decode<CallResponse>(Encode(SampleResponse()).bytes());
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response.value().results, SampleResponse().results);
}

TEST(CallMessages, RefuseEveryTruncation) {
  ExpectWhole(SampleCall());
  ExpectWhole(SampleResponse());
}

void ExpectRefused(const Call& call, const std::string& why) {
  const auto decoded = Decode<Call>(Encode(call).bytes());
  ASSERT_FALSE(decoded.ok()) << why;
  EXPECT_NE(decoded.status().message().find(why), std::string::npos) << decoded.status().message();
}

TEST(CallMessages, RefuseFieldsThatCannotBe) {
  Call call = SampleCall();
  call.first = 100;
  ExpectRefused(call, "ends before it begins");
  call = SampleCall();
  call.function.clear();
  ExpectRefused(call, "name");
  call = SampleCall();
  call.acked_ts = 9;
  ExpectRefused(call, "acknowledged");
  call = SampleCall();
  call.arguments.resize(kCallArgumentsMax + 1);
  ExpectRefused(call, "too many");
  CallResponse response = SampleResponse();
  response.results[0].status = static_cast<StatusCode>(10);
  EXPECT_FALSE(Decode<CallResponse>(Encode(response).bytes()).ok());
}

TEST(CallMessages, RefuseAnUnknownKindOfArgument) {
  Call call = SampleCall();
  call.arguments = {Argument(2.5)};
  const Buffer body = Encode(call);
  std::vector<std::byte> bytes(body.bytes().begin(), body.bytes().end());
  // Behind the fixed fields, the name and the count.
  const std::size_t kind = 4 + 4 + 7 * 8 + (4 + 4) + 4;
  ASSERT_EQ(bytes.at(kind), std::byte{0});
  bytes[kind] = std::byte{3};
  EXPECT_FALSE(Decode<Call>(bytes).ok());
}

}  // namespace
}  // namespace steelyard::wire
