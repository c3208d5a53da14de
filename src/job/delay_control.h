// DelayControl: the delay of one job's workers while it runs: observes, lets a DelayPolicy decide, tells every slot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "job/delay_policy.h"
#include "steelyard/types.h"
#include "wire/job_messages.h"

namespace steelyard::job {

/// A decision names a step that no worker has reached, as far as the last reports tell; a worker that hears of it later
/// follows it from its next step on. Slots are told again until their reports repeat the decision's number, and nothing
/// new is decided before all have. Each pull carries the gate of the delay that its worker knew, so that the bound of the
/// moment holds at the servers whatever the network does.
///
/// Without a policy the delay is fixed.
///
/// Threads: confined to the head's loop. PURE.
class DelayControl {
 public:
  /// Minibatches of all slots together between two observations, for each slot.
  static constexpr std::uint64_t kMinibatchesPerSlot = 8;
  /// Decisions remembered for the report; later ones replace the last.
  static constexpr std::size_t kChoicesMax = 256;

  DelayControl() = default;
  /// @param policy  may be null.
  DelayControl(Step fixed, std::size_t slot_count, std::unique_ptr<DelayPolicy> policy);

  /// Every slot is told the present delay with its PASS_PLAN; decisions under way end.
  void BeginPass(Step first_step);

  /// @return what to tell the reporting slot, if it does not know it yet.
  std::optional<wire::Decide> OnProgress(const wire::Progress& progress);

  Step tau() const { return tau_; }
  std::uint32_t decision() const { return decision_; }
  /// The first delay and every change.
  const std::vector<wire::DelayChoice>& choices() const { return choices_; }

 private:
  struct Slot {
    bool observed = false;  ///< It follows the last decision; at_start is set.
    wire::WorkSums last;
    wire::WorkSums at_start;  ///< Of the present observation.
    Step next_step = 0;
    Step steps_per_report = 0;
    std::uint32_t decision = 0;  ///< Of which the slot knows.
  };
  bool WindowIsFull() const;
  DelayObservation Observe();
  void Decide();
  void Note(Step from_step);

  std::unique_ptr<DelayPolicy> policy_;
  std::vector<Slot> slots_;
  Step tau_ = 0;
  std::uint32_t decision_ = 0;
  Step from_step_ = 0;  ///< Of the last decision.
  std::vector<wire::DelayChoice> choices_;
};

}  // namespace steelyard::job
