#include "wire/staleness.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

namespace steelyard::wire {

std::size_t StalenessSums::BucketOf(std::uint64_t steps) {
  return steps == 0 ? 0 : 1 + static_cast<std::size_t>(std::bit_width(steps - 1));
}

std::uint64_t StalenessSums::BucketEnd(std::size_t bucket) {
  if (bucket == 0) return 0;
  return bucket > 64 ? std::numeric_limits<std::uint64_t>::max() : std::uint64_t{1} << (bucket - 1);
}

void StalenessSums::Record(Step step, Step through_min) {
  // Unsigned, because a peer's number may lie anywhere.
  const std::uint64_t stale = through_min >= step - 1 ? 0
                                                      : static_cast<std::uint64_t>(step - 1) -
                                                            static_cast<std::uint64_t>(through_min);
  ++pulls;
  steps += stale;
  steps_max = std::max(steps_max, stale);
  const std::size_t bucket = BucketOf(stale);
  if (buckets.size() <= bucket) buckets.resize(bucket + 1);
  ++buckets[bucket];
}

void StalenessSums::Add(const StalenessSums& other) {
  pulls += other.pulls;
  steps += other.steps;
  steps_max = std::max(steps_max, other.steps_max);
  if (buckets.size() < other.buckets.size()) buckets.resize(other.buckets.size());
  for (std::size_t i = 0; i < other.buckets.size(); ++i) buckets[i] += other.buckets[i];
}

Status StalenessSums::Check() const {
  if (buckets.size() <= kBucketsMax) return {};
  return Status(StatusCode::kCorruption,
                "a histogram of staleness with " + std::to_string(buckets.size()) + " buckets");
}

}  // namespace steelyard::wire
