// HashPage: the rows of one key sub-range of a HashTable, in slots that are in key order.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "steelyard/types.h"
#include "table/lanes.h"
#include "table/page_memory.h"
#include "table/slot.h"

namespace steelyard::table {

/// Buckets of 4 keys followed by their 4 rows (64 bytes when a row is 2 floats).
///
/// A key's home bucket is its offset in the fitted range scaled to the number of buckets: a monotone map. Keys are
/// stored at or after their home without gaps and in increasing order, so a search stops at a larger key or an empty
/// slot, and a scan is a walk. An empty slot holds a key of another page; the last slot is always empty.
///
/// Threads: confined to its table's.
/// Source:  one line of the cache says where a key's home is: with some 1,000 pages that was worth a fifth of a look-up.
class alignas(64) HashPage {
  __extension__ using Wide = unsigned __int128;

 public:
  /// A run of occupied slots that an insertion may leave behind; a longer one asks for a rebuild.
  static constexpr std::size_t kRunMax = 128;
  /// The longest run in a page that was just built, unless it has at most this many keys.
  static constexpr std::size_t kRunBuiltMax = 64;

  /// Rows in key order, borrowed while a page is built from them.
  struct Entries {
    std::span<const Key> keys;
    std::span<float* const> rows;
  };
  /// A monotone map from keys to home buckets.
  struct Scale {
    Key base = 0;
    std::uint64_t span = 0;  ///< Largest scaled offset; keys beyond it share the last bucket.
    std::uint64_t multiplier = 0;
    std::uint32_t shift = 0;

    std::size_t HomeOf(Key key) const {
      const std::uint64_t offset = key <= base ? 0 : std::min(key - base, span);
      return static_cast<std::size_t>((Wide{offset << shift} * multiplier) >> 64);
    }
  };
  /// Where keys go: the scale, and the sizes that follow.
  struct Plan {
    Scale scale;
    std::uint32_t buckets = 0;  ///< Home buckets.
    std::size_t slots_used = 0;
    std::size_t longest_run = 0;
  };

  /// Return the number of home buckets, about `wanted`, whose page fills a block of memory.
  static std::uint32_t FittingBuckets(std::uint32_t wanted, std::size_t row_floats);

  /// Fit `buckets` home buckets to [first, last] and place `keys`, which may lie outside.
  static Plan MakePlan(KeyRange fitted, std::uint32_t buckets, std::span<const Key> keys);

  /// Where the page's keys are looked for first, to be kept in registers over a run of keys.
  class Homes {
   public:
    Homes(const Scale& scale, std::byte* buckets, Key last)
        : scale_(scale), buckets_(buckets), last_(last) {}
    /// Is `key` one of this page's, given that it is not before its range?
    bool Holds(Key key) const { return key <= last_; }
    std::size_t Index(Key key) const { return scale_.HomeOf(key); }
    std::byte* Bucket(Key key, std::size_t bucket_bytes) const {
      return buckets_ + Index(key) * bucket_bytes;
    }

   private:
    Scale scale_;
    std::byte* buckets_;
    Key last_;
  };

  /// Build a page of `range` (not all of uint64) with `entries` placed by `plan`.
  /// @param memory  borrowed; holds the rows.
  HashPage(KeyRange range, std::size_t row_floats, const Plan& plan, const Entries& entries,
           PageMemory& memory);

  const Homes& homes() const { return homes_; }
  const KeyRange& range() const { return range_; }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return PageMemory::BlockBytes(storage_.get_deleter().bytes); }
  Key empty_key() const { return empty_key_; }

  /// The slot of `key` when it stands in this bucket, else kNoSlot.
  [[gnu::always_inline]] static inline Slot SlotInBucket(std::byte* bucket, Key key) {
    const unsigned match = MatchingLanes(KeysOfBucket(bucket), key);
    if (match == 0) [[unlikely]]
      return kNoSlot;
    return bucket + std::countr_zero(match);
  }

  /// Insert `key`, which this bucket is the home of and does not hold, with zeros, if its bucket has room and rows are 2
  /// floats; then no other holds it. @return its slot, or kNoSlot.
  [[gnu::always_inline]] inline Slot InsertAtHome(std::byte* bucket, Key key);

  Slot FindSlot(Key key) const;

  /// Return the slot of `key`, inserting zeros; kNoSlot when the page must be rebuilt first. Slots of smaller keys stay
  /// what they are.
  Slot FindOrInsert(Key key);

  /// Remove `key`. @return false when it is absent.
  bool Erase(Key key);

  /// Return every key and row, in order, in place of what is there. The rows stay owned by the page.
  void Collect(std::vector<Key>& keys, std::vector<float*>& rows) const;

  /// The largest key; nothing where there are none.
  std::optional<Key> LastKey() const;

  /// Visit rows from the first key >= `first`, until `visit(key, row)` returns false.
  /// @return false when the visitor stopped.
  template <typename Visit>
  bool Scan(Key first, Visit&& visit) const {
    std::size_t slot = first <= range_.first ? 0 : HomeSlot(first);
    for (; slot < slot_count_; ++slot) {
      const Key key = KeyAt(slot);
      if (key == empty_key_ || key < first) continue;
      if (!visit(key, std::span<const float>(RowAt(slot), row_floats_))) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kSpareBuckets = kRunMax / kLanes + 1;

  /// The first slot in which `key` may stand.
  std::size_t HomeSlot(Key key) const { return homes_.Index(key) * kLanes; }

  Key& KeyAt(std::size_t slot) const {
    return KeysOfBucket(storage_.get() + slot / kLanes * bucket_bytes_)[slot % kLanes];
  }
  float* RowAt(std::size_t slot) const {
    return RowsOfBucket(storage_.get() + slot / kLanes * bucket_bytes_) +
           slot % kLanes * row_floats_;
  }
  /// Counted, not searched: no processor foresees where a search would end.
  [[gnu::always_inline]] inline std::size_t OccupiedLanes(std::size_t bucket) const {
    const Key* const keys = KeysOfBucket(storage_.get() + bucket * bucket_bytes_);
    std::size_t occupied = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
      occupied += static_cast<std::size_t>(keys[i] != empty_key_);
    }
    return occupied;
  }
  void Put(std::size_t slot, Key key, const float* row);

  /// The slot of `key`, or kNoSlot and the bucket that it would stand in.
  [[gnu::always_inline]] inline Slot Search(Key key, std::byte*& bucket) const {
    for (bucket = homes_.Bucket(key, bucket_bytes_);; bucket += bucket_bytes_) {
      const unsigned match = MatchingLanesOneByOne(KeysOfBucket(bucket), key);
      if (match != 0) return bucket + std::countr_zero(match);
      // Occupied slots come first in a bucket, and in increasing order.
      const Key last = KeysOfBucket(bucket)[kLanes - 1];
      if (last == empty_key_ || last > key) return kNoSlot;
    }
  }

  Homes homes_;
  PageBlock storage_;
  std::uint32_t bucket_bytes_;
  std::uint32_t row_floats_;
  KeyRange range_;
  Key empty_key_;
  std::size_t slot_count_;
  std::size_t count_ = 0;
  std::size_t count_max_;
};

static_assert(sizeof(HashPage) == 128);  // A power of two: a page is found by a shift.

inline Slot HashPage::InsertAtHome(std::byte* bucket, Key key) {
  using Four = std::uint64_t __attribute__((vector_size(kLanes * sizeof(Key))));
  const bool has_room = KeysOfBucket(bucket)[kLanes - 1] == empty_key_;
  if (!has_room || count_ >= count_max_ || row_floats_ != 2) return kNoSlot;
  Four keys;
  Four rows;
  std::memcpy(&keys, KeysOfBucket(bucket), sizeof keys);
  std::memcpy(&rows, RowsOfBucket(bucket), sizeof rows);
  // Keys before the new one stay, the others move on by a lane. No jump: nobody foresees where the key belongs.
  const Four stays = (keys < key) & (keys != empty_key_);
  Four from = __builtin_shufflevector(stays, stays, 0, 0, 1, 2);
  from[0] = ~std::uint64_t{0};
  const Four moved_keys = __builtin_shufflevector(keys, keys, 0, 0, 1, 2);
  const Four moved_rows = __builtin_shufflevector(rows, rows, 0, 0, 1, 2);
  keys = (keys & stays) | (~stays & ((from & key) | (~from & moved_keys)));
  rows = (rows & stays) | (~stays & ~from & moved_rows);
  std::memcpy(KeysOfBucket(bucket), &keys, sizeof keys);
  std::memcpy(RowsOfBucket(bucket), &rows, sizeof rows);
  ++count_;
  return bucket - static_cast<std::ptrdiff_t>(stays[0] + stays[1] + stays[2]);
}

}  // namespace steelyard::table
