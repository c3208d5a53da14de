// GroupClock: how far each stream of a worker group is through its steps on one shard; what bounds the delay.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "steelyard/types.h"
#include "wire/data_messages.h"

namespace steelyard::engine {

/// Through-steps of the active streams of one (table, worker group) on one shard.
///
/// A stream is through step s when every push of its steps <= s that concerns this shard is applied here. Each push
/// frame goes to every shard, also without keys, and claims one more contiguous ts; a lost frame holds the stream back
/// until it is sent again.
///
/// Threads: confined to its shard. Cost: O(streams) when a stream advances.
/// Source:  bounded delay, Li et al., OSDI 2014, section 3.4; the rule is section 1.6 of the protocol.
class GroupClock {
 public:
  /// `stream` takes part from `first_step` on; a later session starts its announcements anew.
  /// @param members_min  gates stay closed until so many streams have joined; the largest that any of them names counts.
  /// @return true when gates may have opened.
  bool Join(StreamId stream, Session session, Step first_step, std::uint32_t members_min = 1);

  /// Nobody waits for `stream` any more, and it does not come back. @return true when gates may have opened.
  bool Retire(StreamId stream);

  /// A frame of push `ts` is applied in full: after it the stream is through `through_step`.
  /// @param acked_ts  the sender knows that every ts up to this one is applied everywhere.
  /// @return true when the group's minimum advanced.
  bool Announce(StreamId stream, Session session, Ts ts, Ts acked_ts, Step through_step);

  /// The step that every active stream is through; -1 at most until enough streams have joined, wire::kStepMax when all
  /// have retired.
  Step min() const { return min_; }

  /// The step that every active stream is through where `through_there` says how far each is; at least min().
  Step MinWhere(const std::function<Step(StreamId)>& through_there) const;

  /// The step that `stream` is through; -1 when it has not joined.
  Step through(StreamId stream) const;
  /// Somebody may wait for `stream`: it has joined and not left.
  bool active(StreamId stream) const;

  /// True when a task that needs `gate_step` may run.
  bool Passed(Step gate_step) const;

  /// Streams that are not through `step`, for messages about who is waited for.
  std::vector<StreamId> Behind(Step step) const;

  /// Nobody has joined.
  bool empty() const { return streams_.empty(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    Session session = 0;
    bool retired = false;
    Ts contiguous_ts = 0;
    Step through = -1;
    /// Frames that overtook an earlier one, by ts; as many as the sender leaves unacknowledged.
    std::map<Ts, Step> ahead;
  };
  /// @return true when the minimum rose.
  bool Recompute();

  std::map<StreamId, Entry> streams_;  ///< Retired ones, too.
  std::size_t members_min_ = 1;
  Step min_ = -1;
};

}  // namespace steelyard::engine
