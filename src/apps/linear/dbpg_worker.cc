#include "apps/linear/dbpg_worker.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace steelyard::apps::linear {
namespace {

// The largest second derivative of a loss with respect to the margin.
float CurvatureMax(math::LossKind loss) {
  switch (loss) {
    case math::LossKind::kLogistic:
      return 0.25F;
    case math::LossKind::kSquaredHinge:
      return 2.0F;
    case math::LossKind::kSquared:
    case math::LossKind::kHinge:
      break;
  }
  return 1.0F;
}

}  // namespace

DbpgWorker::DbpgWorker(const Columns* columns, std::span<const float> labels, math::LossKind loss)
    : columns_(columns),
      loss_(loss),
      curvature_max_(CurvatureMax(loss)),
      labels_(labels.begin(), labels.end()),
      margins_(columns->row_count),
      points_(columns->row_count),
      weights_(columns->size()),
      deltas_(columns->size(), math::ProximalRule::kDeltaFirst),
      settled_(columns->size()),
      touched_((columns->row_count + 63) / 64) {
  SY_CHECK(labels.size() == columns->row_count && loss != math::LossKind::kHinge);
  for (std::size_t row = 0; row < points_.size(); ++row) points_[row] = PointAt(row);
}

DbpgWorker::Point DbpgWorker::PointAt(std::size_t row) const {
  const double slope = math::LossAt(loss_, margins_[row], labels_[row]).derivative;
  if (loss_ != math::LossKind::kLogistic) return {static_cast<float>(slope), curvature_max_};
  const double wrong = std::fabs(slope);  // The probability of the other label.
  return {static_cast<float>(slope), static_cast<float>(wrong * (1.0 - wrong))};
}

// A coordinate that moves by delta changes a margin by |x| delta at most, and the logistic curvature by a factor of
// exp(|x| delta) at most.
template <bool kWithValues>
[[gnu::always_inline]] inline void DbpgWorker::GradientOf(std::size_t feature, float safety,
                                                          float& gradient, float& curvature) const {
  const float growth = std::exp(std::min(20.0F, columns_->value_max[feature] * deltas_[feature]));
  const Point* points = points_.data();
  double g = 0.0;
  double u = 0.0;
  for (std::uint64_t i = columns_->starts[feature]; i < columns_->starts[feature + 1]; ++i) {
    const Point point = points[columns_->rows[i]];
    const float bound = std::min(point.curvature * growth, curvature_max_);
    if constexpr (kWithValues) {
      const float x = columns_->values[i];
      g += static_cast<double>(point.slope * x);
      u += static_cast<double>(bound * x * x);
    } else {
      g += static_cast<double>(point.slope);
      u += static_cast<double>(bound);
    }
  }
  const double safe = curvature_max_ * static_cast<double>(columns_->coupling[feature]);
  gradient = static_cast<float>(g);
  curvature = static_cast<float>(u + safety * std::max(0.0, safe - u));
}

template <bool kWithValues>
void DbpgWorker::GradientsIn(const FeatureBlock& block, bool all, float safety,
                             std::span<float> gradients, std::span<float> curvatures) const {
  SY_DCHECK(gradients.size() == block.count && curvatures.size() == block.count);
  for (std::size_t i = 0; i < block.count; ++i) {
    gradients[i] = curvatures[i] = 0.0F;
    if (all || settled_[block.first + i] == 0)
      GradientOf<kWithValues>(block.first + i, safety, gradients[i], curvatures[i]);
  }
}

void DbpgWorker::Gradients(const FeatureBlock& block, float safety, std::span<float> gradients,
                           std::span<float> curvatures) const {
  if (columns_->values.empty()) {
    GradientsIn<false>(block, /*all=*/false, safety, gradients, curvatures);
  } else {
    GradientsIn<true>(block, /*all=*/false, safety, gradients, curvatures);
  }
}

void DbpgWorker::GradientsOfAll(const FeatureBlock& block, float safety, std::span<float> gradients,
                                std::span<float> curvatures) const {
  if (columns_->values.empty()) {
    GradientsIn<false>(block, /*all=*/true, safety, gradients, curvatures);
  } else {
    GradientsIn<true>(block, /*all=*/true, safety, gradients, curvatures);
  }
}

void DbpgWorker::MoveMargins(std::size_t feature, double step) {
  for (std::uint64_t i = columns_->starts[feature]; i < columns_->starts[feature + 1]; ++i) {
    const std::uint32_t row = columns_->rows[i];
    margins_[row] += step * (columns_->values.empty() ? 1.0F : columns_->values[i]);
    touched_[row / 64] |= std::uint64_t{1} << (row % 64);
  }
}

void DbpgWorker::RefreshTouched() {
  for (std::size_t word = 0; word < touched_.size(); ++word) {
    for (std::uint64_t bits = touched_[word]; bits != 0; bits &= bits - 1) {
      const std::size_t row = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      points_[row] = PointAt(row);
    }
    touched_[word] = 0;
  }
}

void DbpgWorker::RefreshAll() {
  std::ranges::fill(touched_, 0);
  for (std::size_t row = 0; row < points_.size(); ++row) points_[row] = PointAt(row);
}

void DbpgWorker::Update(const FeatureBlock& block, std::span<const float> weights,
                        std::span<const std::uint8_t> settled, const math::ProximalRule& rule) {
  for (std::size_t i = 0; i < block.count; ++i) {
    const std::size_t feature = block.first + i;
    if (settled_[feature] != 0) continue;
    settled_[feature] = settled[i];
    if (settled_[feature] != 0) continue;  // At 0, before and after.
    const float step = weights[i] - weights_[feature];
    deltas_[feature] = rule.NextDelta(step);
    if (step == 0.0F) continue;
    MoveMargins(feature, static_cast<double>(weights[i]) - weights_[feature]);
    weights_[feature] = weights[i];
  }
  RefreshTouched();
}

void DbpgWorker::BeginPass() {
  weights_at_start_ = weights_;
  margins_at_start_ = margins_;
}

void DbpgWorker::TakeBack() {
  weights_ = weights_at_start_;
  margins_ = margins_at_start_;
  std::ranges::fill(deltas_, math::ProximalRule::kDeltaFirst);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] != 0.0F) settled_[i] = 0;
  }
  RefreshAll();
}

void DbpgWorker::Settle(const FeatureBlock& block, std::span<const std::uint8_t> settled) {
  SY_CHECK(settled.size() == block.count);
  std::ranges::copy(settled, settled_.begin() + static_cast<std::ptrdiff_t>(block.first));
}

void DbpgWorker::Rebuild(std::span<const float> weights) {
  SY_CHECK(weights.size() == columns_->size());
  weights_.assign(weights.begin(), weights.end());
  Rebuild();
}

void DbpgWorker::Rebuild() {
  std::ranges::fill(margins_, 0.0);
  for (std::size_t feature = 0; feature < weights_.size(); ++feature) {
    if (weights_[feature] != 0.0F) MoveMargins(feature, weights_[feature]);
  }
  RefreshAll();
}

double DbpgWorker::LossSum() const {
  double sum = 0.0;
  for (std::size_t row = 0; row < margins_.size(); ++row)
    sum += math::LossAt(loss_, margins_[row], labels_[row]).value;
  return sum;
}

double DbpgWorker::EntropySum(double scale) const {
  SY_CHECK(loss_ == math::LossKind::kLogistic);
  double sum = 0.0;
  for (std::size_t row = 0; row < margins_.size(); ++row) {
    const double a = scale * std::fabs(math::LossAt(loss_, margins_[row], labels_[row]).derivative);
    if (a > 0.0 && a < 1.0) sum -= a * std::log(a) + (1.0 - a) * std::log1p(-a);
  }
  return sum;
}

}  // namespace steelyard::apps::linear
