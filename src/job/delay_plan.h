// DelayPlan: the delay of each step of a worker, as the head plans and changes it.
#pragma once

#include "wire/job_messages.h"

namespace steelyard::job {

/// Threads: confined to the worker's loop. PURE.
class DelayPlan {
 public:
  /// A pass begins. @param plan  knows every decision up to plan.decision.
  void Begin(const wire::PassPlan& plan) {
    tau_ = next_tau_ = plan.tau;
    decision_ = plan.decision;
  }

  void Take(const wire::Decide& decide) {
    if (decide.decision <= decision_) return;  // A repeat, or one that was overtaken.
    decision_ = decide.decision;
    from_step_ = decide.from_step;
    next_tau_ = decide.tau;
  }

  /// The delay of `step`. Steps are asked for in order.
  Step Of(Step step) {
    if (step >= from_step_) tau_ = next_tau_;
    return tau_;
  }

  std::uint32_t decision() const { return decision_; }

 private:
  Step tau_ = 0;
  Step next_tau_ = 0;  ///< From from_step_ on.
  Step from_step_ = 0;
  std::uint32_t decision_ = 0;
};

}  // namespace steelyard::job
