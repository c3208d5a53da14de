// What a server does with a block of an array table in block proximal gradient: ranks, not keys.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "math/proximal_rule.h"
#include "math/search_model.h"
#include "table/array_table.h"
#include "table/row_rules.h"

namespace steelyard::table {

/// The columns of a row.
enum class ProximalColumn : std::uint8_t {
  kWeight = 0,
  kDelta = 1,  ///< Half-width of the trust region.
  /// The weight when the pass began; before the first pass, in how many entries of the data the feature stands.
  kStart = 2,
  kSettled = 3,  ///< 1: neither gradient nor curvature is computed or sent.
  /// What changed before the pass, in those before it and their searches (math::NextEarlier); 0 where the weight is 0.
  kEarlier = 4,
};
inline constexpr std::size_t kProximalColumns = 5;

/// What a step on a block found.
struct ProximalOutcome {
  float violation_max = 0.0F;  ///< Before the step, over the coordinates that took it.
  std::uint64_t settled = 0;   ///< Coordinates that settled now.

  void Merge(const ProximalOutcome& other);
};

using ProximalRules = RowRules<math::ProximalRule>;

/// Rows have kProximalColumns floats. Functions may be called for different ranges at the same time.

/// Cut features into at most `block_count` runs of about equally many entries, so that popular features do not share
/// one. Several features that each exceed a block's share make fewer blocks.
/// @param entries  [m] entries of each feature, over all workers.
/// @return the first feature of each block; the last block ends at m.
std::vector<std::size_t> CutBlocks(std::span<const float> entries, std::size_t block_count);

/// Forget all trust regions and directions, activate every coordinate.
void BeginSolve(ArrayTable& rows);

/// The coordinates that are not settled, increasing. All others have weight, start and earlier 0, so that functions over
/// `active` cost nothing for what the filter leaves out.
using Ranks = std::span<const ArrayTable::Rank>;

/// Remember the weights, for TakeBack().
void BeginPass(ArrayTable& rows, Ranks active);

/// The pass made the objective worse: weights as they were when it began, trust regions as in the beginning. Directions
/// are forgotten.
void TakeBack(ArrayTable& rows, Ranks active);

/// The penalty's part of the model along what the pass changed and what changed before it.
math::SearchModel SearchPenalty(const ArrayTable& rows, Ranks active, const ProximalRules& rules);

/// The penalty after `move`.
double PenaltyAfter(const ArrayTable& rows, Ranks active, const ProximalRules& rules,
                    const math::SearchMove& move);

/// End the pass, once, with a move along the directions, maybe none: what has changed since the pass began is added to the
/// earlier direction of the next search.
void EndPass(ArrayTable& rows, Ranks active, const math::SearchMove& move);

/// Of the coordinates of a step, over all rows of the data.
struct BlockSums {
  std::span<const float> gradients;
  std::span<const float> curvatures;
};

/// Let every one of the coordinates take its step; none is settled.
/// @param sums    [ranks.size()] each.
/// @param margin  coordinates at 0 whose gradient is that far below l1 settle; infinity: none.
/// @param steps   [ranks.size()] filled: for whoever follows, by math::AfterShortStep().
ProximalOutcome StepBlock(ArrayTable& rows, Ranks ranks, const BlockSums& sums,
                          const ProximalRules& rules, float margin, std::span<float> steps);

/// What a sweep over all coordinates, at weights that rest, found.
struct SweepOutcome {
  float violation_max = 0.0F;
  float gradient_max = 0.0F;      ///< Of the loss and the l2 penalty, where l1 counts.
  std::uint64_t reactivated = 0;  ///< Settled coordinates that violate their condition.
  double gain = 0.0;              ///< About what their first steps would take off the objective.
  double norm1 = 0.0;             ///< Of the block's weights without the intercept.
  double norm2_squared = 0.0;

  void Merge(const SweepOutcome& other);
};

/// Look at every coordinate of the block, and activate the settled ones that violate their condition.
/// @param gradients   [block.count] sums over all rows of the data, for settled coordinates too.
/// @param curvatures  [block.count] about: as of each coordinate's last step.
SweepOutcome SweepBlock(ArrayTable& rows, const ArrayTable::RankRange& block,
                        std::span<const float> gradients, std::span<const float> curvatures,
                        const ProximalRules& rules);

/// |w|_1 and |w|^2 without the intercept, and the number of weights other than 0 with it.
struct WeightNorms {
  double norm1 = 0.0;
  double norm2_squared = 0.0;
  std::uint64_t nonzeros = 0;
};
WeightNorms NormsOf(const ArrayTable& rows, Ranks active, ArrayTable::Rank intercept);

}  // namespace steelyard::table
