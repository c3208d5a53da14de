// What a server does with a block of an array table in an orthant-wise quasi-Newton method (OWL-QN): ranks, not keys.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "math/orthant_rule.h"
#include "math/quasi_newton.h"
#include "table/array_table.h"
#include "table/proximal_block.h"
#include "table/row_rules.h"

namespace steelyard::table {

/// The columns of a row. kWeight and kStart stand where ProximalColumn has them.
enum class QuasiNewtonColumn : std::uint8_t {
  kWeight = 0,    ///< At the trial point of the line search.
  kGradient = 1,  ///< Of the loss and the l2 penalty, at kStart.
  /// The weight where the line search began; before, in how many entries of the data the feature stands.
  kStart = 2,
};
inline constexpr std::size_t kQuasiNewtonColumns = 3;

/// The last steps and changes of the gradient: math::QuasiNewtonMemory's basis but for v, by place, then by rank. They
/// are of no use to anyone after the run, so no columns of the table. An empty one is all zeros.
/// Memory: 8 bytes a row and pair.
using QuasiNewtonBasis =
    std::array<std::vector<float>, std::size_t{2} * math::QuasiNewtonMemory::kPairs>;

using OrthantRules = RowRules<math::OrthantRule>;

/// Rows have kQuasiNewtonColumns floats. Functions may be called for different ranges at the same time, but for the first
/// gradient of each pair.

/// Forget the gradient.
void BeginQuasiNewton(ArrayTable& rows);

/// What a move made of a block.
struct MoveOutcome {
  double slope = 0.0;  ///< Pseudo-gradient times the step: the fall if the objective were linear.
  WeightNorms norms;   ///< Of the weights now.
};

/// Weights become a trial point: from where the line search began, `reach` times the direction.
/// @param direction  [math::QuasiNewtonMemory::kBasis] coefficients.
MoveOutcome MoveBlock(ArrayTable& rows, const QuasiNewtonBasis& basis,
                      const ArrayTable::RankRange& block, std::span<const double> direction,
                      double reach, const OrthantRules& rules);

/// What a gradient said of a block.
struct GradientOutcome {
  float violation_max = 0.0F;  ///< Largest |pseudo-gradient|.
  float gradient_max = 0.0F;   ///< Of the loss and the l2 penalty, where l1 counts.
  /// Inner products with the basis: of the pseudo-gradient; with a pair those of its step and its change follow.
  std::vector<double> products;
};

/// The trial point is accepted: the next line search begins here.
/// @param gradients  [block.count] of the loss, summed over all rows of the data.
/// @param pair       where the step and the change of the gradient go; none for the first gradient.
GradientOutcome TakeGradients(ArrayTable& rows, QuasiNewtonBasis& basis,
                              const ArrayTable::RankRange& block, std::span<const float> gradients,
                              std::optional<std::uint32_t> pair, const OrthantRules& rules);

}  // namespace steelyard::table
