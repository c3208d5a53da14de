#include "engine/segment_clock.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted_bug.h"

namespace steelyard::engine {

using wire::EntryCode;

Session SegmentClock::Open(StreamId stream, Session session) {
  Entry& entry = streams_[stream];
  entry.session = std::max(entry.session, session);
  return entry.session;
}

PushVerdict SegmentClock::Check(StreamId stream, Session session, Ts ts, Ts prev_ts) const {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return {.code = EntryCode::kNeedOpen};
  const Entry& entry = found->second;
  if (session < entry.session) return {.code = EntryCode::kFenced, .detail = entry.session};
  if (session > entry.session) return {.code = EntryCode::kNeedOpen, .detail = entry.session};
  if (ts <= entry.ts) {
    if (Planted(PlantedBug::kSkippedDedup)) return {};
    return {.duplicate = true};
  }
  if (prev_ts != entry.ts && !Planted(PlantedBug::kClockAdvancedEarly)) {
    return {.code = EntryCode::kGap, .detail = entry.ts};
  }
  return {};
}

void SegmentClock::Advance(StreamId stream, Ts ts, Step through) {
  Entry& entry = streams_[stream];
  SY_CHECK(ts > entry.ts || Planted(PlantedBug::kSkippedDedup));
  entry.ts = std::max(entry.ts, ts);
  entry.through = std::max(entry.through, through);
}

void SegmentClock::ForgetSilent(const std::function<bool(StreamId)>& forgettable) {
  std::erase_if(streams_, [&](const auto& entry) {
    return entry.second.ts == 0 && forgettable(entry.first);
  });
}

Step SegmentClock::through(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? -1 : found->second.through;
}

std::vector<StreamId> SegmentClock::Streams() const {
  std::vector<StreamId> streams;
  streams.reserve(streams_.size());
  for (const auto& [stream, entry] : streams_) streams.push_back(stream);
  std::ranges::sort(streams);
  return streams;
}

Ts SegmentClock::ts(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second.ts;
}

std::size_t SegmentClock::memory_bytes() const {
  constexpr std::size_t kNodeBytes = sizeof(void*) + sizeof(std::pair<const StreamId, Entry>);
  return streams_.bucket_count() * sizeof(void*) + streams_.size() * kNodeBytes;
}

}  // namespace steelyard::engine
