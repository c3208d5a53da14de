// SegmentClock: which pushes of which stream a segment has applied; what makes a retry harmless.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "steelyard/types.h"
#include "wire/data_messages.h"

namespace steelyard::engine {

/// What to do with a push of (stream, session, ts, prev_ts).
struct PushVerdict {
  wire::EntryCode code = wire::EntryCode::kOk;
  bool duplicate = false;    ///< kOk, and already applied: acknowledge, do not apply.
  std::uint64_t detail = 0;  ///< As wire::EntryAnswer::detail.
};

/// The clock of one segment: per stream its session and the last ts applied.
///
/// Threads: confined to the segment's shard.
/// Cost:    O(1) a call; 24 bytes a stream.
/// Source:  vector clocks, Li et al., OSDI 2014, section 4.2; sessions fence a stream's earlier processes.
class SegmentClock {
 public:
  /// Let `session` speak for `stream`, unless a later one does.
  /// @return the session that speaks for the stream now.
  Session Open(StreamId stream, Session session);

  /// Decide on a push; changes nothing.
  PushVerdict Check(StreamId stream, Session session, Ts ts, Ts prev_ts) const;

  /// The push `ts` of `stream` is applied.
  void Advance(StreamId stream, Ts ts);

  /// The last ts applied of `stream`; 0 when none was.
  Ts ts(StreamId stream) const;

  bool knows(StreamId stream) const { return streams_.contains(stream); }
  std::size_t stream_count() const { return streams_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    Session session = 0;
    Ts ts = 0;
  };
  std::unordered_map<StreamId, Entry> streams_;
};

}  // namespace steelyard::engine
