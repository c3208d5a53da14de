// Help as text for a terminal and as the reference page, both from the table of commands.
#pragma once

#include <string>

#include "command.h"

namespace steelyard::cli {

/// `steelyard --help`: the commands and the exit codes.
std::string OverviewText();

/// `steelyard COMMAND --help`.
std::string CommandText(const Command& command);

/// docs/cli.md.
std::string ReferencePage();

}  // namespace steelyard::cli
