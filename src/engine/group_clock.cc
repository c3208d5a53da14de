#include "engine/group_clock.h"

#include <algorithm>

#include "base/planted_bug.h"

namespace steelyard::engine {

bool GroupClock::Passed(Step gate_step) const {
  if (gate_step == wire::kNoGate) return true;
  if (streams_.size() < members_min_) return false;
  return gate_step <= min_ || (Planted(PlantedBug::kWeakGate) && gate_step == min_ + 1);
}

bool GroupClock::Join(StreamId stream, Session session, Step first_step,
                      std::uint32_t members_min) {
  members_min_ = std::max<std::size_t>(members_min_, members_min);
  const auto [at, inserted] = streams_.try_emplace(stream);
  Entry& entry = at->second;
  if (entry.retired || (!inserted && session <= entry.session)) return false;
  entry.session = session;
  entry.contiguous_ts = 0;
  entry.ahead.clear();
  if (inserted) entry.through = first_step - 1;
  (void)Recompute();
  return inserted && streams_.size() >= members_min_;
}

bool GroupClock::Retire(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.retired) return false;
  found->second.retired = true;
  found->second.ahead.clear();
  return Recompute();
}

bool GroupClock::Announce(StreamId stream, Session session, Ts ts, Ts acked_ts, Step through_step) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.session != session) return false;
  if (found->second.retired) return false;
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
  return entry.through != through_before && Recompute();
}

std::vector<StreamId> GroupClock::Behind(Step step) const {
  std::vector<StreamId> behind;
  for (const auto& [stream, entry] : streams_) {
    if (!entry.retired && entry.through < step) behind.push_back(stream);
  }
  return behind;
}

Step GroupClock::MinWhere(const std::function<Step(StreamId)>& through_there) const {
  if (streams_.size() < members_min_) return min_;
  Step least = wire::kStepMax;
  for (const auto& [stream, entry] : streams_) {
    if (!entry.retired) least = std::min(least, std::max(entry.through, through_there(stream)));
    if (least == min_) break;
  }
  return least;
}

Step GroupClock::through(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? -1 : found->second.through;
}

bool GroupClock::active(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found != streams_.end() && !found->second.retired;
}

std::size_t GroupClock::memory_bytes() const {
  constexpr std::size_t kNodeBytes = 4 * sizeof(void*);
  std::size_t bytes = 0;
  for (const auto& [stream, entry] : streams_) {
    bytes += kNodeBytes + sizeof(std::pair<const StreamId, Entry>) +
             entry.ahead.size() * (kNodeBytes + sizeof(std::pair<const Ts, Step>));
  }
  return bytes;
}

bool GroupClock::Recompute() {
  const Step before = min_;
  min_ = streams_.size() < members_min_ ? -1 : wire::kStepMax;
  for (const auto& [stream, entry] : streams_) {
    if (!entry.retired) min_ = std::min(min_, entry.through);
  }
  return min_ > before;
}

}  // namespace steelyard::engine
