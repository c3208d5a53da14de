// Checks of long spans, vectorised.
#pragma once

#include <cstddef>
#include <span>

#include "steelyard/types.h"

namespace steelyard {

/// Is each key larger than the one before?
bool StrictlyIncreasing(std::span<const Key> keys);

/// The index of the first float that is NaN or infinite; floats.size() when there is none.
std::size_t FirstNotFinite(std::span<const float> floats);

}  // namespace steelyard
