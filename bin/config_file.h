// --config JOB.toml: training parameters from a file.
#pragma once

#include <string>

#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Set in `parameters` what `text` says: `name = value` lines with the flags' names; lists are arrays.
///
/// @param path  for messages.
/// Errors: kInvalidArgument  not TOML, an unknown or repeated key, a wrong kind of value, or one out of range; `where`
///         is path:line.
Status ApplyConfig(const std::string& path, const std::string& text,
                   job::TrainParameters& parameters);

}  // namespace steelyard::cli
