// Messages of calls at members of a group: who answers which functions, a call, its answer, and that the answer was taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/frame.h"
#include "wire/message_codec.h"

namespace steelyard::wire {

/// Arguments of a call, and what one member answers; what is larger belongs in a table.
inline constexpr std::size_t kCallBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kGroupMembersMax = 256;
inline constexpr std::size_t kMemberFunctionsMax = 256;
inline constexpr std::size_t kFunctionNameMax = 256;
/// Instead of a member's number: every member that the group has when the call reaches the head.
inline constexpr std::uint32_t kEveryMember = ~std::uint32_t{0};

namespace internal {
inline Status CheckCallBytes(const std::string& bytes) {
  return bytes.size() <= kCallBytesMax ? Status()
                                       : Status(StatusCode::kCorruption, "more than 64 KiB");
}
inline Status CheckFunctionName(const std::string& name) {
  return !name.empty() && name.size() <= kFunctionNameMax
             ? Status()
             : Status(StatusCode::kCorruption, "a function has a name of 1 to 256 bytes");
}
}  // namespace internal

/// Client to head: from now on I am this member of the group and answer these functions; none: no more. Answered by
/// GROUP_SERVED; the same again changes nothing.
struct GroupServe {
  static constexpr MessageType kType = MessageType::kGroupServe;
  std::uint32_t group = 0;
  std::uint32_t member = 0;
  std::vector<std::string> functions;
  template <typename V>
  void Fields(V& v) {
    v(group, member, functions);
  }
  Status Check() const {
    if (group == 0 || member == kEveryMember) return {StatusCode::kCorruption, "no such member"};
    if (functions.size() > kMemberFunctionsMax) return {StatusCode::kCorruption, "too many"};
    for (const std::string& name : functions) SY_RETURN_IF_ERROR(internal::CheckFunctionName(name));
    return {};
  }
};

/// Answers GROUP_SERVE.
struct GroupServed {
  static constexpr MessageType kType = MessageType::kGroupServed;
  std::uint32_t group = 0;
  std::uint32_t member = 0;
  template <typename V>
  void Fields(V& v) {
    v(group, member);
  }
  Status Check() const { return {}; }
};

/// Client to head, and head to each member called: run a function. Repeated until it is answered.
struct MemberCall {
  static constexpr MessageType kType = MessageType::kMemberCall;
  std::uint64_t number = 0;  ///< Counts up on each connection and in each direction, from 1.
  std::uint64_t floor = 1;   ///< The sender has the answers of all smaller numbers.
  std::uint32_t group = 0;
  std::uint32_t member = kEveryMember;
  std::uint64_t patience_ns = 0;  ///< From when it reaches the head.
  std::string function;
  std::string arguments;
  template <typename V>
  void Fields(V& v) {
    v(number, floor, group, member, patience_ns, function, arguments);
  }
  Status Check() const {
    if (floor == 0 || floor > number)
      return {StatusCode::kCorruption, "answered before it is sent"};
    SY_RETURN_IF_ERROR(internal::CheckFunctionName(function));
    return internal::CheckCallBytes(arguments);
  }
};

/// What came of a call at one member.
struct MemberResult {
  std::uint32_t member = 0;
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::string bytes;  ///< What the function answers.
  template <typename V>
  void Fields(V& v) {
    v(member, code, message, bytes);
  }
  bool operator==(const MemberResult&) const = default;
};

/// Answers MEMBER_CALL: one result for each member called, by number. A call that reached nobody has one of
/// kEveryMember.
struct MemberAnswer {
  static constexpr MessageType kType = MessageType::kMemberAnswer;
  std::uint64_t number = 0;
  std::vector<MemberResult> results;
  template <typename V>
  void Fields(V& v) {
    v(number, results);
  }
  Status Check() const {
    if (results.empty() || results.size() > kGroupMembersMax)
      return {StatusCode::kCorruption, "1 to 256 results"};
    for (const MemberResult& result : results) {
      if (result.code > StatusCode::kCancelled) return {StatusCode::kCorruption, "unknown code"};
      SY_RETURN_IF_ERROR(internal::CheckCallBytes(result.bytes));
      SY_RETURN_IF_ERROR(internal::CheckCallBytes(result.message));
    }
    return {};
  }
};

/// Sender of MEMBER_CALL to its receiver: forget the answer of `number` and everything below `floor`, and never run
/// them any more. May be lost: the next one says as much.
struct MemberDone {
  static constexpr MessageType kType = MessageType::kMemberDone;
  std::uint64_t number = 0;
  std::uint64_t floor = 1;
  template <typename V>
  void Fields(V& v) {
    v(number, floor);
  }
  Status Check() const { return {}; }
};

}  // namespace steelyard::wire
