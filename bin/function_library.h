// Shared libraries with users' updaters and functions: the only place that loads code, and only what is allowed by name.
#pragma once

#include <memory>
#include <string>

#include "command.h"
#include "steelyard/status.h"

namespace steelyard::table {
class CustomFunctions;
}  // namespace steelyard::table

namespace steelyard::cli {

/// --updaters FILE.
Option UpdatersOption();

/// Load the libraries that the file of --updaters allows: lines as sha256sum prints them, a SHA-256 and an absolute path.
///
/// List and libraries must be regular files of root or of this user that nobody else may write, and no symbolic link may
/// lie on their paths. A library is read once, and what was read and hashed is what is loaded. They stay loaded.
/// @return null when `list` is empty.
/// Errors: kInvalidArgument  one of those is not so, a hash is another one, no library of Steelyard functions, another
///         version, or a name that is taken; kNotFound, kIoError.
Result<std::shared_ptr<const table::CustomFunctions>> LoadFunctionLibraries(
    const std::string& list);

}  // namespace steelyard::cli
