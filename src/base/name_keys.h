// KeysOfNames(): the keys of many short names, eight at a time and without a branch on their lengths.
#pragma once

#include <cstddef>
#include <cstdint>

#include "steelyard/types.h"

namespace steelyard {

/// Names side by side: name i is the first sizes[i] of the kBytes at `text` + i * kBytes.
struct NameSlots {
  static constexpr std::size_t kBytes = 32;  ///< Of a slot, and the longest name.
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kFrontBytes = 8;  ///< Readable before the first slot.

  const char* text;
  const std::uint32_t* sizes;  ///< 1 to kBytes.
  std::size_t count;           ///< Slots and sizes are readable to the next multiple of kLanes.
};

/// Write KeyOfName() of each name to `keys`, which has room to the next multiple of NameSlots::kLanes.
void KeysOfNames(const NameSlots& names, Key* keys);

}  // namespace steelyard
