// HashTable: the ordered (key, row) map of one segment, for keys that appear as data streams in.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "steelyard/types.h"
#include "table/hash_page.h"
#include "table/page_memory.h"

namespace steelyard::table {

/// Rows of `row_floats` floats under uint64 keys of one key range.
///
/// Open addressing whose home slot is the key scaled into the capacity: slots are in key order, sorted requests walk
/// memory forwards and scans are ordered. The range is cut into pages of at most 16 Ki keys, each with a scale of its
/// own: a full page grows or splits alone, so no request waits for a whole rehash; and where keys crowd (dense or
/// grouped raw ids) pages get smaller and their scales steeper, down to pages of 64 keys that hold any keys at all.
/// So keys that no scale fits cost a search in a larger directory and short moves, never a quadratic scan.
///
/// Threads: confined to its shard.
/// Cost:    Find and Insert are O(1) expected for keys spread over `range`, O(log n) for any others; 32 to 64 bytes a
///          key for rows of 2 floats.
/// Source:  Wu, Ni, Jiang, PVLDB 2019 and Ding et al. (ALEX), SIGMOD 2020, for gapped arrays with a fitted scale.
class HashTable {
 public:
  /// @param range       the segment's keys; the caller never asks for one outside it.
  /// @param row_floats  floats per row, > 0.
  /// @param memory      borrowed: of the rows of this and other tables of the same thread.
  HashTable(KeyRange range, std::size_t row_floats, PageMemory& memory);

  /// Return the row of `key`, or nullptr when the key was never inserted. Valid until the next insertion.
  const float* Find(Key key) const;

  /// Return the row of `key`, inserting zeros when it is new. Valid until the next insertion.
  float* FindOrInsert(Key key);

  /// Remove `key` and its row. Pages do not shrink. @return false when it is absent.
  bool Erase(Key key);

  /// Rows of a group of neighbours in a key list, found together so that their updates vectorise.
  static constexpr std::size_t kGroup = 16;

  /// Call `visit(first, rows)` for groups of up to kGroup neighbours, in order: rows[i] is the row of keys[first + i], or
  /// nullptr where it is absent.
  /// @param keys  [n] strictly increasing.
  template <typename Visit>
  [[gnu::always_inline]] inline void FindBatch(std::span<const Key> keys, Visit&& visit) const;

  /// Likewise, inserting absent keys; no row is nullptr. The rows are valid in the call only.
  template <typename Visit>
  [[gnu::always_inline]] inline void FindOrInsertBatch(std::span<const Key> keys, Visit&& visit);

  /// Were all of `keys` inserted? @param keys  [n] strictly increasing.
  bool HasAll(std::span<const Key> keys) const;

  /// Visit rows in key order from the first key >= `first`, until `visit(key, row)` returns false or the end.
  /// @return true when the end of the table was reached.
  bool Scan(Key first, const std::function<bool(Key, std::span<const float>)>& visit) const;

  std::size_t size() const { return size_; }
  std::size_t row_floats() const { return row_floats_; }
  const KeyRange& range() const { return range_; }
  /// Pages that hold the keys; more than size() / 4096 of them tell that the keys crowd.
  std::size_t page_count() const { return pages_.size(); }
  /// Bytes of memory held.
  std::size_t memory_bytes() const;

 private:
  /// A key whose home bucket is on its way into the cache.
  struct Located {
    std::byte* bucket;
    Key empty_key;
    std::uint64_t generation;
  };
  static constexpr std::size_t kAhead =
      64;  // Keys located and prefetched ahead of the one visited.

  std::size_t PageIndexOf(Key key) const {
    const std::size_t bin = static_cast<std::size_t>((key - range_.first) >> bin_shift_);
    std::size_t low = bins_[bin];
    const std::size_t high = bins_[bin + 1];
    return low == high ? low : SearchPages(key, low, high);
  }
  std::size_t SearchPages(Key key, std::size_t low, std::size_t high) const;
  Located Locate(Key key, std::size_t& page) const {
    if (key > pages_[page].range().last || key < pages_[page].range().first) {
      page = PageIndexOf(key);
    }
    std::byte* bucket = pages_[page].HomeBucket(key);
    __builtin_prefetch(bucket);
    if (HashPage::BucketBytes(row_floats_) != 64) {
      __builtin_prefetch(bucket + HashPage::BucketBytes(row_floats_) - 1);
    }
    return {bucket, pages_[page].empty_key(), generation_};
  }

  void Grow(std::size_t page, Key pending);
  void BuildPages(KeyRange range, const HashPage::Entries& entries, const Key* pending,
                  bool settled, std::vector<HashPage>& built) const;
  void ReplacePage(std::size_t page, std::vector<HashPage> built);
  void RebuildBins();

  KeyRange range_;
  std::size_t row_floats_;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 0;
  std::uint64_t generation_ = 0;  // Counts rebuilds: they invalidate bucket addresses.
  PageMemory* memory_;
  std::vector<HashPage> pages_;  // In key order; together they cover range_.
  std::vector<std::uint32_t>
      bins_;  // Page of the first key of each 2^bin_shift_ keys; one more than bins.
  std::uint32_t bin_shift_ = 0;
};

template <typename Visit>
inline void HashTable::FindBatch(std::span<const Key> keys, Visit&& visit) const {
  std::array<Located, kAhead> window;
  std::array<const float*, kGroup> group;
  std::size_t page = 0;
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < count && i < kAhead; ++i) window[i] = Locate(keys[i], page);
  for (std::size_t first = 0; first < count; first += kGroup) {
    const std::size_t size = std::min(kGroup, count - first);
    for (std::size_t i = first; i < first + size; ++i) {
      Located& at = window[i % kAhead];
      group[i - first] = HashPage::FindFrom(at.bucket, keys[i], at.empty_key, row_floats_);
      if (i + kAhead < count) at = Locate(keys[i + kAhead], page);
    }
    visit(first, std::span<const float* const>(group.data(), size));
  }
}

template <typename Visit>
inline void HashTable::FindOrInsertBatch(std::span<const Key> keys, Visit&& visit) {
  std::array<Located, kAhead> window;
  std::array<float*, kGroup> group;
  std::size_t page = 0;
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < count && i < kAhead; ++i) window[i] = Locate(keys[i], page);
  std::size_t first = 0;  // keys[first, i) are in the group.
  for (std::size_t i = 0; i < count; ++i) {
    Located& at = window[i % kAhead];
    float* row = at.generation == generation_
                     ? HashPage::FindFrom(at.bucket, keys[i], at.empty_key, row_floats_)
                     : nullptr;
    if (row == nullptr) [[unlikely]] {  // An insertion moves rows, also those of the group.
      if (i > first) visit(first, std::span<float* const>(group.data(), i - first));
      first = i;
      row = FindOrInsert(keys[i]);
      page = 0;  // The directory may have changed.
    }
    group[i - first] = row;
    if (i + kAhead < count) at = Locate(keys[i + kAhead], page);
    if (i + 1 - first == kGroup) {
      visit(first, std::span<float* const>(group));
      first = i + 1;
    }
  }
  if (first < count) visit(first, std::span<float* const>(group.data(), count - first));
}

}  // namespace steelyard::table
