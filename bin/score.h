// Scoring: the margins of a model on the rows of an input, block by block, in input order.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "command.h"
#include "data/dataset.h"
#include "progress.h"
#include "saved_model.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Called with each block and margins[i] of its row i.
using ScoreVisitor =
    std::function<Status(const data::RowBlock& block, std::span<const double> margins)>;

/// What to score, and how its rows are read.
struct ScoreRequest {
  std::string activity;          ///< For the progress line: "predicting".
  bool labels_optional = false;  ///< Rows without label are read; weights are not.
};

/// Read the rows that `values` (DATA, --format, --schema, --label, --weight, --bad-rows-max, --quiet) describe, the way
/// `model` was trained, and visit their margins. Memory is bounded, whatever the input's size.
///
/// @return the number of rows that were skipped under --bad-rows-max.
/// Errors: kBadData  the input does not fit the model (another schema, ids against names), or a bad row.
Result<std::uint64_t> ScoreRows(const SavedModel& model, const Values& values,
                                const ScoreRequest& request, const ScoreVisitor& visit);

/// Return what differs between two schema texts besides comments and spacing, or an empty text.
std::string SchemaDifference(const std::string& trained, const std::string& given);

}  // namespace steelyard::cli
