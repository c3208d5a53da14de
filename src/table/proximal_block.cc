#include "table/proximal_block.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace steelyard::table {
namespace {

std::span<float> ColumnOf(ArrayTable& rows, ProximalColumn column) {
  SY_DCHECK(rows.row_floats() == kProximalColumns);
  return rows.column(static_cast<std::size_t>(column));
}

}  // namespace

void ProximalOutcome::Merge(const ProximalOutcome& other) {
  violation_max = std::max(violation_max, other.violation_max);
  settled += other.settled;
}

std::vector<std::size_t> CutBlocks(std::span<const float> entries, std::size_t block_count) {
  const double total = std::accumulate(entries.begin(), entries.end(), 0.0);
  std::vector<std::size_t> firsts{0};
  double before = 0.0;
  for (std::size_t feature = 0; feature < entries.size(); ++feature) {
    // The boundary that comes next, in entries.
    const double boundary =
        total * static_cast<double>(firsts.size()) / static_cast<double>(block_count);
    if (before >= boundary && feature > firsts.back()) firsts.push_back(feature);
    before += entries[feature];
  }
  return firsts;
}

void BeginSolve(ArrayTable& rows) {
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kDelta), math::ProximalRule::kDeltaFirst);
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kSettled), 0.0F);
}

void BeginPass(ArrayTable& rows) {
  std::ranges::copy(ColumnOf(rows, ProximalColumn::kWeight),
                    ColumnOf(rows, ProximalColumn::kStart).begin());
}

void TakeBack(ArrayTable& rows) {
  std::ranges::copy(ColumnOf(rows, ProximalColumn::kStart),
                    ColumnOf(rows, ProximalColumn::kWeight).begin());
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kDelta), math::ProximalRule::kDeltaFirst);
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] != 0.0F) settled[i] = 0.0F;
  }
}

ProximalOutcome StepBlock(ArrayTable& rows, const ArrayTable::RankRange& block,
                          std::span<const float> gradients, std::span<const float> curvatures,
                          const math::ProximalRule& rule, float margin) {
  SY_DCHECK(gradients.size() == block.count && curvatures.size() == block.count);
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight).subspan(block.first, block.count);
  const auto deltas = ColumnOf(rows, ProximalColumn::kDelta).subspan(block.first, block.count);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled).subspan(block.first, block.count);
  ProximalOutcome outcome;
  for (std::size_t i = 0; i < block.count; ++i) {
    if (settled[i] != 0.0F) {
      ++outcome.settled;
      continue;
    }
    outcome.violation_max =
        std::max(outcome.violation_max, rule.Violation(gradients[i], weights[i]));
    if (rule.Settled(gradients[i], weights[i], margin)) {
      settled[i] = 1.0F;
      ++outcome.settled;
      continue;
    }
    const float before = weights[i];
    weights[i] = rule.Step(gradients[i], curvatures[i], before, deltas[i]);
    deltas[i] = rule.NextDelta(weights[i] - before);
  }
  return outcome;
}

void SweepOutcome::Merge(const SweepOutcome& other) {
  violation_max = std::max(violation_max, other.violation_max);
  gradient_max = std::max(gradient_max, other.gradient_max);
  reactivated += other.reactivated;
  gain += other.gain;
}

SweepOutcome SweepBlock(ArrayTable& rows, const ArrayTable::RankRange& block,
                        std::span<const float> gradients, std::span<const float> curvatures,
                        const math::ProximalRule& rule) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight).subspan(block.first, block.count);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled).subspan(block.first, block.count);
  SweepOutcome outcome;
  for (std::size_t i = 0; i < block.count; ++i) {
    const float violation = rule.Violation(gradients[i], weights[i]);
    outcome.violation_max = std::max(outcome.violation_max, violation);
    outcome.gradient_max =
        std::max(outcome.gradient_max, std::fabs(gradients[i] + rule.l2 * weights[i]));
    if (settled[i] == 0.0F || violation == 0.0F) continue;
    settled[i] = 0.0F;
    ++outcome.reactivated;
    const double curvature = std::max(curvatures[i] + rule.l2, math::ProximalRule::kCurvatureMin);
    outcome.gain += static_cast<double>(violation) * violation / (2.0 * curvature);
  }
  return outcome;
}

WeightNorms NormsOf(const ArrayTable& rows) {
  WeightNorms norms;
  for (const float weight : rows.column(static_cast<std::size_t>(ProximalColumn::kWeight))) {
    norms.norm1 += std::fabs(static_cast<double>(weight));
    norms.norm2_squared += static_cast<double>(weight) * weight;
    norms.nonzeros += weight != 0.0F ? 1 : 0;
  }
  return norms;
}

}  // namespace steelyard::table
