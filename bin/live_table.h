// Tables of a live cluster.
#pragma once

#include "command.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Write every row of a table of --cluster as text, in key order: `table dump --cluster`.
Status DumpLiveTable(const Values& values);

}  // namespace steelyard::cli
