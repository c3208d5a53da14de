// Daemons: what the server and worker processes have in common.
#pragma once

#include <functional>
#include <string>

#include "command.h"
#include "hosted_node.h"
#include "runtime/real_loop.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// The flags of every daemon.
std::vector<Option> DaemonOptions();

/// Return OK when only this machine can connect to `address`; anything else needs TLS and tokens.
/// Errors: kInvalidArgument.
Status CheckLoopback(const std::string& address);

/// "pid 4711".
std::string ProcessDescription();

/// Write one line to standard error, which is this process's log.
void LogLine(const std::string& text);

/// Run `loop` until SIGINT, SIGTERM or a call of its Stop().
/// @return kCancelled for a signal, else what `failure` says of the node.
Status RunUntilEnd(runtime::RealLoop& loop, const std::function<Status()>& failure);

}  // namespace steelyard::cli
