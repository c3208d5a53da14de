// A batch learner whose work is counted, so that virtual time can go with the rows that a worker has.
#pragma once

#include <memory>

#include "job/batch_learner.h"
#include "steelyard/status.h"

namespace steelyard::simulation {

/// Work in units: what a step computes on an equal share of the rows.
struct WorkMeter {
  double units = 0.0;
  double units_taken = 0.0;  ///< Of those, what has become time.
};

/// Gradients of a step, taking its weights over, and a look at all rows' margins are a unit each. Adding an equal share of
/// the rows and arranging it take as long as some passes: kLoadUnits and kArrangeUnits.
inline constexpr double kLoadUnits = 160.0;
inline constexpr double kArrangeUnits = 40.0;

/// @param equal_share  of the rows.
Result<std::unique_ptr<job::BatchLearner>> MakeMetered(
    Result<std::unique_ptr<job::BatchLearner>> learner, double equal_share, WorkMeter* meter);

}  // namespace steelyard::simulation
