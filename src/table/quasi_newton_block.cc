#include "table/quasi_newton_block.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/vector_clones.h"

namespace steelyard::table {
namespace {

using Memory = math::QuasiNewtonMemory;

/// Some rows of a table.
struct Part {
  ArrayTable* rows;
  std::size_t first;
  std::size_t count;

  std::span<float> Column(QuasiNewtonColumn column) const {
    return rows->column(static_cast<std::size_t>(column)).subspan(first, count);
  }
  /// Where a rank is among these rows.
  std::optional<std::size_t> Find(ArrayTable::Rank rank) const {
    if (rank < first || rank - first >= count) return {};
    return rank - first;
  }
};

/// So many rows' columns stay in a core's cache while they meet each other.
constexpr std::size_t kRowsAtOnce = 1024;

/// Call visit(part) for parts of the block, in order.
template <typename Visit>
void ForParts(ArrayTable& rows, const ArrayTable::RankRange& block, Visit&& visit) {
  for (std::size_t done = 0; done < block.count; done += kRowsAtOnce)
    visit(Part{&rows, block.first + done, std::min(kRowsAtOnce, block.count - done)});
}

using Slopes = std::array<float, kRowsAtOnce>;

/// Of a part whose rows have these gradients and weights.
void FillPseudoGradients(const Part& part, std::span<const float> weights,
                         const OrthantRules& rules, Slopes& slopes) {
  const auto gradients = part.Column(QuasiNewtonColumn::kGradient);
  const math::OrthantRule& rule = rules.penalised();
  for (std::size_t i = 0; i < gradients.size(); ++i)
    slopes[i] = rule.PseudoGradient(gradients[i], weights[i]);
  if (const auto at = part.Find(rules.intercept()); at) slopes[*at] = gradients[*at];
}

SY_VECTOR_CLONES void AddScaled(const float* __restrict vector, double scale, std::size_t count,
                                double* __restrict sums) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += scale * static_cast<double>(vector[i]);
}

/// Partial sums by place, so that the loop is vectorised.
SY_VECTOR_CLONES double Product(const float* __restrict a, const float* __restrict b,
                                std::size_t count) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  }
  for (; i < count; ++i) lanes[i % kLanes] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace

void BeginQuasiNewton(ArrayTable& rows) {
  const Part all{&rows, 0, rows.size()};
  std::ranges::fill(all.Column(QuasiNewtonColumn::kGradient), 0.0F);
  std::ranges::copy(all.Column(QuasiNewtonColumn::kWeight),
                    all.Column(QuasiNewtonColumn::kStart).begin());
}

namespace {

void MovePart(const Part& part, const QuasiNewtonBasis& basis, std::span<const double> direction,
              double reach, const OrthantRules& rules, MoveOutcome& outcome) {
  const auto weights = part.Column(QuasiNewtonColumn::kWeight);
  const auto starts = part.Column(QuasiNewtonColumn::kStart);
  Slopes slopes;
  FillPseudoGradients(part, starts, rules, slopes);
  std::array<double, kRowsAtOnce> steps{};
  for (std::size_t place = 0; place < Memory::kBasis; ++place) {
    const bool of_gradient = place == Memory::kGradient;
    if (direction[place] == 0.0 || (!of_gradient && basis[place].empty())) continue;
    const float* vector = of_gradient ? slopes.data() : basis[place].data() + part.first;
    AddScaled(vector, direction[place], part.count, steps.data());
  }
  for (std::size_t i = 0; i < part.count; ++i) {
    const auto rank = static_cast<ArrayTable::Rank>(part.first + i);
    const math::OrthantRule& rule = rules.At(rank);
    weights[i] = rule.After(starts[i], reach * rule.Aligned(steps[i], slopes[i]), slopes[i]);
    const double weight = weights[i];
    outcome.slope += slopes[i] * (weight - starts[i]);
    outcome.norms.nonzeros += weights[i] != 0.0F ? 1 : 0;
    if (rank == rules.intercept()) continue;
    outcome.norms.norm1 += std::fabs(weight);
    outcome.norms.norm2_squared += weight * weight;
  }
}

void TakePart(const Part& part, QuasiNewtonBasis& basis, std::span<const float> gradients,
              std::optional<std::uint32_t> pair, const OrthantRules& rules,
              GradientOutcome& outcome) {
  const auto weights = part.Column(QuasiNewtonColumn::kWeight);
  const auto starts = part.Column(QuasiNewtonColumn::kStart);
  const auto smooth = part.Column(QuasiNewtonColumn::kGradient);
  for (std::size_t i = 0; i < part.count; ++i) {
    const auto rank = static_cast<ArrayTable::Rank>(part.first + i);
    const float before =
        std::exchange(smooth[i], rules.At(rank).SmoothGradient(gradients[i], weights[i]));
    if (rank != rules.intercept())
      outcome.gradient_max = std::max(outcome.gradient_max, std::fabs(smooth[i]));
    if (!pair) continue;
    basis[Memory::StepAt(*pair)][part.first + i] = weights[i] - starts[i];
    basis[Memory::ChangeAt(*pair)][part.first + i] = smooth[i] - before;
  }
  std::ranges::copy(weights, starts.begin());
  Slopes slopes;
  FillPseudoGradients(part, weights, rules, slopes);
  for (std::size_t i = 0; i < part.count; ++i)
    outcome.violation_max = std::max(outcome.violation_max, std::fabs(slopes[i]));

  std::array<const float*, Memory::kBasis> vectors{};
  for (std::size_t place = 0; place < basis.size(); ++place)
    vectors[place] = basis[place].empty() ? nullptr : basis[place].data() + part.first;
  vectors[Memory::kGradient] = slopes.data();
  std::vector<std::size_t> fresh{Memory::kGradient};
  if (pair) fresh.insert(fresh.end(), {Memory::StepAt(*pair), Memory::ChangeAt(*pair)});
  double* sum = outcome.products.data();
  for (const std::size_t place : fresh) {
    for (const float* other : vectors) {
      if (other != nullptr) *sum += Product(vectors[place], other, part.count);
      ++sum;
    }
  }
}

}  // namespace

MoveOutcome MoveBlock(ArrayTable& rows, const QuasiNewtonBasis& basis,
                      const ArrayTable::RankRange& block, std::span<const double> direction,
                      double reach, const OrthantRules& rules) {
  SY_DCHECK(rows.row_floats() == kQuasiNewtonColumns && direction.size() == Memory::kBasis);
  MoveOutcome outcome;
  ForParts(rows, block,
           [&](const Part& part) { MovePart(part, basis, direction, reach, rules, outcome); });
  return outcome;
}

GradientOutcome TakeGradients(ArrayTable& rows, QuasiNewtonBasis& basis,
                              const ArrayTable::RankRange& block, std::span<const float> gradients,
                              std::optional<std::uint32_t> pair, const OrthantRules& rules) {
  SY_DCHECK(rows.row_floats() == kQuasiNewtonColumns && gradients.size() == block.count);
  GradientOutcome outcome;
  if (pair) {
    for (const std::size_t place : {Memory::StepAt(*pair), Memory::ChangeAt(*pair)})
      basis[place].resize(rows.size());
  }
  outcome.products.resize((pair ? 3 : 1) * Memory::kBasis);
  ForParts(rows, block, [&](const Part& part) {
    TakePart(part, basis, gradients.subspan(part.first - block.first, part.count), pair, rules,
             outcome);
  });
  return outcome;
}

}  // namespace steelyard::table
