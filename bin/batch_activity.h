// What a batch solver is at, for progress lines and lists of jobs.
#pragma once

#include <string>

#include "wire/job_messages.h"

namespace steelyard::cli {

/// Of all features, those that the last pass left out; 0 before they are counted.
double SettledFraction(const wire::BatchStatus& status);

/// "loading", "pass 12  objective 8673.81  93 % of 81,056 features left out", "certifying".
std::string BatchActivity(wire::Phase phase, const wire::BatchStatus& batch);

}  // namespace steelyard::cli
