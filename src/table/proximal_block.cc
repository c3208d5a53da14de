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
  std::ranges::copy(ColumnOf(rows, ProximalColumn::kWeight),
                    ColumnOf(rows, ProximalColumn::kStart).begin());
}

void BeginPass(ArrayTable& rows, Ranks active) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto starts = ColumnOf(rows, ProximalColumn::kStart);
  for (const auto rank : active) starts[rank] = weights[rank];
}

void TakeBack(ArrayTable& rows, Ranks active) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto deltas = ColumnOf(rows, ProximalColumn::kDelta);
  const auto starts = ColumnOf(rows, ProximalColumn::kStart);
  const auto earlier = ColumnOf(rows, ProximalColumn::kEarlier);
  for (const auto rank : active) {
    weights[rank] = starts[rank];
    deltas[rank] = math::ProximalRule::kDeltaFirst;
    earlier[rank] = 0.0F;
  }
}

math::SearchModel SearchPenalty(const ArrayTable& rows, Ranks active, const ProximalRules& rules) {
  const Directions at(rows);
  math::SearchModel model;
  for (const auto rank : active) {
    if (at.weights[rank] == 0.0F) continue;
    const double weight = at.weights[rank];
    const math::ProximalRule& rule = rules.At(rank);
    model.Add(std::copysign(rule.l1, weight) + rule.l2 * weight, rule.l2, weight - at.starts[rank],
              at.earlier[rank]);
  }
  return model;
}

double PenaltyAfter(const ArrayTable& rows, Ranks active, const ProximalRules& rules,
                    const math::SearchMove& move) {
  const Directions at(rows);
  double norm1 = 0.0;
  double norm2_squared = 0.0;
  for (const auto rank : active) {
    if (rank == rules.intercept()) continue;
    const double weight =
        math::AfterSearch(move, at.weights[rank], at.starts[rank], at.earlier[rank]);
    norm1 += std::fabs(weight);
    norm2_squared += weight * weight;
  }
  return rules.penalised().l1 * norm1 + 0.5 * rules.penalised().l2 * norm2_squared;
}

void EndPass(ArrayTable& rows, Ranks active, const math::SearchMove& move) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto starts = ColumnOf(rows, ProximalColumn::kStart);
  const auto earlier = ColumnOf(rows, ProximalColumn::kEarlier);
  for (const auto rank : active) {
    weights[rank] = math::AfterSearch(move, weights[rank], starts[rank], earlier[rank]);
    earlier[rank] = math::NextEarlier(weights[rank], starts[rank], earlier[rank]);
  }
}

ProximalOutcome StepBlock(ArrayTable& rows, Ranks ranks, const BlockSums& sums,
                          const ProximalRules& rules, float margin, std::span<float> steps) {
  SY_DCHECK(sums.gradients.size() == ranks.size() && sums.curvatures.size() == ranks.size() &&
            steps.size() == ranks.size());
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight);
  const auto deltas = ColumnOf(rows, ProximalColumn::kDelta);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled);
  const auto earlier = ColumnOf(rows, ProximalColumn::kEarlier);
  ProximalOutcome outcome;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const auto rank = ranks[i];
    const math::ProximalRule& rule = rules.At(rank);
    const float before = weights[rank];
    outcome.violation_max =
        std::max(outcome.violation_max, rule.Violation(sums.gradients[i], before));
    if (rule.Settled(sums.gradients[i], before, margin)) {
      settled[rank] = 1.0F;
      ++outcome.settled;
      steps[i] = 0.0F;
      continue;
    }
    steps[i] = math::ShortStep(
        before, rule.Step(sums.gradients[i], sums.curvatures[i], before, deltas[rank]));
    weights[rank] = math::AfterShortStep(before, steps[i]);
    deltas[rank] = rule.NextDelta(weights[rank] - before);
    if (weights[rank] == 0.0F) earlier[rank] = 0.0F;
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
                        const ProximalRules& rules) {
  const auto weights = ColumnOf(rows, ProximalColumn::kWeight).subspan(block.first, block.count);
  const auto settled = ColumnOf(rows, ProximalColumn::kSettled).subspan(block.first, block.count);
  SweepOutcome outcome;
  for (std::size_t i = 0; i < block.count; ++i) {
    const auto rank = static_cast<ArrayTable::Rank>(block.first + i);
    const math::ProximalRule& rule = rules.At(rank);
    const float violation = rule.Violation(gradients[i], weights[i]);
    outcome.violation_max = std::max(outcome.violation_max, violation);
    if (rank == rules.intercept()) continue;  // Neither penalised nor ever settled.
    outcome.norm1 += std::fabs(static_cast<double>(weights[i]));
    outcome.norm2_squared += static_cast<double>(weights[i]) * weights[i];
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

WeightNorms NormsOf(const ArrayTable& rows, Ranks active, ArrayTable::Rank intercept) {
  const auto weights = rows.column(static_cast<std::size_t>(ProximalColumn::kWeight));
  WeightNorms norms;
  for (const auto rank : active) {
    norms.nonzeros += weights[rank] != 0.0F ? 1 : 0;
    if (rank == intercept) continue;
    norms.norm1 += std::fabs(static_cast<double>(weights[rank]));
    norms.norm2_squared += static_cast<double>(weights[rank]) * weights[rank];
  }
  return norms;
}

}  // namespace steelyard::table
