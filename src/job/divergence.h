// Training that diverges: numbers grow beyond what a 32-bit float holds.
#pragma once

#include <span>
#include <string>

#include "steelyard/status.h"

namespace steelyard::job {

/// kBadData: `what` ("the loss") is larger than a float holds, and what to do about it.
Status Diverged(const std::string& what);

/// Errors: as Diverged(), when one of `floats` is NaN or infinite.
Status CheckFinite(std::span<const float> floats, const std::string& what);

}  // namespace steelyard::job
