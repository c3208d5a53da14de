// --config JOB.toml: training parameters from a file.
#pragma once

#include <string>
#include <vector>

#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// A parameter that a person gave, and where: path:line; empty for a flag.
struct SaidParameter {
  const job::Parameter* parameter = nullptr;
  std::string where;
};

/// Set in `parameters` what `text` says: `name = value` lines with the flags' names; lists are arrays.
///
/// @param path  for messages.
/// @param said  grows by what the text names.
/// Errors: kInvalidArgument  not TOML, an unknown or repeated key, a wrong kind of value, or one out of range; `where`
///         is path:line.
Status ApplyConfig(const std::string& path, const std::string& text,
                   job::TrainParameters& parameters, std::vector<SaidParameter>& said);

}  // namespace steelyard::cli
