// ValueFilter: what may drop keys of a push or change its values, once, before it is sliced.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "filter/push_rows.h"
#include "filter/random.h"

namespace steelyard::filter {

/// One lossy filter of one (worker, table).
///
/// What it leaves is kept until the push is acknowledged and is what is sent again: filtering twice would roll the dice
/// twice. All of them suppose that the table adds what is pushed.
/// Threads: one at a time. A filter has no randomness or clock of its own.
class ValueFilter {
 public:
  virtual ~ValueFilter() = default;
  /// As a user types it, e.g. "fixed:2".
  virtual std::string name() const = 0;
  /// Change `rows` in place: rows may go and floats may change, keys may not come, change or move.
  virtual void Apply(PushRows& rows, Random& random) = 0;
  /// Add everything that is held back to `rows` and forget it.
  virtual void Flush(PushRows& /*rows*/) {}
  /// Memory of what is held back; below the bound that the filter was given.
  virtual std::size_t state_bytes() const { return 0; }
};

/// Is this row worth sending? The application's rule, e.g. the KKT conditions of an l1 problem.
using RowPredicate = std::function<bool(Key key, std::span<const float> row)>;

}  // namespace steelyard::filter
