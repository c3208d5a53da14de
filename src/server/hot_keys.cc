#include "server/hot_keys.h"

#include <algorithm>

namespace steelyard::server {

std::size_t HotKeys::Gap() {
  random_ ^=
      random_ << 13U;  // Marsaglia's xorshift: any stream without the lists' periods will do.
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  return 1 + random_ % (2 * kStride - 1);
}

std::size_t HotKeys::Least() {
  // Counts rise: once a whole round finds none that is as low, the least one is higher.
  for (std::size_t passed = 0; entries_[hand_].count > least_; ++passed) {
    if (passed == kTracked) least_ = std::ranges::min(entries_, {}, &wire::HotKey::count).count;
    hand_ = (hand_ + 1) % kTracked;
  }
  return hand_;
}

void HotKeys::Count(Key key) {
  if (++samples_ == kFade) Fade();
  if (const auto found = places_.find(key); found != places_.end()) {
    ++entries_[found->second].count;
    return;
  }
  if (entries_.size() < kTracked) {
    places_[key] = entries_.size();
    entries_.push_back({.key = key, .count = 1, .error = 0});
    return;
  }
  const std::size_t at = Least();
  wire::HotKey& entry = entries_[at];
  places_.erase(entry.key);
  places_[key] = at;
  entry = {.key = key, .count = entry.count + 1, .error = entry.count};
}

void HotKeys::Fade() {
  samples_ /= 2;
  least_ /= 2;
  for (wire::HotKey& entry : entries_) {
    entry.count /= 2;
    entry.error = std::min(entry.error / 2, entry.count);
  }
}

std::vector<wire::HotKey> HotKeys::Top(std::size_t most) const {
  std::vector<wire::HotKey> top = entries_;
  std::erase_if(top, [](const wire::HotKey& entry) { return entry.count == entry.error; });
  std::ranges::sort(top, [](const wire::HotKey& a, const wire::HotKey& b) {
    const auto least = [](const wire::HotKey& entry) { return entry.count - entry.error; };
    return least(a) != least(b) ? least(a) > least(b) : a.key < b.key;
  });
  if (top.size() > most) top.resize(most);
  return top;
}

}  // namespace steelyard::server
