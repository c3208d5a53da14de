#include "engine/group_clock.h"

#include <algorithm>

namespace steelyard::engine {

void GroupClock::Join(StreamId stream, Session session, Step first_step) {
  const auto [at, inserted] = streams_.try_emplace(stream);
  Entry& entry = at->second;
  if (!inserted && session <= entry.session) return;
  entry.session = session;
  entry.contiguous_ts = 0;
  entry.ahead.clear();
  if (inserted) entry.through = first_step - 1;
  Recompute();
}

bool GroupClock::Announce(StreamId stream, Session session, Ts ts, Ts acked_ts, Step through_step) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.session != session) return false;
  Entry& entry = found->second;
  if (ts > entry.contiguous_ts) entry.ahead[ts] = through_step;
  entry.contiguous_ts = std::max(entry.contiguous_ts, acked_ts);
  const Step through_before = entry.through;
  while (!entry.ahead.empty() && entry.ahead.begin()->first <= entry.contiguous_ts + 1) {
    const auto next = entry.ahead.begin();
    entry.contiguous_ts = std::max(entry.contiguous_ts, next->first);
    entry.through = std::max(entry.through, next->second);
    entry.ahead.erase(next);
  }
  if (entry.through == through_before) return false;
  const Step before = min_;
  Recompute();
  return min_ > before;
}

std::vector<StreamId> GroupClock::Behind(Step step) const {
  std::vector<StreamId> behind;
  for (const auto& [stream, entry] : streams_) {
    if (entry.through < step) behind.push_back(stream);
  }
  return behind;
}

void GroupClock::Recompute() {
  min_ = wire::kStepMax;
  for (const auto& [stream, entry] : streams_) min_ = std::min(min_, entry.through);
}

}  // namespace steelyard::engine
