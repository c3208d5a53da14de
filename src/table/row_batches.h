// Row batches: what pushes and pulls of many sorted keys do to a table's rows, vectorised.
#pragma once

#include <span>

#include "math/online_rules.h"
#include "steelyard/types.h"
#include "table/hash_table.h"

namespace steelyard::table {

// Keys are strictly increasing; floats are [keys, floats per key], row-major. Every result is rounded as the scalar
// rules round it, whatever the vector width.

/// Add `deltas` [n, row_floats] to whole rows; new keys start from zeros.
void AddToRows(HashTable& rows, std::span<const Key> keys, std::span<const float> deltas);

/// Copy whole rows to `floats` [n, row_floats]; an absent key reads as zeros.
void CopyRows(const HashTable& rows, std::span<const Key> keys, std::span<float> floats);

/// Apply one gradient to each key's (z, n).
void FtrlPush(HashTable& rows, std::span<const Key> keys, std::span<const float> gradients,
              const math::FtrlRule& rule);

/// Compute each key's weight from its (z, n).
void FtrlPull(const HashTable& rows, std::span<const Key> keys, std::span<float> weights,
              const math::FtrlRule& rule);

}  // namespace steelyard::table
