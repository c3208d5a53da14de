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

/// What a search looks at.
struct Directions {
  explicit Directions(const ArrayTable& rows)
      : weights(rows.column(static_cast<std::size_t>(ProximalColumn::kWeight))),
        starts(rows.column(static_cast<std::size_t>(ProximalColumn::kStart))),
        earlier(rows.column(static_cast<std::size_t>(ProximalColumn::kEarlier))) {}

  std::span<const float> weights;
  std::span<const float> starts;
  std::span<const float> earlier;
};

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
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kEarlier), 0.0F);
  BeginPass(rows);
}

void BeginPass(ArrayTable& rows) {
  std::ranges::copy(ColumnOf(rows, ProximalColumn::kWeight),
                    ColumnOf(rows, ProximalColumn::kStart).begin());
}

void TakeBack(ArrayTable& rows) {
  std::ranges::copy(ColumnOf(rows, ProximalColumn::kStart),
                    ColumnOf(rows, ProximalColumn::kWeight).begin());
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kDelta), math::ProximalRule::kDeltaFirst);
  std::ranges::fill(ColumnOf(rows, ProximalColumn::kEarlier), 0.0F);
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] != 0.0F) settled[i] = 0.0F;
  }
}

math::SearchModel SearchPenalty(const ArrayTable& rows, const math::ProximalRule& rule) {
  const Directions at(rows);
  math::SearchModel model;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (at.weights[i] == 0.0F) continue;
    const double weight = at.weights[i];
    model.Add(std::copysign(rule.l1, weight) + rule.l2 * weight, rule.l2, weight - at.starts[i],
              at.earlier[i]);
  }
  return model;
}

double PenaltyAfter(const ArrayTable& rows, const math::ProximalRule& rule,
                    const math::SearchMove& move) {
  const Directions at(rows);
  double norm1 = 0.0;
  double norm2_squared = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double weight = math::AfterSearch(move, at.weights[i], at.starts[i], at.earlier[i]);
    norm1 += std::fabs(weight);
    norm2_squared += weight * weight;
  }
  return rule.l1 * norm1 + 0.5 * rule.l2 * norm2_squared;
}

void EndPass(ArrayTable& rows, const math::SearchMove& move) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto starts = ColumnOf(rows, ProximalColumn::kStart);
  const auto earlier = ColumnOf(rows, ProximalColumn::kEarlier);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    weights[i] = math::AfterSearch(move, weights[i], starts[i], earlier[i]);
    earlier[i] = weights[i] == 0.0F ? 0.0F : weights[i] - starts[i];
  }
}

ProximalOutcome StepBlock(ArrayTable& rows, const ArrayTable::RankRange& block,
                          std::span<const float> gradients, std::span<const float> curvatures,
                          const math::ProximalRule& rule, float margin) {
  SY_DCHECK(gradients.size() == block.count && curvatures.size() == block.count);
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight).subspan(block.first, block.count);
  const auto deltas = ColumnOf(rows, ProximalColumn::kDelta).subspan(block.first, block.count);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled).subspan(block.first, block.count);
  const auto earlier = ColumnOf(rows, ProximalColumn::kEarlier).subspan(block.first, block.count);
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
    if (weights[i] == 0.0F) earlier[i] = 0.0F;
  }
  return outcome;
}

void SweepOutcome::Merge(const SweepOutcome& other) {
  violation_max = std::max(violation_max, other.violation_max);
  gradient_max = std::max(gradient_max, other.gradient_max);
  reactivated += other.reactivated;
  gain += other.gain;
  norm1 += other.norm1;
  norm2_squared += other.norm2_squared;
}

SweepOutcome SweepBlock(ArrayTable& rows, const ArrayTable::RankRange& block,
                        std::span<const float> gradients, std::span<const float> curvatures,
                        const math::ProximalRule& rule) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight).subspan(block.first, block.count);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled).subspan(block.first, block.count);
  SweepOutcome outcome;
  for (std::size_t i = 0; i < block.count; ++i) {
    const float violation = rule.Violation(gradients[i], weights[i]);
    outcome.norm1 += std::fabs(static_cast<double>(weights[i]));
    outcome.norm2_squared += static_cast<double>(weights[i]) * weights[i];
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
