// Parquet inputs: rows from columns, by a schema.
#pragma once

#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/input_files.h"

namespace steelyard::data {

/// Read the footers, bind the schema to each file.
Result<std::unique_ptr<Dataset>> OpenParquet(const std::vector<ProbedFile>& probed,
                                             const DatasetOptions& options);

}  // namespace steelyard::data
