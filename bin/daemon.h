// Daemons: what the head, server and worker processes have in common.
#pragma once

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

/// Run a server or worker until SIGINT or SIGTERM.
///
/// It waits for its head, however long, and says so. When the head is gone or declared this process dead, what the node
/// held is worthless: it starts anew and waits again. With --once it ends instead.
/// @param name    "server", "worker".
/// @param listen  where to take connections; empty for nowhere.
/// Errors: kCancelled    a signal.
///         kUnavailable  the port is in use, the head refuses this program for good, or, with --once, the head is gone.
Status RunMember(const Values& values, const std::string& name, const std::string& listen,
                 const MakeMember& make);

}  // namespace steelyard::cli
