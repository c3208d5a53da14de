// ScoreHistogram: positive and negative weight per score, mergeable and bounded, from which AUC is computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::math {

/// The weight seen at one score. `score` is the order-preserving image of a float32, shifted right.
struct ScoreBin {
  std::uint32_t score;
  double positive;
  double negative;
  bool operator==(const ScoreBin&) const = default;
};

/// Counts of scores, exact while there are at most kBinsMax distinct ones.
///
/// Beyond that the scores lose their last bit, once more each time, until they fit: bins of neighbouring scores merge.
/// The final shift depends on the set of scores alone, not on the order of Add() and Merge().
/// Cost:    Add appends 8 bytes; bins are sorted and merged when the buffer is full. Holds at most
///          24 MiB of bins and 4 MiB of buffer; twice that while it merges.
/// Threads: confined to one thread.
class ScoreHistogram {
 public:
  static constexpr std::size_t kBinsMax = std::size_t{1} << 20;
  static constexpr std::uint32_t kShiftMax = 12;  ///< 2^20 bins always hold 32 - 12 bits.

  /// Count one row. @param weight  >= 0; a weight of 0 is not counted. @param score  not NaN.
  void Add(float score, bool positive, float weight) {
    if (!(weight > 0.0F)) return;
    pending_.push_back({OrderedBits(score), positive ? weight : -weight});
    if (pending_.size() >= pending_max_) Compact();
  }

  void Merge(const ScoreHistogram& other);

  /// Probability that a random positive scores above a random negative, ties counting half, weighted. Never flipped:
  /// a ranking worse than chance is below 0.5. Absent when one of the classes is.
  std::optional<double> Auc() const;

  /// Bins with increasing scores, and how many bits the scores have lost. Complete: all rows are in them.
  std::span<const ScoreBin> bins() const;
  std::uint32_t shift() const;

  /// Rebuild a histogram from what bins() and shift() gave.
  /// Errors: kCorruption  scores not increasing or too large, a weight negative or not finite, or too many bins.
  static Result<ScoreHistogram> FromBins(std::uint32_t shift, std::vector<ScoreBin> bins);

 private:
  struct Pending {
    std::uint32_t score;  // Not shifted.
    float signed_weight;  // Negative for a negative label.
  };
  static std::uint32_t OrderedBits(float score);

  void Compact() const;
  static void SortByScore(std::vector<Pending>& rows);
  void MergeBins(std::vector<ScoreBin> other) const;
  void Coarsen(std::uint32_t shift) const;

  // Compaction changes the representation, never the value: bins() and Auc() may compact.
  mutable std::vector<ScoreBin> bins_;
  mutable std::vector<Pending> pending_;
  mutable std::size_t pending_max_ = kPendingMin;
  mutable std::uint32_t shift_ = 0;

  static constexpr std::size_t kPendingMin = std::size_t{1} << 16;
};

}  // namespace steelyard::math
