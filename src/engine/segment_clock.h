// SegmentClock: which pushes of which stream a segment has applied; what makes a retry harmless.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <vector>

#include "steelyard/types.h"
#include "wire/data_messages.h"

namespace steelyard::engine {

/// What to do with a push of (stream, session, ts, prev_ts).
struct PushVerdict {
  wire::EntryCode code = wire::EntryCode::kOk;
  bool duplicate = false;    ///< kOk, and already applied: acknowledge, do not apply.
  std::uint64_t detail = 0;  ///< As wire::EntryAnswer::detail.
};

/// The clock of one segment: per stream its session, the last ts applied and the step it is through.
///
/// This is the paper's vector clock with range keys. The ranges are the segments and need no splitting: a stream's pushes
/// to a segment are applied in order, so its time is the same on all of the segment's keys.
///
/// Threads: confined to the segment's shard.
/// Cost:    O(1) a call; 32 bytes a stream.
/// Source:  vector clocks, Li et al., OSDI 2014, section 4.2; sessions fence a stream's earlier processes.
class SegmentClock {
 public:
  /// Let `session` speak for `stream`, unless a later one does.
  /// @return the session that speaks for the stream now.
  Session Open(StreamId stream, Session session);

  /// Decide on a push; changes nothing.
  PushVerdict Check(StreamId stream, Session session, Ts ts, Ts prev_ts) const;

  /// The push `ts` of `stream` is applied, after which it is through `through`: here, whatever is missing elsewhere, for
  /// pushes of a stream are applied in their order.
  void Advance(StreamId stream, Ts ts, Step through = -1);

  /// The last ts applied of `stream`; 0 when none was.
  Ts ts(StreamId stream) const;

  /// The step that `stream` is through on the segment's keys, as far as its pushes here say; -1 at first.
  Step through(StreamId stream) const;

  /// Every stream that was opened, by number.
  std::vector<StreamId> Streams() const;

  /// Forget streams that have pushed nothing and that `forgettable` names: who pushes after all is told to open again.
  void ForgetSilent(const std::function<bool(StreamId)>& forgettable);

  bool knows(StreamId stream) const { return streams_.contains(stream); }
  std::size_t stream_count() const { return streams_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    Session session = 0;
    Ts ts = 0;
    Step through = -1;
  };
  std::unordered_map<StreamId, Entry> streams_;
};

}  // namespace steelyard::engine
