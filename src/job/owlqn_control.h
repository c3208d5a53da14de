// OwlqnControl: decides, step after step, how an orthant-wise limited-memory quasi-Newton method (OWL-QN) goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "job/decreases.h"
#include "math/quasi_newton.h"

namespace steelyard::job {

/// The scheduler's part of the paper's system A. The servers hold every vector and say inner products; from these the
/// direction is a list of coefficients. Along it the step is halved until the objective falls by enough.
///
/// A pass is one direction with its line search: one gradient, and a look at the objective for each trial.
///
/// PURE.
/// Source: Andrew and Gao, ICML 2007; the stopping rule is that of DbpgControl.
class OwlqnControl {
 public:
  struct Options {
    double tolerance = 1e-4;  ///< Of the objective, relative.
    std::uint32_t passes_max = 1000;
  };
  struct Plan {
    std::vector<double> direction;  ///< kMove: coefficients of math::QuasiNewtonMemory's basis.
    double reach = 0.0;  ///< kMove: how far along it; 0 goes back to where the search began.
    std::optional<std::uint32_t> pair = {};  ///< kGradient: where the step goes that led here.
  };
  enum class Next {
    kGradient,  ///< Take the gradient where the weights are; then OnGradient().
    kMove,      ///< Go to a trial point; then OnMoved().
    kConverged,
    kPassesUsedUp,
  };

  /// @param objective  at the first weights, whose gradient comes first.
  OwlqnControl(const Options& options, double objective)
      : options_(options), objective_(objective) {}

  const Plan& plan() const { return plan_; }

  /// @param products  as the plan asked: the pseudo-gradient's with the basis, then the pair's.
  Next OnGradient(std::span<const double> products);

  /// @param objective  at the trial point, exact. @param slope  pseudo-gradient times the step to it.
  Next OnMoved(double objective, double slope);

  /// Of the last point that was accepted.
  double objective() const { return objective_; }
  std::uint32_t passes() const { return passes_; }

 private:
  Next Search();

  Options options_;
  Plan plan_;
  math::QuasiNewtonMemory memory_;
  double objective_;
  Decreases decreases_;
  std::uint32_t small_ = 0;   ///< Passes in a row after which little was left to gain.
  std::uint32_t trials_ = 0;  ///< Of this line search.
  std::uint32_t passes_ = 0;
};

}  // namespace steelyard::job
