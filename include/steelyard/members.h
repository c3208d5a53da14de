// Functions that programs answer as members of a group: they are called by name, at one member or at all of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/task.h"

namespace steelyard {

/// A program's place in a group, by a number that it chooses; each program of a group another.
struct GroupMember {
  WorkerGroup group;
  std::uint32_t member = 0;  ///< Below 2^32 - 1.
};

/// What a program answers when it is called: bytes for bytes, both of 64 KiB at most (larger things go in a table).
///
/// It may push, pull and call, and wait for that or not: the call has finished when it has returned and each push, pull
/// with options and call that it gave on this connection has; if one of them fails, so does the call. What it throws ends
/// the call with kInvalidArgument and the text.
///
/// Ownership: kept until StopServing() or the end of the connection; it must not own a handle (Cluster, Table) of the
///            connection that serves it: capture those by reference.
/// Threads:   one of the connection's own, one call at a time. One that calls a member which calls back waits for itself
///            until the patience of the call ends it.
using MemberFunction = std::function<Result<std::string>(const std::string& arguments)>;

/// By name, of 256 bytes at most; up to 256.
using MemberFunctions = std::map<std::string, MemberFunction>;

inline constexpr std::size_t kMemberBytesMax = std::size_t{64} << 10;

/// What a call waits for, and for how long others wait for it.
struct MemberCallOptions {
  /// Run after these tasks of the same connection have finished; if one has failed, fail and name it. A pull of no keys
  /// with a gate stands for "a worker group is through a step".
  std::vector<Task> after{};
  /// From when the call reaches the head; whoever has not answered then is named.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
};

/// What one member of a group answered.
struct MemberAnswer {
  std::uint32_t member = 0;
  Status status;
  std::string bytes;
};

}  // namespace steelyard
