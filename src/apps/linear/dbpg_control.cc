#include "apps/linear/dbpg_control.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steelyard::apps::linear {
namespace {

/// The first share of the safe bound; it doubles from there.
constexpr float kSafetyFirst = 0.02F;
/// Sums of a million losses in another order differ by less.
constexpr double kRounding = 1e-10;
constexpr std::uint32_t kSmallInARow = 2;
constexpr double kUnknown = std::numeric_limits<double>::infinity();
/// Of the tolerance: the prediction is not exact.
constexpr double kPredictedShare = 0.25;

}  // namespace

DbpgControl::DbpgControl(const Options& options, double objective)
    : options_(options), tau_(options.tau), objective_(objective) {}

void DbpgControl::PlanNext(double violation_max) {
  plan_.tau = tau_;
  if (options_.filter) {
    plan_.margin = static_cast<float>(violation_max / static_cast<double>(options_.examples) *
                                      options_.filter_ratio);
  }
}

DbpgControl::Next DbpgControl::OnPassEnd(double objective, double violation_max) {
  ++passes_;
  const bool used_up = passes_ >= options_.passes_max;
  if (!(objective <= objective_ + kRounding * std::fabs(objective_))) {  // Not a number either.
    ++taken_back_;
    small_ = 0;
    ratio_ = 1.0;
    if (tau_ > 0) {
      tau_ /= 2;
    } else {
      plan_.safety = std::min(1.0F, std::max(2.0F * plan_.safety, kSafetyFirst));
    }
    plan_.tau = std::min(plan_.tau, tau_);
    return used_up ? Next::kPassesUsedUp : Next::kTakeBack;
  }
  const double decrease = std::max(0.0, objective_ - objective);
  const double ratio = decrease_ > 0.0 ? decrease / decrease_ : 1.0;
  const double rho = std::max(ratio, ratio_);
  // What is left to gain, if decreases are a geometric series.
  const double left = rho < 1.0 ? decrease * rho / (1.0 - rho) : kUnknown;
  const bool small =
      decrease == 0.0 || left < kPredictedShare * options_.tolerance * std::fabs(objective);
  small_ = small ? small_ + 1 : 0;
  ratio_ = ratio;
  decrease_ = decrease;
  objective_ = objective;
  PlanNext(violation_max);
  if (small_ >= kSmallInARow) return Next::kCertify;
  return used_up ? Next::kPassesUsedUp : Next::kPass;
}

DbpgControl::Next DbpgControl::OnCertified(double gain, double violation_max) {
  if (gain < kPredictedShare * options_.tolerance * std::fabs(objective_)) return Next::kConverged;
  small_ = 0;
  PlanNext(violation_max);
  return passes_ >= options_.passes_max ? Next::kPassesUsedUp : Next::kPass;
}

}  // namespace steelyard::apps::linear
