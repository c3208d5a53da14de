// The flags of `train` and of the commands that share some of them, out of the parameter table.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"
#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// The options of every parameter that may be typed, in the order of the table.
std::vector<Option> TrainOptions();

/// The options of these parameters, in this order, under the heading `group`.
std::vector<Option> TrainOptions(std::initializer_list<std::string_view> names,
                                 std::string_view group);

/// Turn what was typed into parameters: defaults, then the --config file, then the flags; the schema file is read.
///
/// Values of options that are no training parameters are left alone. Not validated as a whole.
/// Errors: kInvalidArgument; kNotFound  no such configuration or schema file.
Result<job::TrainParameters> ReadTrainParameters(const Values& values);

}  // namespace steelyard::cli
