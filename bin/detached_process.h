// Starting a process that outlives this one.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::cli {

/// Start a process in a session of its own: no terminal, no signal of ours reaches it. It reads /dev/null; what it writes
/// is appended to `log_path`.
/// @param argv  argv[0] is the path of the binary.
/// Errors: kIoError  it cannot be executed, or the log not be opened.
Result<pid_t> StartDetached(const std::vector<std::string>& argv, const std::string& log_path);

}  // namespace steelyard::cli
