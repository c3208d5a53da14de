// Row batches: what pushes and pulls of many sorted keys do to a table's rows, vectorised.
#pragma once

#include <cstddef>
#include <span>

#include "math/online_rules.h"
#include "steelyard/types.h"
#include "table/rows.h"

namespace steelyard::table {

// Keys are strictly increasing; floats are [n, floats per key], row-major. Every result is rounded as the scalar rules
// round it, whatever the vector width.

/// Add `deltas` [n, row_floats] to whole rows; new keys start from zeros.
void AddToRows(Rows& rows, std::span<const Key> keys, std::span<const float> deltas,
               SlotHints hints = {});

/// Copy whole rows to `floats` [n, row_floats]; an absent key reads as zeros.
void CopyRows(const Rows& rows, std::span<const Key> keys, std::span<float> floats,
              SlotHints hints = {});

/// Apply one gradient [n] to each (z, n) at `slots`.
void FtrlPush(std::span<const Slot> slots, std::span<const float> gradients,
              const math::FtrlRule& rule);

/// Compute the weights [n] of the (z, n) at `slots`; 0 where there is none.
void FtrlPull(std::span<const Slot> slots, std::span<float> weights, const math::FtrlRule& rule);

}  // namespace steelyard::table
