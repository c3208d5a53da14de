// What a table is to be, by flags: for the commands that make one on a cluster.
#pragma once

#include <string>
#include <vector>

#include "command.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"

namespace steelyard::cli {

/// The positional NAME.
Option TableNameOption();
/// --updater, its parameters, and --segments. @param updaters  which ones, and what they do.
std::vector<Option> NewTableOptions(const std::string& updaters);

/// --at-least X: which rows count. @param help  what becomes of them.
Option AtLeastOption(const std::string& help);
/// Errors: kInvalidArgument  not a number >= 0.
Result<float> AtLeastOf(const Values& values);

/// The table that NAME and those flags describe. @param width  values a key.
/// Errors: kInvalidArgument  a number that is none, an updater that does not exist, a name that cannot be.
Result<TableOptions> NewTableOf(const Values& values, std::uint32_t width);

/// A person should rather be told that there is no server than wait for one.
/// Errors: kUnavailable  no head answers, or its cluster has no server.
Status CheckHasServers(const std::string& cluster);

}  // namespace steelyard::cli
