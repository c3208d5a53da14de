// Between a job's parameters and what its model says about itself.
#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/manifest.h"
#include "data/dataset.h"
#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// The one table of a linear model.
inline constexpr const char* kWeightsTable = "w";
/// What people are shown instead of its id or key.
inline constexpr const char* kInterceptName = "(intercept)";

/// "steelyard 0.1.0".
std::string ProgramName();

/// What a model trained with `parameters` on input of this format says; metrics and counts are the caller's to add.
checkpoint::ModelManifest ManifestOf(const job::TrainParameters& parameters, data::Format format,
                                     bool keys_are_ids);

/// The parameters that a model was trained with. Lists (the data's paths) stay empty.
/// Errors: kBadData  a parameter or task that this program does not know.
Result<job::TrainParameters> ParametersOf(const checkpoint::ModelManifest& manifest,
                                          const std::string& directory);

}  // namespace steelyard::cli
