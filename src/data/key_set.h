// KeySet: a grow-only open-addressing set of keys.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::data {

/// For keys that are spread over uint64, as hashes are.
class KeySet {
 public:
  /// True when `key` was not there yet.
  bool Add(Key key) {
    if (key == 0) return !std::exchange(has_zero_, true);
    if (2 * (count_ + 1) > slots_.size()) Grow();
    const std::size_t slot = Find(key);
    if (slots_[slot] == key) return false;
    slots_[slot] = key;
    ++count_;
    return true;
  }
  std::size_t size() const { return count_ + (has_zero_ ? 1 : 0); }

 private:
  static constexpr std::size_t kSlotsMin = 1024;

  /// The slot of `key`, or the free one where it belongs.
  std::size_t Find(Key key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = key & mask;
    while (slots_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & mask;
    return slot;
  }

  void Grow() {
    const std::size_t slots = slots_.empty() ? kSlotsMin : 2 * slots_.size();
    const std::vector<Key> old = std::exchange(slots_, std::vector<Key>(slots));
    for (const Key key : old) {
      if (key != 0) slots_[Find(key)] = key;
    }
  }

  std::vector<Key> slots_;  ///< 0 is free; the key 0 itself is kept in has_zero_.
  std::size_t count_ = 0;
  bool has_zero_ = false;
};

}  // namespace steelyard::data
