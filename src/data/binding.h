// ColumnBinding: which columns of one file the schema uses.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/label.h"
#include "data/schema.h"

namespace steelyard::data {

struct ColumnBinding {
  std::vector<std::uint32_t> features;  ///< [schema.features] index of the column.
  std::optional<std::uint32_t> label;   ///< Absent only where labels are optional.
  std::optional<std::uint32_t> weight;
  std::optional<std::uint32_t> order;
};

/// Errors: kBadData  a column that the file lacks (near miss named) or has twice.
Result<ColumnBinding> BindColumns(const Schema& schema, std::span<const std::string> columns,
                                  const std::string& data_file, bool labels_optional);

/// The schema of `options`, with the columns that the command line overrides.
/// Errors: kBadData (the schema is wrong), kInvalidArgument (there is none; shows one over `columns`).
Result<Schema> SchemaOf(const DatasetOptions& options, std::span<const std::string> columns,
                        const std::string& data_file);

/// How labels are read: the command line's rule, else the schema's `positive` for a binary label, else the plain kind.
/// Errors: kInvalidArgument.
Result<LabelMap> LabelMapOf(const DatasetOptions& options, const std::string& positive);

}  // namespace steelyard::data
