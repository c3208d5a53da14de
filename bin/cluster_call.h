// Questions to a running head, and the flag that names it.
#pragma once

#include <chrono>
#include <string>

#include "command.h"
#include "runtime/time.h"
#include "steelyard/status.h"
#include "wire/cluster_messages.h"

namespace steelyard::cli {

/// The option --cluster HOST:PORT of commands that need a cluster.
Option ClusterOption();

/// The positional JOB, a job's number, and what it was. Errors: kInvalidArgument.
Option JobOption();
Result<JobId> JobOf(const Values& values);

/// The switch --json.
Option JsonOption();

/// Return what --cluster says.
/// Errors: kInvalidArgument  it is no address; or it is missing: the message tells of the cluster that `up` started
///         here, if there is one.
Result<std::string> ClusterAddress(const Values& values);

/// Check an address of a head that was said as `flag`, before anybody waits for it. Errors: kInvalidArgument.
Status CheckHeadAddress(const std::string& flag, const std::string& address);

/// Ask the head at `address`. Blocks; Ctrl-C ends the process.
/// @param request  must be harmless when repeated.
/// Errors: what the head refused with; kUnavailable  no head answers in time.
Result<wire::Frame> AskHead(const std::string& address, wire::Frame request,
                            runtime::Duration patience = std::chrono::seconds(5));

/// As above; the answer must be an `Answer`.
template <typename Answer, typename Question>
Result<Answer> AskHead(const std::string& address, const Question& question,
                       runtime::Duration patience = std::chrono::seconds(5)) {
  return wire::DecodeAnswer<Answer>(AskHead(address, wire::MakeFrame(question), patience));
}

}  // namespace steelyard::cli
