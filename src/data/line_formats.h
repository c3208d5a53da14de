// Line formats: libsvm, libFM, libffm, VW text and Criteo logs, whose rows are lines that need no schema.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/input_files.h"

namespace steelyard::data {

/// Errors: kInvalidArgument  a schema or a weight column, which these formats have no use for.
Result<std::unique_ptr<Dataset>> OpenLines(Format format, std::vector<ProbedFile> probed,
                                           const DatasetOptions& options);

}  // namespace steelyard::data
