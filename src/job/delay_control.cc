#include "job/delay_control.h"

#include <algorithm>
#include <utility>

namespace steelyard::job {

DelayControl::DelayControl(Step fixed, std::size_t slot_count, std::unique_ptr<DelayPolicy> policy)
    : policy_(std::move(policy)),
      slots_(slot_count),
      tau_(policy_ == nullptr ? fixed : policy_->initial()) {}

void DelayControl::BeginPass(Step first_step) {
  for (Slot& slot : slots_) {
    slot = {};
    slot.next_step = first_step;
    slot.decision = decision_;  // Its PASS_PLAN tells it.
  }
  from_step_ = first_step;
  if (choices_.empty()) Note(first_step);
}

std::optional<wire::Decide> DelayControl::OnProgress(const wire::Progress& progress) {
  if (policy_ == nullptr || progress.slot >= slots_.size()) return {};
  Slot& slot = slots_[progress.slot];
  if (progress.next_step < slot.next_step || progress.work.idle_ns < slot.last.idle_ns ||
      progress.work.minibatches < slot.last.minibatches) {
    return {};  // Overtaken by a later report.
  }
  slot.steps_per_report = progress.next_step - slot.next_step;
  slot.next_step = progress.next_step;
  slot.last = progress.work;
  slot.decision = std::max(slot.decision, progress.decision);
  if (!slot.observed && slot.decision == decision_ && slot.next_step >= from_step_) {
    slot.observed = true;
    slot.at_start = progress.work;
  }
  if (WindowIsFull()) Decide();
  if (slot.decision >= decision_) return {};
  return wire::Decide{
      .job = progress.job, .decision = decision_, .from_step = from_step_, .tau = tau_};
}

bool DelayControl::WindowIsFull() const {
  std::uint64_t minibatches = 0;
  for (const Slot& slot : slots_) {
    if (!slot.observed) return false;
    minibatches += slot.last.minibatches - slot.at_start.minibatches;
  }
  return minibatches >= kMinibatchesPerSlot * slots_.size();
}

DelayObservation DelayControl::Observe() {
  double idle = 0.0;
  double spent = 0.0;
  double loss = 0.0;
  double weight = 0.0;
  for (Slot& slot : slots_) {
    const auto waited = static_cast<double>(slot.last.idle_ns - slot.at_start.idle_ns);
    idle += waited;
    spent += waited + static_cast<double>(slot.last.busy_ns - slot.at_start.busy_ns);
    loss += slot.last.loss_sum - slot.at_start.loss_sum;
    weight += slot.last.weight_sum - slot.at_start.weight_sum;
    slot.at_start = slot.last;
  }
  DelayObservation seen;
  if (spent > 0.0) seen.idle_fraction = idle / spent;
  if (weight > 0.0) seen.loss = loss / weight;
  return seen;
}

void DelayControl::Decide() {
  const Step tau = policy_->Next(Observe());
  if (tau == tau_) return;
  tau_ = tau;
  ++decision_;
  Step furthest = 0;
  Step stride = 1;
  for (Slot& slot : slots_) {
    furthest = std::max(furthest, slot.next_step);
    stride = std::max(stride, slot.steps_per_report);
    slot.observed = false;  // Again when it follows.
  }
  from_step_ = furthest + 2 * stride;
  Note(from_step_);
}

void DelayControl::Note(Step from_step) {
  if (choices_.size() == kChoicesMax) choices_.pop_back();
  choices_.push_back({.from_step = from_step, .tau = tau_});
}

}  // namespace steelyard::job
