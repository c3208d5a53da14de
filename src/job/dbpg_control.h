// DbpgControl: decides, pass after pass, how delayed block proximal gradient goes on: delay, safety, filter, end.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "job/decreases.h"
#include "math/search_model.h"

namespace steelyard::job {

/// The scheduler's part. After each pass all blocks are finished and the objective is exact; what comes next is a
/// function of the figures so far.
///
/// The curvature of a step bounds one coordinate that moves alone, so a pass can make the objective worse. It is taken
/// back then, and the next one waits for more blocks (half the delay), or, at delay 0, adds more of the bound that holds
/// for all coordinates at once; with all of it no pass can fail.
///
/// After a pass that is kept comes a search along what it changed and what changed before it: coordinates that move
/// alone creep through narrow valleys, which the search crosses. It costs no look at the columns.
///
/// PURE.
/// Source: Li et al., NIPS 2014; the ladder, the search (math/search_model.h), the stopping rule and the certificate are
///         ours. On a million rows of one-hot fields the search takes passes to 1e-4 from 60 to 21.
class DbpgControl {
 public:
  struct Options {
    std::uint32_t tau = 1;    ///< Blocks that may be under way beside the one that begins.
    double tolerance = 1e-4;  ///< Of the objective, relative.
    std::uint32_t passes_max = 1000;
    bool filter = true;  ///< Leave settled features out.
    double filter_ratio = 10.0;
    std::uint64_t examples = 1;
  };
  /// What the next pass over the blocks does.
  struct Plan {
    std::uint32_t tau = 0;
    float safety = 0.0F;
    /// Features at 0 whose gradient is that far below l1 settle.
    float margin = std::numeric_limits<float>::infinity();
    bool take_back = false;  ///< First of all, undo the last pass.
    math::SearchMove move;   ///< Otherwise, end the last pass with it; kSearch: what to look at.
  };
  enum class Next {
    kPass,  ///< Begin a pass by plan().
    kSearch,  ///< Measure the objective after plan().move at each of math::kSearchScales; then OnSearched().
    kCertify,  ///< Sweep over all features, by plan(); then OnCertified().
    kConverged,
    kPassesUsedUp,
  };

  /// @param objective  at the first weights.
  DbpgControl(const Options& options, double objective);

  const Plan& plan() const { return plan_; }

  /// What a pass found.
  struct Pass {
    double objective = 0.0;      ///< Now, exact.
    double violation_max = 0.0;  ///< Before each feature's step.
    double active_share = 1.0;   ///< Of the data's entries, those at features that are not settled.
    math::SearchModel model = {};  ///< Along the pass; by default there is nothing to search.
  };
  Next OnPassEnd(const Pass& pass);

  /// @param objectives  by scale.
  Next OnSearched(std::span<const double> objectives);

  /// @param objective      with margins computed anew: moves round weights, and margins do not follow that.
  /// @param gain           what features that had settled would still take off the objective, about.
  /// @param violation_max  over all features, at the present weights.
  Next OnCertified(double objective, double gain, double violation_max);

  /// Of the last pass that was kept.
  double objective() const { return objective_; }
  std::uint32_t passes() const { return passes_; }
  std::uint32_t taken_back() const { return taken_back_; }

 private:
  void PlanNext(double violation_max);
  /// Go on from here: the pass is kept, its search is over.
  Next OnKept(double objective);
  double Negligible() const;
  /// Has the filter worked for so long that what it left out should be looked at?
  bool SweepDue() const;

  Options options_;
  Plan plan_;
  std::uint32_t tau_;
  double objective_;
  Pass pass_;                  ///< The last one that was kept.
  Decreases decreases_;        ///< Of the last passes in a row that were kept.
  std::uint32_t small_ = 0;    ///< Passes in a row after which little was left to gain.
  std::uint32_t unswept_ = 0;  ///< Passes since the last sweep.
  double unswept_work_ = 0.0;  ///< What they looked at, as a multiple of the data.
  std::uint32_t passes_ = 0;
  std::uint32_t taken_back_ = 0;
};

}  // namespace steelyard::job
