// DelayPolicy: how far ahead workers may run, decided while they do, from idle time and progress (--tau auto).
#pragma once

#include <memory>
#include <optional>

#include "steelyard/types.h"

namespace steelyard::job {

/// What the workers of a job did together since the last observation.
struct DelayObservation {
  double idle_fraction = 0.0;  ///< Of the time of their computing threads, in [0, 1].
  std::optional<double> loss;  ///< Mean loss of the rows, each before it was learned.
};

/// Decides on the delay of one job. Replaceable: the scheduler knows no more than this.
///
/// Threads: confined to the head's loop. PURE: the same observations give the same decisions.
class DelayPolicy {
 public:
  virtual ~DelayPolicy() = default;
  /// The delay of the first step.
  virtual Step initial() const = 0;
  /// @return the delay from now on; the same as before, mostly.
  virtual Step Next(const DelayObservation& seen) = 0;
};

/// Climbs while it pays, descends when learning suffers.
///
/// - Idle for more than idle_max: double the delay. If that did not take at least a tenth of the idle time away, the workers wait
///   for something else (input, a worker that is always slower): take it back and try again later, each time later.
/// - The loss rises by more than loss_rise over its running mean: halve the delay.
/// - Hardly idle for a while: halve the delay; fresher rows cost nothing then.
///
/// Source: dynamic delays, Li et al., OSDI 2014, section 3.4, leave the rule to the user; this one is ours.
class AdaptiveDelay final : public DelayPolicy {
 public:
  struct Options {
    Step first = 1;
    Step max = 64;
    double idle_max = 0.05;
    double loss_rise = 0.05;
  };
  AdaptiveDelay() : AdaptiveDelay(Options{}) {}
  explicit AdaptiveDelay(const Options& options) : options_(options), tau_(options.first) {}

  Step initial() const override { return options_.first; }
  Step Next(const DelayObservation& seen) override;

 private:
  bool LossRises(const std::optional<double>& loss);
  void Rest();
  void Climb(double idle);

  Options options_;
  Step tau_;
  std::optional<double> usual_loss_;  ///< Running mean.
  std::optional<Step> climbed_from_;  ///< The last decision was to climb from here.
  double idle_before_climb_ = 0.0;
  int calm_ = 0;         ///< Observations in a row with hardly any idle time.
  int calm_needed_ = 8;  ///< So many bring the delay down; doubles.
  int resting_ = 0;      ///< Observations to let pass before the next climb.
  int rest_length_ = 4;  ///< Of the next rest; doubles.
};

std::unique_ptr<DelayPolicy> MakeAdaptiveDelay();

}  // namespace steelyard::job
