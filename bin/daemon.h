// Daemons: what the head, server and worker processes have in common.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "hosted_node.h"
#include "rpc/head_link.h"
#include "runtime/real_loop.h"
#include "steelyard/status.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {

/// Where a head listens unless told otherwise.
inline constexpr const char* kHeadAddress = "127.0.0.1:4070";

/// The flags of a daemon that joins a head: --head, --once.
std::vector<Option> MemberOptions();
/// How many shards a server process has: --shards.
Option ShardsOption();
/// Errors: kInvalidArgument.
Result<std::uint64_t> ShardsOf(const Values& values);
/// The flags of a daemon that listens: --listen, --insecure-allow-remote.
std::vector<Option> ListenOptions(const std::string& default_address);

/// Return OK when only this machine can connect to `address`, or when --insecure-allow-remote was given.
/// Errors: kInvalidArgument.
Status CheckListen(const Values& values, const std::string& address);

/// "pid 4711".
std::string ProcessDescription();

/// Write one line with the time to standard error, which is this process's log.
void LogLine(const std::string& text);

/// Says each minute that anybody may connect, while it lives.
///
/// Threads: confined to the loop.
class RemoteWarning {
 public:
  /// @param values  those of the command; without --insecure-allow-remote nothing is said.
  RemoteWarning(runtime::RealLoop& loop, const Values& values, std::string address);

 private:
  void Warn();

  runtime::RealLoop& loop_;
  std::string address_;
  runtime::RealAlarm alarm_;
};

/// A node that belongs to a head's cluster.
class Member {
 public:
  virtual ~Member() = default;
  virtual transport::Node& node() = 0;
  /// Not OK once it cannot go on.
  virtual const Status& failure() const = 0;
  virtual const rpc::HeadLink& head() const = 0;
};

/// Makes a node on this loop and transport. @param address  where the transport listens; empty for nowhere.
using MakeMember = std::function<std::unique_ptr<Member>(
    runtime::RealLoop& loop, transport::Transport& transport, const std::string& address)>;

/// What a process runs, and how many of them: each on a loop and a thread of its own.
struct MemberKind {
  std::string name;  ///< "server", "worker".
  std::string
      listen;  ///< Where the first takes connections, the others at ports behind; empty for nowhere.
  std::size_t count = 1;
};

/// Run servers or workers until SIGINT or SIGTERM.
///
/// They wait for their head, however long, and say so. When the head is gone or declared one dead, what that one held is
/// worthless: it starts anew and waits again. With --once, and when one cannot go on, all end.
/// @param make  is called by each one's thread.
/// Errors: kCancelled    a signal.
///         kUnavailable  the port is in use, the head refuses this program for good, or, with --once, the head is gone.
Status RunMembers(const Values& values, const MemberKind& kind, const MakeMember& make);

}  // namespace steelyard::cli
