#include "engine/range_clock.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace steelyard::engine {
namespace {

using Clock = RangeClock::Clock;

Step Time(const Clock& clock, StreamId stream) {
  const auto at = std::ranges::lower_bound(clock, stream, {}, &Clock::value_type::first);
  return at == clock.end() || at->first != stream ? RangeClock::kNever : at->second;
}

void Raise(Clock& clock, StreamId stream, Step step) {
  const auto at = std::ranges::lower_bound(clock, stream, {}, &Clock::value_type::first);
  if (at == clock.end() || at->first != stream) {
    clock.insert(at, {stream, step});
  } else {
    at->second = std::max(at->second, step);
  }
}

/// Keep of `clock` what `other` has too, at the earlier times.
void Lower(Clock& clock, const Clock& other) {
  std::erase_if(clock, [&](auto& entry) {
    entry.second = std::min(entry.second, Time(other, entry.first));
    return entry.second == RangeClock::kNever;
  });
}

}  // namespace

RangeClock::RangeClock(KeyRange segment, std::size_t ranges_max)
    : segment_(segment), ranges_max_(std::max<std::size_t>(ranges_max, 3)) {
  ranges_[segment.first] = {};
}

RangeClock::Ranges::const_iterator RangeClock::Holding(Key key) const {
  return std::prev(ranges_.upper_bound(key));
}

RangeClock::Ranges::iterator RangeClock::Cut(Key key) {
  const auto after = ranges_.upper_bound(key);
  const auto holding = std::prev(after);
  if (holding->first == key) return holding;
  return ranges_.emplace_hint(after, key, holding->second);
}

RangeClock::Ranges::iterator RangeClock::MergeBefore(Ranges::iterator at) {
  if (at == ranges_.end() || at == ranges_.begin()) return at;
  const auto before = std::prev(at);
  if (before->second != at->second) return at;
  ranges_.erase(at);
  return before;
}

void RangeClock::GiveUpBorder(Ranges::iterator at) {
  if (at == ranges_.end() || at == ranges_.begin()) return;
  const auto before = std::prev(at);
  Lower(before->second, at->second);
  ranges_.erase(at);
}

void RangeClock::Set(KeyRange range, StreamId stream, Step step) {
  SY_CHECK(segment_.first <= range.first && range.first <= range.last &&
           range.last <= segment_.last);
  const auto first = Cut(range.first);
  const auto end = range.last == segment_.last ? ranges_.end() : Cut(range.last + 1);
  for (auto at = first; at != end; ++at) Raise(at->second, stream, step);
  for (auto at = std::next(first); at != end;) at = std::next(MergeBefore(at));
  MergeBefore(end);
  (void)MergeBefore(first);
  // The newest borders go: what is pushed over and over keeps its own.
  if (ranges_.size() > ranges_max_) GiveUpBorder(ranges_.find(range.first));
  if (ranges_.size() > ranges_max_ && range.last != segment_.last)
    GiveUpBorder(ranges_.find(range.last + 1));
}

void RangeClock::Remove(StreamId stream) {
  for (auto& [first, clock] : ranges_)
    std::erase_if(clock, [&](const auto& entry) { return entry.first == stream; });
  for (auto at = std::next(ranges_.begin()); at != ranges_.end();) at = std::next(MergeBefore(at));
}

Step RangeClock::At(Key key, StreamId stream) const {
  return Time(Holding(key)->second, stream);
}

Step RangeClock::Min(KeyRange range, StreamId stream) const {
  Step min = At(range.first, stream);
  for (auto at = std::next(Holding(range.first)); at != ranges_.end() && at->first <= range.last;
       ++at)
    min = std::min(min, Time(at->second, stream));
  return min;
}

RangeClock::Clock RangeClock::ClockOf(KeyRange range) const {
  auto at = Holding(range.first);
  Clock clock = at->second;
  for (++at; at != ranges_.end() && at->first <= range.last; ++at) Lower(clock, at->second);
  return clock;
}

std::size_t RangeClock::memory_bytes() const {
  constexpr std::size_t kNodeBytes = 48 + sizeof(Ranges::value_type);
  std::size_t bytes = 0;
  for (const auto& [first, clock] : ranges_)
    bytes += kNodeBytes + clock.capacity() * sizeof(Clock::value_type);
  return bytes;
}

}  // namespace steelyard::engine
