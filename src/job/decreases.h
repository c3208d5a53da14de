// Decreases: what the last passes of a batch solver took off the objective, and whether more of them would take off much.
#pragma once

#include <deque>

namespace steelyard::job {

/// PURE.
class Decreases {
 public:
  void Add(double decrease);
  void Clear() { last_.clear(); }

  /// Would further passes take off less than a part of `tolerance` times the objective? Never after few passes.
  bool LittleLeft(double objective, double tolerance) const;

  /// What the solvers call nothing: so much of the tolerance.
  static double Negligible(double objective, double tolerance);

 private:
  std::deque<double> last_;
};

}  // namespace steelyard::job
