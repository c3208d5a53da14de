// HashTable: the ordered (key, row) map of one segment, for keys that appear as data streams in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "steelyard/types.h"
#include "table/hash_page.h"
#include "table/page_memory.h"
#include "table/rows.h"

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
class HashTable final : public Rows {
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

  /// Keys that are looked up together: few enough that their rows stay in the nearest caches until they are used.
  static constexpr std::size_t kRunMax = 512;

  /// Where the rows of `keys` lie, kNoSlot for absent ones. Valid until the next insertion.
  /// @param keys    [n <= kRunMax] strictly increasing.
  /// @param slots   [n] filled; what it holds before is not looked at, unless `hinted`.
  /// @param hinted  each slot is kNoSlot or one of this table since when generation() has not changed: a slot that still
  ///                holds its key costs no search.
  /// @return how many are absent.
  std::size_t FindSlots(std::span<const Key> keys, std::span<Slot> slots,
                        bool hinted = false) const;

  /// Likewise, inserting absent keys.
  void FindOrInsertSlots(std::span<const Key> keys, std::span<Slot> slots, bool hinted = false);

  float* RowAt(Slot slot) const { return RowOf(slot, row_floats_); }

  void Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const override;
  void Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) override;
  std::size_t FirstAbsent(std::span<const Key> keys) const override;
  bool Scan(Key first,
            const std::function<bool(Key, std::span<const float>)>& visit) const override;
  std::size_t size() const override { return size_; }
  std::size_t row_floats() const override { return row_floats_; }
  std::size_t memory_bytes() const override;
  /// Counts rebuilds of pages.
  std::uint64_t generation() const override { return generation_; }

  const KeyRange& range() const { return range_; }
  /// Pages that hold the keys; more than size() / 4096 of them tell that the keys crowd.
  std::size_t page_count() const { return pages_.size(); }

 private:
  /// Keys of a run that need a closer look.
  struct Missed {
    std::array<std::uint16_t, kRunMax> at;  ///< Their places in the run; the first `count` are set.
    std::size_t count = 0;
  };

  std::size_t PageIndexOf(Key key) const {
    const std::size_t bin = static_cast<std::size_t>((key - range_.first) >> bin_shift_);
    std::size_t low = bins_[bin];
    const std::size_t high = bins_[bin + 1];
    return low == high ? low : SearchPages(key, low, high);
  }
  std::size_t SearchPages(Key key, std::size_t low, std::size_t high) const;
  Slot FindSlot(Key key) const { return pages_[PageIndexOf(key)].FindSlot(key); }

  template <std::size_t kBucketBytes>
  void FindInHomesOf(std::span<const Key> keys, std::span<Slot> slots, Missed& missed) const;
  void FindInHomes(std::span<const Key> keys, std::span<Slot> slots, Missed& missed) const;
  static void CheckHints(std::span<const Key> keys, std::span<Slot> slots, Missed& missed);
  void FindMost(std::span<const Key> keys, std::span<Slot> slots, bool hinted,
                Missed& missed) const;
  Slot FindOrInsertSlot(Key key);

  template <typename Resolve>
  void ForEachRun(std::span<const Key> keys, SlotHints hints, Resolve&& resolve,
                  const VisitRun& visit) const;

  void Grow(std::size_t page, Key pending);
  void BuildPages(KeyRange range, const HashPage::Entries& entries, const Key* pending,
                  bool settled, std::vector<HashPage>& built) const;
  void ReplacePage(std::size_t page, std::vector<HashPage> built);
  void RebuildBins();

  KeyRange range_;
  std::size_t row_floats_;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 0;
  std::uint64_t generation_ = 0;
  PageMemory* memory_;
  std::vector<HashPage> pages_;  // In key order; together they cover range_.
  std::vector<std::uint32_t>
      bins_;  // Page of the first key of each 2^bin_shift_ keys; one more than bins.
  std::uint32_t bin_shift_ = 0;
};

}  // namespace steelyard::table
