#include "job/decreases.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace steelyard::job {
namespace {

/// Of the tolerance, what may be predicted to be left, and what the last passes may have gained: predictions are not exact.
constexpr double kPredictedShare = 0.5;
constexpr double kNegligibleShare = 0.125;
/// Decreases of so many passes are compared to those of as many before them.
constexpr std::size_t kWindow = 4;
/// Nothing is predicted to go on for more than some hundred passes.
constexpr double kRatioMax = 0.99;

/// The rest of a geometric series, after its last element.
double RestOfSeries(double last, double ratio) {
  const double slow = std::min(ratio, kRatioMax);
  return last * slow / (1.0 - slow);
}

}  // namespace

void Decreases::Add(double decrease) {
  last_.push_back(std::max(0.0, decrease));
  if (last_.size() > 2 * kWindow) last_.pop_front();
}

double Decreases::Negligible(double objective, double tolerance) {
  return kNegligibleShare * tolerance * std::fabs(objective);
}

bool Decreases::LittleLeft(double objective, double tolerance) const {
  if (last_.size() < 2 * kWindow) return false;
  const auto middle = last_.begin() + kWindow;
  const double before = std::accumulate(last_.begin(), middle, 0.0);
  const double last = std::accumulate(middle, last_.end(), 0.0);
  if (last == 0.0) return true;
  // Passes get slower and slower, which a comparison of sums is late to see; right after a sweep they are faster than
  // before it, which single passes do not show; and neither sees that slow progress may go on for long.
  std::array<double, 2 * kWindow - 1> ratios{};
  for (std::size_t i = 0; i < ratios.size(); ++i)
    ratios[i] = last_[i] > 0.0 ? last_[i + 1] / last_[i] : 1.0;
  std::ranges::sort(ratios);
  const double left = std::max(RestOfSeries(last, last / before),
                               RestOfSeries(last_.back(), ratios[ratios.size() / 2 + 1]));
  return last < Negligible(objective, tolerance) &&
         left < kPredictedShare * tolerance * std::fabs(objective);
}

}  // namespace steelyard::job
