#include "job/dbpg_control.h"

#include <algorithm>
#include <cmath>

namespace steelyard::job {
namespace {

/// The first share of the safe bound; it doubles from there.
constexpr float kSafetyFirst = 0.02F;
/// Sums of a million losses in another order differ by less.
constexpr double kRounding = 1e-10;
/// Weights are floats: near the optimum a pass may make the objective worse by such a share of what is negligible. It is
/// taken back, but it has not failed: there is nothing left to gain.
constexpr double kRiseShare = 1e-3;
constexpr std::uint32_t kSmallInARow = 2;
/// A sweep after so many passes, or after looking at so much of the data in fewer.
constexpr std::uint32_t kSweepAfter = 8;
constexpr double kSweepAfterWork = 6.0;
/// The first passes go far: blocks that do not know of each other would make them worse.
constexpr std::uint32_t kPassesWithoutDelay = 2;

}  // namespace

DbpgControl::DbpgControl(const Options& options, double objective)
    : options_(options), tau_(options.tau), objective_(objective) {}

void DbpgControl::PlanNext(double violation_max) {
  plan_.tau = passes_ < kPassesWithoutDelay ? 0 : tau_;
  if (options_.filter) {
    plan_.margin = static_cast<float>(violation_max / static_cast<double>(options_.examples) *
                                      options_.filter_ratio);
  }
}

double DbpgControl::Negligible() const {
  return Decreases::Negligible(objective_, options_.tolerance);
}

bool DbpgControl::SweepDue() const {
  return options_.filter && (unswept_ >= kSweepAfter || unswept_work_ >= kSweepAfterWork);
}

DbpgControl::Next DbpgControl::OnPassEnd(const Pass& pass) {
  ++passes_;
  ++unswept_;
  unswept_work_ += pass.active_share;
  plan_.move = {};
  const double rise = pass.objective - objective_;
  plan_.take_back = !(rise <= kRounding * std::fabs(objective_));  // Not a number either.
  // The most careful pass raises nothing: the objective before was told too low, by rounding.
  const bool most_careful = tau_ == 0 && plan_.safety >= 1.0F;
  if (plan_.take_back && rise < (most_careful ? 1.0 : kRiseShare) * Negligible())
    return OnKept(objective_);
  if (plan_.take_back) {
    ++taken_back_;
    small_ = 0;
    decreases_.Clear();
    if (tau_ > 0) {
      tau_ /= 2;
    } else {
      plan_.safety = std::min(1.0F, std::max(2.0F * plan_.safety, kSafetyFirst));
    }
    plan_.tau = std::min(plan_.tau, tau_);
    return passes_ >= options_.passes_max ? Next::kCertify : Next::kPass;
  }
  pass_ = pass;
  const auto move = pass.model.Minimum();
  if (!move) return OnKept(pass.objective);
  plan_.move = *move;
  return Next::kSearch;
}

DbpgControl::Next DbpgControl::OnSearched(std::span<const double> objectives) {
  plan_.move.scale = 0.0;
  double least = pass_.objective - kRounding * std::fabs(pass_.objective);
  for (std::size_t i = 0; i < std::min(objectives.size(), math::kSearchScales.size()); ++i) {
    if (!(objectives[i] < least)) continue;
    least = objectives[i];
    plan_.move.scale = math::kSearchScales[i];
  }
  return OnKept(plan_.move.scale == 0.0 ? pass_.objective : least);
}

DbpgControl::Next DbpgControl::OnKept(double objective) {
  decreases_.Add(objective_ - objective);
  objective_ = objective;
  small_ = decreases_.LittleLeft(objective_, options_.tolerance) ? small_ + 1 : 0;
  PlanNext(pass_.violation_max);
  const bool used_up = passes_ >= options_.passes_max;
  return used_up || small_ >= kSmallInARow || SweepDue() ? Next::kCertify : Next::kPass;
}

DbpgControl::Next DbpgControl::OnCertified(double objective, double gain, double violation_max) {
  // Margins have been computed anew: they tell when those of the passes had gone astray.
  if (!(objective - objective_ <= Negligible() + kRounding * std::fabs(objective))) {
    small_ = 0;
    decreases_.Clear();
  }
  objective_ = objective;
  plan_.take_back = false;
  plan_.move = {};
  unswept_ = 0;
  unswept_work_ = 0.0;
  const bool settled_well = gain < Negligible();
  if (!settled_well) small_ = 0;
  if (small_ >= kSmallInARow) return Next::kConverged;
  PlanNext(violation_max);
  return passes_ >= options_.passes_max ? Next::kPassesUsedUp : Next::kPass;
}

}  // namespace steelyard::job
