// Small text files that the user names: configuration and schema.
#pragma once

#include <cstddef>
#include <string>

#include "steelyard/status.h"

namespace steelyard::cli {

/// Return the content of `path`.
/// @param flag  how the user named it, for messages: "--schema".
/// Errors: kNotFound  no such file; kBadData  a directory or larger than `bytes_max`; kIoError  unreadable.
Result<std::string> ReadTextFile(const std::string& path, std::size_t bytes_max,
                                 const std::string& flag);

}  // namespace steelyard::cli
