// RangeClock: the time of every stream on every key of a segment, kept per range of keys.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::engine {

/// A map from keys to vector clocks, stored as ranges of equal clocks: the paper's vector clock with range keys.
///
/// Setting a range's time for a stream splits at most two stored ranges, each in two (one stored range that contains it in
/// three), and merges neighbours that have become equal, which the paper leaves open. So there are never more ranges than
/// the cuts of what was pushed: 2n + 1 after n ranges of one stream, and one again when all of it has been covered.
/// Beyond ranges_max the neighbours whose clocks differ least are not looked for: the two that hold the range's own edges
/// lose them, and take the smaller of the times on both sides. A clock that is too old is harmless; one too new is not.
///
/// Threads: confined to its segment's shard. PURE.
/// Cost:    Set: O(log ranges + ranges covered) with streams' entries copied where it splits.
/// Source:  Li et al., OSDI 2014, section 4.2, "vector clocks".
class RangeClock {
 public:
  using Clock =
      std::vector<std::pair<StreamId, Step>>;  ///< By stream; absent: before the first step.
  static constexpr std::size_t kRangesMax = 4096;
  static constexpr Step kNever = -1;

  explicit RangeClock(KeyRange segment, std::size_t ranges_max = kRangesMax);

  /// `stream` is through `step` on the keys of `range`; an earlier step changes nothing. @param range  in the segment.
  void Set(KeyRange range, StreamId stream, Step step);
  /// Forget a stream that has left.
  void Remove(StreamId stream);

  /// The time of `stream` on `key`.
  Step At(Key key, StreamId stream) const;
  /// The earliest time of `stream` on any key of `range`.
  Step Min(KeyRange range, StreamId stream) const;
  /// The vector clock of a range: for each stream that has been on all of its keys, its earliest time there.
  Clock ClockOf(KeyRange range) const;

  std::size_t range_count() const { return ranges_.size(); }
  std::size_t memory_bytes() const;

 private:
  using Ranges = std::map<Key, Clock>;  ///< By first key; a range ends before the next one.
  Ranges::const_iterator Holding(Key key) const;
  /// Let a range begin at `key`.
  Ranges::iterator Cut(Key key);
  /// Join the range at `at` with the one before it if they are equal. @return the range that holds `at`'s keys.
  Ranges::iterator MergeBefore(Ranges::iterator at);
  /// Give up the border at `at`: both sides take the earlier times.
  void GiveUpBorder(Ranges::iterator at);

  KeyRange segment_;
  std::size_t ranges_max_;
  Ranges ranges_;
};

}  // namespace steelyard::engine
