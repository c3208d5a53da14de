// From the words of a command line to a command's values.
#pragma once

#include <string>
#include <vector>

#include "command.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Split `arguments` (without program and command) into the values of `command`'s options.
/// Errors: kInvalidArgument  an unknown flag (with its near miss), a flag without its value, a missing or
///         superfluous argument.
Result<Values> ParseCommandLine(const Command& command, const std::vector<std::string>& arguments);

/// True when the words ask for help: -h or --help before any "--".
bool AsksForHelp(const std::vector<std::string>& arguments);

}  // namespace steelyard::cli
