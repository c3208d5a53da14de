// train --dry-run: what a run would read, do and need, from a look at some of its rows.
#pragma once

#include "job/learner.h"
#include "job/parameters.h"
#include "job/submitter.h"
#include "output.h"
#include "steelyard/status.h"
#include "train_input.h"

namespace steelyard::cli {

/// The parameters under which the input of a dry run is opened: names are kept, to be shown.
job::TrainParameters DryRunParameters(job::TrainParameters parameters);

/// Read up to some ten thousand rows from all over the input and say what would be done with all of them.
/// @param input  opened with DryRunParameters().
/// Errors: those of reading, a bad row among them.
Result<DryRunReport> DescribeRun(const job::JobPlan& plan, const TrainInput& input);

}  // namespace steelyard::cli
