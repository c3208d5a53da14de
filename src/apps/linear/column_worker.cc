#include "apps/linear/column_worker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace steelyard::apps::linear {

ColumnWorker::ColumnWorker(const Columns* columns, std::span<const float> labels,
                           std::span<const float> importance, math::LossKind loss,
                           runtime::Team* team)
    : columns_(columns),
      loss_(loss),
      team_(team),
      curvature_max_(math::CurvatureMax(loss) *
                     (importance.empty() ? 1.0F : std::ranges::max(importance))),
      labels_(labels.begin(), labels.end()),
      importance_(importance.begin(), importance.end()),
      weights_(columns->size()),
      weights_at_start_(columns->size()),
      earlier_(columns->size()),
      deltas_(columns->size(), math::ProximalRule::kDeltaFirst),
      settled_(columns->size()) {
  SY_CHECK(labels.size() == columns->row_count && loss != math::LossKind::kHinge);
  SY_CHECK(importance.empty() || importance.size() == labels.size());
  touched_.resize((columns->row_count + kRowsAtATime - 1) / kRowsAtATime);
  const std::size_t rows = touched_.size() * kRowsAtATime;
  labels_.resize(rows);
  if (!importance_.empty()) importance_.resize(rows);
  margins_.resize(rows);
  margins_at_start_.resize(rows);
  margins_gone_.resize(rows);
  earlier_margins_.resize(rows);
  curves_.resize(rows);
  RefreshAll();
}

bool ColumnWorker::IsForTeam(std::uint64_t entries) const {
  return team_ != nullptr && team_->size() > 1 && entries >= 2 * kEntriesForOne;
}

std::uint64_t ColumnWorker::EntriesOf(Features features) const {
  std::uint64_t entries = 0;
  for (const std::uint32_t feature : features)
    entries += columns_->starts[feature + std::size_t{1}] - columns_->starts[feature];
  return entries;
}

void ColumnWorker::ForFeatures(
    Features features,
    const std::function<void(std::size_t first, std::size_t count)>& compute) const {
  const std::uint64_t entries = team_ != nullptr ? EntriesOf(features) : 0;
  if (!IsForTeam(entries)) return compute(0, features.size());
  // Smaller runs than there are threads, since they do not take equally long.
  const std::uint64_t entries_a_run =
      std::max(entries / (4 * team_->size()) + 1, kEntriesForOne / 2);
  std::vector<std::size_t> firsts{0};
  std::uint64_t in_run = 0;
  for (std::size_t i = 0; i < features.size(); ++i) {
    in_run += EntriesOf(features.subspan(i, 1));
    if (in_run < entries_a_run || i + 1 == features.size()) continue;
    firsts.push_back(i + 1);
    in_run = 0;
  }
  firsts.push_back(features.size());
  team_->Run(firsts.size() - 1,
             [&](std::size_t run) { compute(firsts[run], firsts[run + 1] - firsts[run]); });
}

void ColumnWorker::ForRanges(std::uint64_t entries,
                             const std::function<void(RowRange range)>& visit) const {
  if (!IsForTeam(entries)) return visit(AllRows());
  const std::size_t groups = touched_.size();
  const std::size_t ranges = std::min({team_->size(), groups, entries / kEntriesForOne});
  team_->Run(ranges, [&](std::size_t i) {
    visit({groups * i / ranges * kRowsAtATime, groups * (i + 1) / ranges * kRowsAtATime});
  });
}

std::size_t ColumnWorker::part_count() const {
  return (columns_->row_count + kRowsAPart - 1) / kRowsAPart;
}

void ColumnWorker::ForParts(
    const std::function<void(std::size_t part, RowRange range)>& visit) const {
  const auto visit_part = [&](std::size_t part) {
    visit(part, {part * kRowsAPart, std::min((part + 1) * kRowsAPart, columns_->row_count)});
  };
  runtime::ForEach(team_, part_count(), visit_part);
}

double ColumnWorker::SumOverRows(const std::function<double(RowRange range)>& compute) const {
  std::vector<double> sums(part_count());
  ForParts([&](std::size_t part, RowRange range) {
    for (std::size_t first = range.first; first < range.end; first += kRowsSummed)
      sums[part] += compute({first, std::min(first + kRowsSummed, range.end)});
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// A coordinate that moves by delta changes a margin by |x| delta at most, and the logistic curvature by a factor of
// exp(|x| delta) at most.
template <bool kWithValues>
[[gnu::always_inline]] inline void ColumnWorker::GradientOf(std::size_t feature, float safety,
                                                            float& gradient,
                                                            float& curvature) const {
  const float growth = std::exp(std::min(20.0F, columns_->value_max[feature] * deltas_[feature]));
  const math::LossCurve* curves = curves_.data();
  // Sums of their own, so that an addition need not wait for the one before.
  std::array<double, 4> g{};
  std::array<double, 4> u{};
  const auto add = [&](std::uint64_t i, std::size_t sum) {
    const math::LossCurve curve = curves[columns_->rows[i]];
    const float bound = std::min(curve.curvature * growth, curvature_max_);
    if constexpr (kWithValues) {
      const float x = columns_->values[i];
      g[sum] += static_cast<double>(curve.slope * x);
      u[sum] += static_cast<double>(bound * x * x);
    } else {
      g[sum] += static_cast<double>(curve.slope);
      u[sum] += static_cast<double>(bound);
    }
  };
  std::uint64_t i = columns_->starts[feature];
  const std::uint64_t end = columns_->starts[feature + 1];
  for (; i + 4 <= end; i += 4) {
    for (std::size_t sum = 0; sum < 4; ++sum) add(i + sum, sum);
  }
  for (; i < end; ++i) add(i, 0);
  const double bound = (u[0] + u[1]) + (u[2] + u[3]);
  const double safe = curvature_max_ * static_cast<double>(columns_->coupling[feature]);
  gradient = static_cast<float>((g[0] + g[1]) + (g[2] + g[3]));
  curvature = static_cast<float>(bound + safety * std::max(0.0, safe - bound));
}

void ColumnWorker::Gradients(Features features, float safety, std::span<float> gradients,
                             std::span<float> curvatures) const {
  SY_DCHECK(gradients.size() == features.size() && curvatures.size() == features.size());
  ForFeatures(features, [&](std::size_t first, std::size_t count) {
    const std::size_t end = first + count;
    if (columns_->values.empty()) {
      for (std::size_t i = first; i < end; ++i)
        GradientOf<false>(features[i], safety, gradients[i], curvatures[i]);
    } else {
      for (std::size_t i = first; i < end; ++i)
        GradientOf<true>(features[i], safety, gradients[i], curvatures[i]);
    }
  });
}

template <bool kWithValues>
[[gnu::always_inline]] inline float ColumnWorker::SlopeOf(std::size_t feature) const {
  const math::LossCurve* curves = curves_.data();
  std::array<double, 4> sums{};
  const auto add = [&](std::uint64_t i, std::size_t sum) {
    const float slope = curves[columns_->rows[i]].slope;
    if constexpr (kWithValues) {
      sums[sum] += static_cast<double>(slope * columns_->values[i]);
    } else {
      sums[sum] += static_cast<double>(slope);
    }
  };
  std::uint64_t i = columns_->starts[feature];
  const std::uint64_t end = columns_->starts[feature + 1];
  for (; i + 4 <= end; i += 4) {
    for (std::size_t sum = 0; sum < 4; ++sum) add(i + sum, sum);
  }
  for (; i < end; ++i) add(i, 0);
  return static_cast<float>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void ColumnWorker::Gradients(Features features, std::span<float> gradients) const {
  SY_DCHECK(gradients.size() == features.size());
  ForFeatures(features, [&](std::size_t first, std::size_t count) {
    const std::size_t end = first + count;
    if (columns_->values.empty()) {
      for (std::size_t i = first; i < end; ++i) gradients[i] = SlopeOf<false>(features[i]);
    } else {
      for (std::size_t i = first; i < end; ++i) gradients[i] = SlopeOf<true>(features[i]);
    }
  });
}

// Pointers are copied: bytes that are written may be anything as far as the compiler knows, so that it would load members
// again for every entry.
template <typename Visit>
[[gnu::always_inline]] inline void ColumnWorker::ForColumn(const Move& move, RowRange range,
                                                           Visit&& visit) const {
  const std::uint32_t* const rows = columns_->rows.data();
  const float* const values = columns_->values.data();
  std::uint64_t first = columns_->starts[move.feature];
  std::uint64_t end = columns_->starts[move.feature + std::size_t{1}];
  if (range.end - range.first < margins_.size()) {
    const auto place_of = [&](std::size_t row) {
      return static_cast<std::uint64_t>(std::lower_bound(rows + first, rows + end, row) - rows);
    };
    if (range.end < margins_.size()) end = place_of(range.end);
    if (range.first > 0) first = place_of(range.first);
  }
  const double step = move.step;
  if (columns_->values.empty()) {
    for (std::uint64_t i = first; i < end; ++i) visit(rows[i], step);
  } else {
    for (std::uint64_t i = first; i < end; ++i) visit(rows[i], step * values[i]);
  }
}

void ColumnWorker::AddColumn(const Move& move, RowRange range, std::span<double> rows) const {
  double* const sums = rows.data();
  ForColumn(move, range, [=](std::uint32_t row, double change) { sums[row] += change; });
}

void ColumnWorker::MoveMargins(const Move& move, RowRange range) {
  double* const margins = margins_.data();
  std::uint8_t* const touched = touched_.data();
  ForColumn(move, range, [=](std::uint32_t row, double change) {
    margins[row] += change;
    touched[row / kRowsAtATime] = 1;
  });
}

void ColumnWorker::RefreshCurves(RowRange range) {
  const std::size_t count = range.end - range.first;
  const auto curves = std::span(curves_).subspan(range.first, count);
  math::LossCurves(loss_, std::span(margins_).subspan(range.first, count),
                   std::span(labels_).subspan(range.first, count), curves);
  if (importance_.empty()) return;
  for (std::size_t i = 0; i < count; ++i) {
    curves[i].slope *= importance_[range.first + i];
    curves[i].curvature *= importance_[range.first + i];
  }
}

void ColumnWorker::RefreshTouched(RowRange range) {
  const std::size_t groups = range.end / kRowsAtATime;
  for (std::size_t first = range.first / kRowsAtATime; first < groups; ++first) {
    if (touched_[first] == 0) continue;
    std::size_t end = first;
    while (end < groups && touched_[end] != 0) touched_[end++] = 0;
    RefreshCurves({first * kRowsAtATime, end * kRowsAtATime});
    first = end;
  }
}

void ColumnWorker::RefreshAll() {
  std::ranges::fill(touched_, 0);
  ForRanges(curves_.size(), [this](RowRange range) { RefreshCurves(range); });
}

// Directions live where weights are not 0: along them the l1 norm has no kink until a weight changes its sign.
void ColumnWorker::LeaveSupport(std::uint32_t feature) {
  if (weights_at_start_[feature] != 0.0F)
    AddColumn({feature, -static_cast<double>(weights_at_start_[feature])}, margins_gone_);
  if (earlier_[feature] == 0.0F) return;
  AddColumn({feature, -static_cast<double>(earlier_[feature])}, earlier_margins_);
  earlier_[feature] = 0.0F;
}

void ColumnWorker::Update(Features features, std::span<const float> weights,
                          std::span<const std::uint8_t> settled, const math::ProximalRule& rule) {
  SY_DCHECK(weights.size() == features.size() && settled.size() == features.size());
  moves_.clear();
  std::uint64_t entries = 0;
  for (std::size_t i = 0; i < features.size(); ++i) {
    const std::uint32_t feature = features[i];
    settled_[feature] = settled[i];
    if (settled_[feature] != 0) continue;  // At 0, before and after.
    const float step = weights[i] - weights_[feature];
    deltas_[feature] = rule.NextDelta(step);
    if (step == 0.0F) continue;
    moves_.push_back({feature, static_cast<double>(weights[i]) - weights_[feature]});
    entries += EntriesOf(features.subspan(i, 1));
    weights_[feature] = weights[i];
    if (weights[i] == 0.0F) LeaveSupport(feature);
  }
  ForRanges(entries, [this](RowRange range) {
    for (const Move& move : moves_) MoveMargins(move, range);
    RefreshTouched(range);
  });
}

void ColumnWorker::BeginPass() {
  if (swept_) {
    active_.resize(settled_.size());
    std::iota(active_.begin(), active_.end(), 0u);
    swept_ = false;
  }
  std::erase_if(active_, [&](std::uint32_t feature) { return settled_[feature] != 0; });
  for (const std::uint32_t feature : active_) weights_at_start_[feature] = weights_[feature];
  margins_at_start_ = margins_;
  std::ranges::fill(margins_gone_, 0.0);
  pass_open_ = true;
}

void ColumnWorker::TakeBack() {
  if (!std::exchange(pass_open_, false)) return;
  for (const std::uint32_t feature : active_) {
    weights_[feature] = weights_at_start_[feature];
    deltas_[feature] = math::ProximalRule::kDeltaFirst;
    earlier_[feature] = 0.0F;
  }
  margins_ = margins_at_start_;
  std::ranges::fill(margins_gone_, 0.0);
  std::ranges::fill(earlier_margins_, 0.0);
  RefreshAll();
}

math::SearchModel ColumnWorker::Search() const {
  std::vector<math::SearchModel> models(part_count());
  ForParts([&](std::size_t part, RowRange range) {
    math::SearchModel model;
    for (std::size_t row = range.first; row < range.end; ++row) {
      model.Add(curves_[row].slope, curves_[row].curvature, ChangeOfPass(row),
                earlier_margins_[row]);
    }
    models[part] = model;
  });
  math::SearchModel sum;
  for (const math::SearchModel& model : models) sum.Add(model);
  return sum;
}

double ColumnWorker::LossSumAfter(const math::SearchMove& move) const {
  return SumOverRows([&](RowRange range) {
    std::array<double, kRowsSummed> margins;
    for (std::size_t row = range.first; row < range.end; ++row) {
      margins[row - range.first] =
          margins_[row] + move.Change(ChangeOfPass(row), earlier_margins_[row]);
    }
    return LossSumAt(range.first, std::span(margins).first(range.end - range.first));
  });
}

void ColumnWorker::EndPass(const math::SearchMove& move) {
  if (!std::exchange(pass_open_, false)) return;
  for (const std::uint32_t feature : active_) {
    float& weight = weights_[feature];
    weight = math::AfterSearch(move, weight, weights_at_start_[feature], earlier_[feature]);
    earlier_[feature] = math::NextEarlier(weight, weights_at_start_[feature], earlier_[feature]);
  }
  ForParts([&](std::size_t, RowRange range) {
    for (std::size_t row = range.first; row < range.end; ++row) {
      margins_[row] += move.Change(ChangeOfPass(row), earlier_margins_[row]);
      earlier_margins_[row] = ChangeOfPass(row) + math::kEarlierShare * earlier_margins_[row];
    }
  });
  if (++passes_since_rebuild_ >= kPassesPerRebuild) {
    Rebuild();
  } else if (move.scale != 0.0) {
    RefreshAll();
  }
}

std::uint64_t ColumnWorker::ActiveEntries() const {
  return EntriesOf(active_);
}

void ColumnWorker::Settle(Features features, std::span<const std::uint8_t> settled) {
  SY_CHECK(settled.size() == features.size());
  for (std::size_t i = 0; i < features.size(); ++i) settled_[features[i]] = settled[i];
  swept_ = true;
}

void ColumnWorker::Rebuild(std::span<const float> weights) {
  SY_CHECK(weights.size() == columns_->size());
  weights_.assign(weights.begin(), weights.end());
  swept_ = true;
  Rebuild();
  BeginPass();
}

void ColumnWorker::Rebuild() {
  std::ranges::fill(margins_, 0.0);
  std::ranges::fill(earlier_margins_, 0.0);
  ForRanges(columns_->rows.size(), [this](RowRange range) {
    for (std::uint32_t feature = 0; feature < weights_.size(); ++feature) {
      if (weights_[feature] != 0.0F) AddColumn({feature, weights_[feature]}, range, margins_);
      if (earlier_[feature] != 0.0F)
        AddColumn({feature, earlier_[feature]}, range, earlier_margins_);
    }
  });
  passes_since_rebuild_ = 0;
  RefreshAll();
}

ColumnWorker::State ColumnWorker::TakeState() {
  return {.weights = std::move(weights_),
          .deltas = std::move(deltas_),
          .earlier = std::move(earlier_),
          .settled = std::move(settled_)};
}

void ColumnWorker::Resume(State state) {
  SY_CHECK(state.weights.size() == columns_->size());
  weights_ = std::move(state.weights);
  deltas_ = std::move(state.deltas);
  earlier_ = std::move(state.earlier);
  settled_ = std::move(state.settled);
  swept_ = true;
  pass_open_ = false;
  Rebuild();
}

double ColumnWorker::LossSum() const {
  return SumOverRows([this](RowRange range) {
    return LossSumAt(range.first,
                     std::span(margins_).subspan(range.first, range.end - range.first));
  });
}

double ColumnWorker::LossSumAt(std::size_t first, std::span<const double> margins) const {
  if (importance_.empty())
    return math::LossSum(loss_, margins, std::span(labels_).subspan(first, margins.size()));
  double sum = 0.0;
  for (std::size_t i = 0; i < margins.size(); ++i)
    sum += importance_[first + i] * math::LossAt(loss_, margins[i], labels_[first + i]).value;
  return sum;
}

double ColumnWorker::EntropySum(double scale) const {
  SY_CHECK(loss_ == math::LossKind::kLogistic);
  return SumOverRows([&](RowRange range) {
    double sum = 0.0;
    for (std::size_t row = range.first; row < range.end; ++row) {
      const double a =
          scale * std::fabs(math::LossAt(loss_, margins_[row], labels_[row]).derivative);
      if (!(a > 0.0 && a < 1.0)) continue;
      const double importance = importance_.empty() ? 1.0 : importance_[row];
      sum -= importance * (a * std::log(a) + (1.0 - a) * std::log1p(-a));
    }
    return sum;
  });
}

}  // namespace steelyard::apps::linear
