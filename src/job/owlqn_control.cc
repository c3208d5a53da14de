#include "job/owlqn_control.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace steelyard::job {
namespace {

/// Of what a linear objective would fall by, what a step must bring (Armijo).
constexpr double kEnough = 1e-4;
constexpr double kShorter = 0.5;
/// A shorter step than after so many trials is rounding.
constexpr std::uint32_t kTrialsMax = 30;
constexpr std::uint32_t kSmallInARow = 2;

}  // namespace

OwlqnControl::Next OwlqnControl::OnGradient(std::span<const double> products) {
  constexpr std::size_t kBasis = math::QuasiNewtonMemory::kBasis;
  SY_CHECK(products.size() == (plan_.pair ? 3 : 1) * kBasis);
  if (plan_.pair)
    memory_.TakePair(products.subspan(kBasis, kBasis), products.subspan(2 * kBasis, kBasis));
  memory_.TakeGradient(products.first(kBasis));
  if (small_ >= kSmallInARow || memory_.gradient_squared() == 0.0) return Next::kConverged;
  if (passes_ >= options_.passes_max) return Next::kPassesUsedUp;
  return Search();
}

OwlqnControl::Next OwlqnControl::Search() {
  plan_.direction = memory_.Direction();
  // Without pairs nothing tells the scale; a step of length 1 is far for any weight.
  plan_.reach = memory_.empty() ? std::min(1.0, 1.0 / std::sqrt(memory_.gradient_squared())) : 1.0;
  trials_ = 0;
  return Next::kMove;
}

OwlqnControl::Next OwlqnControl::OnMoved(double objective, double slope) {
  if (plan_.reach == 0.0) {  // Back where the search began.
    if (memory_.empty()) return Next::kConverged;
    memory_.Forget();
    return Search();
  }
  if (slope < 0.0 && objective <= objective_ + kEnough * slope) {
    ++passes_;
    decreases_.Add(objective_ - objective);
    objective_ = objective;
    small_ = decreases_.LittleLeft(objective_, options_.tolerance) ? small_ + 1 : 0;
    plan_.pair = memory_.next_pair();
    return Next::kGradient;
  }
  plan_.reach = ++trials_ < kTrialsMax ? plan_.reach * kShorter : 0.0;
  return Next::kMove;
}

}  // namespace steelyard::job
