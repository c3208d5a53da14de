#include "job/dbpg_control.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace steelyard::job {
namespace {

/// The first share of the safe bound; it doubles from there.
constexpr float kSafetyFirst = 0.02F;
/// Sums of a million losses in another order differ by less.
constexpr double kRounding = 1e-10;
constexpr std::uint32_t kSmallInARow = 2;
constexpr double kUnknown = std::numeric_limits<double>::infinity();
/// Of the tolerance: the prediction is not exact.
constexpr double kPredictedShare = 0.25;
/// Decreases vary from pass to pass: the middle one of so many ratios counts.
constexpr std::size_t kRatios = 5;
constexpr std::uint32_t kSweepAfterMin = 4;
constexpr std::uint32_t kSweepAfterMax = 64;

}  // namespace

DbpgControl::DbpgControl(const Options& options, double objective)
    : options_(options),
      tau_(options.tau),
      objective_(objective),
      sweep_after_(options.sweep_after),
      swept_objective_(objective) {}

void DbpgControl::PlanNext(double violation_max) {
  plan_.tau = tau_;
  if (options_.filter) {
    plan_.margin = static_cast<float>(violation_max / static_cast<double>(options_.examples) *
                                      options_.filter_ratio);
  }
}

double DbpgControl::Left(double decrease) const {
  if (decrease == 0.0) return 0.0;
  if (ratios_.size() < 2) return kUnknown;
  std::vector<double> sorted(ratios_.begin(), ratios_.end());
  std::ranges::sort(sorted);
  const std::size_t last = ratios_.size() - 1;
  // If decreases are a geometric series.
  const double rho = std::max({sorted[sorted.size() / 2], ratios_[last], ratios_[last - 1]});
  return rho < 1.0 ? decrease * rho / (1.0 - rho) : kUnknown;
}

bool DbpgControl::SweepDue() const {
  return options_.filter && unswept_ >= sweep_after_;
}

DbpgControl::Next DbpgControl::OnPassEnd(double objective, double violation_max) {
  ++passes_;
  ++unswept_;
  const bool used_up = passes_ >= options_.passes_max;
  if (!(objective <= objective_ + kRounding * std::fabs(objective_))) {  // Not a number either.
    ++taken_back_;
    small_ = 0;
    ratios_.clear();
    decrease_ = 0.0;
    if (tau_ > 0) {
      tau_ /= 2;
    } else {
      plan_.safety = std::min(1.0F, std::max(2.0F * plan_.safety, kSafetyFirst));
    }
    plan_.tau = std::min(plan_.tau, tau_);
    plan_.take_back = true;
    return used_up ? Next::kCertify : Next::kPass;
  }
  plan_.take_back = false;
  const double decrease = std::max(0.0, objective_ - objective);
  if (decrease_ > 0.0) ratios_.push_back(decrease / decrease_);
  if (ratios_.size() > kRatios) ratios_.pop_front();
  const bool small = Left(decrease) < kPredictedShare * options_.tolerance * std::fabs(objective);
  small_ = small ? small_ + 1 : 0;
  decrease_ = decrease;
  objective_ = objective;
  PlanNext(violation_max);
  return used_up || small_ >= kSmallInARow || SweepDue() ? Next::kCertify : Next::kPass;
}

DbpgControl::Next DbpgControl::OnCertified(double gain, double violation_max) {
  plan_.take_back = false;
  const bool worth_it = gain >= swept_objective_ - objective_;
  sweep_after_ = worth_it ? std::max(sweep_after_ / 2, kSweepAfterMin)
                          : std::min(sweep_after_ * 2, kSweepAfterMax);
  unswept_ = 0;
  swept_objective_ = objective_;
  const bool settled_well = gain < kPredictedShare * options_.tolerance * std::fabs(objective_);
  if (settled_well && small_ >= kSmallInARow) return Next::kConverged;
  small_ = 0;
  PlanNext(violation_max);
  return passes_ >= options_.passes_max ? Next::kPassesUsedUp : Next::kPass;
}

}  // namespace steelyard::job
