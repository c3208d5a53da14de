// OpenSteps: what members of a group have pushed in steps that not all of them are through; summed once they are.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "steelyard/types.h"
#include "wire/data_messages.h"

namespace steelyard::engine {

/// The pushes of a worker group to an aggregated table, by step and segment, on one shard.
///
/// Sums are taken in the order of streams, and of each stream's pushes: one fixed chain of float additions per key, so that
/// they have the same bits whatever the order of arrival.
///
/// Threads: confined to its shard. PURE.
/// Cost:    Hold: a copy. TakeNext: a merge of two sorted lists for each push of the step.
/// Source:  aggregation before the update, Li et al., OSDI 2014, section 3.5.
class OpenSteps {
 public:
  /// One push's part for one segment. Shapes: keys [n] strictly increasing; floats [n, width].
  struct Part {
    StreamId stream = 0;
    Ts ts = 0;
    std::vector<Key> keys;
    std::vector<float> floats;
  };
  /// What one update of a segment's rows takes. Shapes: as Part's.
  struct Sum {
    SegmentId segment = 0;
    wire::Columns columns = wire::Columns::kValues;
    std::vector<Key> keys;
    std::vector<float> floats;
  };

  /// Keep a part; those of one (segment, columns) have the same width, and each (stream, ts) comes once.
  void Hold(Step step, SegmentId segment, wire::Columns columns, Part part);

  /// The sums of the earliest step held, which is forgotten, if it is not after `through`; else nothing.
  std::optional<std::vector<Sum>> TakeNext(Step through);

  /// Forget what was pushed to a segment that begins anew.
  void Forget(SegmentId segment);

  bool empty() const { return steps_.empty(); }
  std::size_t step_count() const { return steps_.size(); }
  /// Of keys and floats.
  std::size_t bytes() const { return bytes_; }
  static std::size_t BytesOf(std::size_t keys, std::size_t floats) {
    return keys * sizeof(Key) + floats * sizeof(float);
  }

 private:
  using Target = std::pair<SegmentId, wire::Columns>;
  using Parts = std::vector<Part>;
  static Sum SumOf(const Target& target, Parts parts);

  std::map<Step, std::map<Target, Parts>> steps_;
  std::size_t bytes_ = 0;
};

}  // namespace steelyard::engine
