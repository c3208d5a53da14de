// One-line bugs that test builds can plant in production code, to show that the simulation would find them.
#pragma once

namespace steelyard {

enum class PlantedBug {
  kNone,
  kSkippedDedup,        ///< A server applies a push that it has applied before.
  kClockAdvancedEarly,  ///< A server's clock moves although an entry's keys were refused or missing.
  kLostKey,             ///< A server drops the last key of a push.
  kWrongSlice,          ///< A client gives the first key of a segment to the segment before it.
  kDroppedAck,          ///< A server never answers a push that it has seen before.
  kStaleView,           ///< The head hands out the view of a table that has lost a server.
  kWeakGate,  ///< A server answers a pull one step before its gate opens, and says that it did not.
};

#ifdef SY_PLANTED_BUGS
/// The bug that is planted now; set by the simulation only.
inline PlantedBug planted_bug = PlantedBug::kNone;
inline bool Planted(PlantedBug bug) {
  return planted_bug == bug;
}
#else
constexpr bool Planted(PlantedBug) {
  return false;
}
#endif

}  // namespace steelyard
