// A ring of lists; the oldest make room.
#include "table/slot_memory.h"

namespace steelyard::table {

SlotHints SlotMemory::For(std::span<const Key> keys, std::uint64_t generation) {
  if (keys.empty() || keys.size() > kKeysMax) return {};
  for (List& list : lists_) {
    if (list.slots.size() != keys.size() || list.first != keys.front() || list.last != keys.back())
      continue;
    const bool filled = list.generation == generation;
    recalled_ += filled ? 1 : 0;
    list.generation = generation;
    return {.slots = list.slots, .filled = filled};
  }
  List* room = nullptr;
  do {
    room = &lists_[oldest_++ % lists_.size()];
    keys_ -= room->slots.size();
    room->slots.clear();
  } while (keys_ + keys.size() > kKeysMax);
  keys_ += keys.size();
  room->first = keys.front();
  room->last = keys.back();
  room->generation = generation;
  room->slots.resize(keys.size());
  return {.slots = room->slots};
}

}  // namespace steelyard::table
