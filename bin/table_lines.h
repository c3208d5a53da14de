// Lines of a table as text: key, tab, values.
#pragma once

#include <cstdint>
#include <span>

#include "output_file.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Write "LABEL<TAB>VALUE<TAB>VALUE...". Errors: kIoError.
Status WriteTableLine(std::uint64_t label, std::span<const float> values, OutputFile& out);

}  // namespace steelyard::cli
