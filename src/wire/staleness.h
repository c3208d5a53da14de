// StalenessSums: how far behind their own steps pulls found the slowest stream of their worker group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::wire {

/// A histogram that adds up over pulls, slots and passes.
///
/// A pull of step t whose answer includes every stream through step s is t - 1 - s steps stale, and 0 where s >= t - 1:
/// sequential pulls are 0 stale, those under bounded delay tau at most tau.
struct StalenessSums {
  /// Bucket 0 counts 0, bucket b > 0 the staleness above 2^(b-2), up to 2^(b-1): 1, 2, 3-4, 5-8, ... A delay that is a
  /// power of two ends a bucket.
  static constexpr std::size_t kBucketsMax = 66;

  std::uint64_t pulls = 0;
  std::uint64_t steps = 0;  ///< Summed over pulls.
  std::uint64_t steps_max = 0;
  std::vector<std::uint64_t> buckets;  ///< Up to the last that is not 0.

  template <typename V>
  void Fields(V& v) {
    v(pulls, steps, steps_max, buckets);
  }

  void Record(Step step, Step through_min);
  void Add(const StalenessSums& other);
  /// Errors: kCorruption  more buckets than there are.
  Status Check() const;

  double mean() const {
    return pulls == 0 ? 0.0 : static_cast<double>(steps) / static_cast<double>(pulls);
  }
  static std::size_t BucketOf(std::uint64_t steps);
  /// The largest staleness that `bucket` counts.
  static std::uint64_t BucketEnd(std::size_t bucket);

  bool operator==(const StalenessSums&) const = default;
};

}  // namespace steelyard::wire
