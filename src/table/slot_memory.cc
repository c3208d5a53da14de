// A ring of lists; the oldest make room.
#include "table/slot_memory.h"

#include <algorithm>

namespace steelyard::table {

SlotHints SlotMemory::For(std::span<const Key> keys, std::uint64_t generation) {
  if (keys.empty() || keys.size() > kKeysMax) return {};
  const Identity identity{.first = keys.front(), .last = keys.back(), .count = keys.size()};
  const auto known = std::ranges::find(lists_, identity, &List::keys);
  if (known != lists_.end()) {
    known->filled &= known->generation == generation;
    known->generation = generation;
    recalled_ += known->filled ? 1 : 0;
    return HintsOf(*known);
  }
  if (keys.size() > kLongKeys && std::ranges::find(seen_, identity) == seen_.end()) {
    seen_[seen_oldest_++ % kListsMax] = identity;
    return {};
  }
  return HintsOf(MakeRoom(identity, generation));
}

SlotMemory::List& SlotMemory::MakeRoom(const Identity& keys, std::uint64_t generation) {
  if (slots_ == nullptr) slots_ = std::make_unique_for_overwrite<Slot[]>(kKeysMax);
  // Turns of kListsMax lists use the same bytes, so that short lists stay in the caches.
  if (oldest_ % kListsMax == 0 || next_ + keys.count > kKeysMax) next_ = 0;
  for (List& list : lists_) {
    if (list.at < next_ + keys.count && next_ < list.at + list.keys.count) list = {};
  }
  List& list = lists_[oldest_++ % kListsMax];
  list = {.keys = keys, .generation = generation, .at = next_, .filled = false};
  next_ += keys.count;
  return list;
}

}  // namespace steelyard::table
