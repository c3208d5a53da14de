// Says how a command failed: one line for a person, one object for a script.
#pragma once

#include <string_view>

#include "steelyard/status.h"

namespace steelyard::cli {

/// Print `failure` on standard error, and as a JSON object on standard output if `json`.
/// @param command  stands in for the place of the fault when the status names none; may be empty.
/// @return the exit code.
int ReportFailure(const Status& failure, std::string_view command, bool json);

}  // namespace steelyard::cli
