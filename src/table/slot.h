// Slot: where a row lies: in which bucket of four keys and their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "steelyard/types.h"

namespace steelyard::table {

/// Keys of a bucket, which are followed by as many rows. A power of two that divides every bucket's address.
inline constexpr std::size_t kLanes = 4;

/// The first byte of a row's bucket, and as many bytes further as its lane.
using Slot = std::byte*;
inline constexpr Slot kNoSlot = nullptr;

/// Bytes of a bucket: 64 when a row is 2 floats.
constexpr std::size_t BucketBytes(std::size_t row_floats) {
  return kLanes * (sizeof(Key) + row_floats * sizeof(float));
}

inline Key* KeysOfBucket(std::byte* bucket) {
  return reinterpret_cast<Key*>(bucket);
}
inline float* RowsOfBucket(std::byte* bucket) {
  return reinterpret_cast<float*>(bucket + kLanes * sizeof(Key));
}

inline std::size_t LaneOf(Slot slot) {
  return reinterpret_cast<std::uintptr_t>(slot) % kLanes;
}
inline std::byte* BucketOf(Slot slot) {
  return slot - LaneOf(slot);
}
inline Key KeyOf(Slot slot) {
  return KeysOfBucket(BucketOf(slot))[LaneOf(slot)];
}
inline float* RowOf(Slot slot, std::size_t row_floats) {
  return RowsOfBucket(BucketOf(slot)) + LaneOf(slot) * row_floats;
}

/// Where the first keys of a list are looked for first; the memory was asked for it.
struct HomeBuckets {
  std::span<std::byte* const> buckets{};
  std::uint64_t generation = 0;  ///< Of the table, then: pages may have been rebuilt since.

  bool IsOf(std::size_t keys, std::uint64_t now) const {
    return keys == buckets.size() && generation == now;
  }
};

/// Room for where the keys of a list are, to be filled and shown again: what a table finds there need not be searched.
/// Only the table that filled it knows what it means.
struct SlotHints {
  std::span<Slot> slots{};  ///< [n], or empty where nobody wants to know.
  /// Do they hold where the keys were a short while ago (kNoSlot: nowhere)? Set by the table once they do; until then
  /// they are not looked at.
  bool* filled = nullptr;
  /// What Rows::Prefetch() said of these keys.
  HomeBuckets homes{};

  bool usable() const { return filled != nullptr && *filled; }
  void SetFilled() const {
    if (filled != nullptr) *filled = true;
  }
};

}  // namespace steelyard::table
