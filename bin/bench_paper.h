// steelyard bench paper: its flags, and running it.
#pragma once

#include <vector>

#include "command.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// The flags of `bench` that are for `bench paper` alone.
std::vector<Option> PaperOptions();

/// Run the comparison, print it, draw it.
Status RunBenchPaper(const Values& values);

}  // namespace steelyard::cli
