#include "job/delay_policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace steelyard::job {
namespace {

/// A climb that leaves more than this share of the idle time was in vain.
constexpr double kIdleLeftMax = 0.9;
/// Weight of an observation in the running mean of the loss.
constexpr double kLossWeight = 0.3;
/// "Hardly idle": this share of what is tolerated.
constexpr double kCalmShare = 0.25;
constexpr int kRestMax = 256;

}  // namespace

bool AdaptiveDelay::LossRises(const std::optional<double>& loss) {
  if (!loss) return false;
  if (!std::isfinite(*loss)) return true;
  const bool rises = usual_loss_ && *loss > *usual_loss_ * (1.0 + options_.loss_rise);
  usual_loss_ = usual_loss_ ? (1.0 - kLossWeight) * *usual_loss_ + kLossWeight * *loss : *loss;
  return rises;
}

void AdaptiveDelay::Rest() {
  resting_ = rest_length_;
  rest_length_ = std::min(rest_length_ * 2, kRestMax);
  calm_ = 0;
}

void AdaptiveDelay::Climb(double idle) {
  climbed_from_ = tau_;
  idle_before_climb_ = idle;
  tau_ = std::min(options_.max, tau_ == 0 ? Step{1} : tau_ * 2);
}

Step AdaptiveDelay::Next(const DelayObservation& seen) {
  const double idle = std::isfinite(seen.idle_fraction) ? seen.idle_fraction : 0.0;
  const std::optional<Step> climbed_from = std::exchange(climbed_from_, std::nullopt);
  if (LossRises(seen.loss)) {
    tau_ /= 2;
    Rest();
    return tau_;
  }
  if (climbed_from && idle > idle_before_climb_ * kIdleLeftMax) {
    tau_ = *climbed_from;
    Rest();
    return tau_;
  }
  if (resting_ > 0) {
    --resting_;
    return tau_;
  }
  if (idle > options_.idle_max) {
    calm_ = 0;
    if (tau_ < options_.max) Climb(idle);
    return tau_;
  }
  calm_ = idle <= options_.idle_max * kCalmShare ? calm_ + 1 : 0;
  if (calm_ < calm_needed_ || tau_ == 0) return tau_;
  tau_ /= 2;  // If that is too low, one climb brings it back, and the next attempt comes later.
  calm_ = 0;
  calm_needed_ = std::min(calm_needed_ * 2, kRestMax);
  return tau_;
}

std::unique_ptr<DelayPolicy> MakeAdaptiveDelay() {
  return std::make_unique<AdaptiveDelay>();
}

}  // namespace steelyard::job
