// RowRules: the coordinate rule of a segment's rows, of which one may be an intercept.
#pragma once

#include "table/array_table.h"

namespace steelyard::table {

/// l1 and l2 of `Rule` hold for all ranks but one at most.
template <typename Rule>
class RowRules {
 public:
  /// @param intercept  the rank that is not penalised; kNoRank: none.
  constexpr explicit RowRules(const Rule& rule, ArrayTable::Rank intercept = ArrayTable::kNoRank)
      : penalised_(rule), free_(rule), intercept_(intercept) {
    free_.l1 = 0.0F;
    free_.l2 = 0.0F;
  }

  const Rule& At(ArrayTable::Rank rank) const { return rank == intercept_ ? free_ : penalised_; }
  /// Of all ranks but the intercept's.
  const Rule& penalised() const { return penalised_; }
  ArrayTable::Rank intercept() const { return intercept_; }

 private:
  Rule penalised_;
  Rule free_;
  ArrayTable::Rank intercept_;
};

}  // namespace steelyard::table
