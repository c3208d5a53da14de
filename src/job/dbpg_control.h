// DbpgControl: decides, pass after pass, how delayed block proximal gradient goes on: delay, safety, filter, end.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>

namespace steelyard::job {

/// The scheduler's part. After each pass all blocks are finished and the objective is exact; what comes next is a
/// function of the figures so far.
///
/// The curvature of a step bounds one coordinate that moves alone, so a pass can make the objective worse. It is taken
/// back then, and the next one waits for more blocks (half the delay), or, at delay 0, adds more of the bound that holds
/// for all coordinates at once; with all of it no pass can fail.
///
/// PURE.
/// Source: Li et al., NIPS 2014; the ladder, the stopping rule and the certificate are ours.
class DbpgControl {
 public:
  struct Options {
    std::uint32_t tau = 8;    ///< Blocks that may be under way beside the one that begins.
    double tolerance = 1e-4;  ///< Of the objective, relative.
    std::uint32_t passes_max = 1000;
    bool filter = true;  ///< Leave settled features out.
    double filter_ratio = 10.0;
    std::uint64_t examples = 1;
    std::uint32_t sweep_after =
        8;  ///< Passes before the first sweep; then as often as sweeps are worth it.
  };
  /// What the next pass over the blocks does.
  struct Plan {
    std::uint32_t tau = 0;
    float safety = 0.0F;
    /// Features at 0 whose gradient is that far below l1 settle.
    float margin = std::numeric_limits<float>::infinity();
    bool take_back = false;  ///< First of all, undo the last pass.
  };
  enum class Next {
    kPass,     ///< Begin a pass by plan().
    kCertify,  ///< Sweep over all features, by plan(); then OnCertified().
    kConverged,
    kPassesUsedUp,
  };

  /// @param objective  at the first weights.
  DbpgControl(const Options& options, double objective);

  const Plan& plan() const { return plan_; }

  /// @param objective      now, exact.
  /// @param violation_max  of the pass, before each feature's step.
  Next OnPassEnd(double objective, double violation_max);

  /// @param gain           what features that had settled would still take off the objective, about.
  /// @param violation_max  over all features, at the present weights.
  Next OnCertified(double gain, double violation_max);

  /// Of the last pass that was kept.
  double objective() const { return objective_; }
  std::uint32_t passes() const { return passes_; }
  std::uint32_t taken_back() const { return taken_back_; }

 private:
  void PlanNext(double violation_max);
  /// About what further passes over the active features would take off the objective.
  double Left(double decrease) const;
  /// Has the filter worked for so long that what it left out should be looked at?
  bool SweepDue() const;

  Options options_;
  Plan plan_;
  std::uint32_t tau_;
  double objective_;
  double decrease_ = 0.0;      ///< Of the last pass that was kept.
  std::deque<double> ratios_;  ///< Of each decrease to the one before, of the last passes.
  std::uint32_t small_ = 0;    ///< Passes in a row after which little was left to gain.
  std::uint32_t unswept_ = 0;  ///< Passes since the last sweep.
  std::uint32_t sweep_after_;  ///< So many.
  double swept_objective_;     ///< At the last sweep.
  std::uint32_t passes_ = 0;
  std::uint32_t taken_back_ = 0;
};

}  // namespace steelyard::job
