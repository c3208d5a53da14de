// HashTable: the ordered (key, row) map of one segment, for keys that appear as data streams in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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

  /// Keys that are looked up together while the memory is asked for those behind them: few enough that the rows of both
  /// stay in the nearest caches, many enough that the memory always has requests.
  static constexpr std::size_t kRunMax = kPrefetchMax;

  void Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const override;
  void Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) override;
  HomeBuckets Prefetch(std::span<const Key> keys, std::span<std::byte*> scratch) const override;
  std::size_t FirstAbsent(std::span<const Key> keys) const override;
  bool Scan(Key first,
            const std::function<bool(Key, std::span<const float>)>& visit) const override;
  std::optional<KeyRange> Span() const override;
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
    const std::uint32_t* const page_at =
        bins_.data() + bin;  // Checked subscripts cost as much as the search.
    std::size_t page = *page_at;
    // Added, not asked: half of the bins have a page's end, and no processor foresees on which side a key is.
    page += HomesOf(page).Holds(key) ? 0 : 1;
    return HomesOf(page).Holds(key) ? page : SearchPages(key, page + 1, page_at[1]);
  }
  const HashPage::Homes& HomesOf(std::size_t page) const { return pages_.data()[page].homes(); }
  std::size_t SearchPages(Key key, std::size_t low, std::size_t high) const;
  Slot FindSlot(Key key) const { return pages_[PageIndexOf(key)].FindSlot(key); }

  /// Keys that are looked up together.
  struct Run {
    std::span<const Key> keys;
    std::span<Slot> slots;  ///< Where they are found.
    bool hinted;            ///< Each slot is kNoSlot or one of this table, perhaps of another key.
    std::uint64_t generation;  ///< When the memory was asked for their buckets.
    std::byte* const* homes;   ///< These, unless `hinted`.
    std::array<std::byte*, kRunMax> scratch;
  };
  void Fetch(Run& run) const;
  template <std::size_t kBucketBytes>
  void FetchHomesOf(std::span<const Key> keys, std::byte** homes) const;
  void FetchHomes(std::span<const Key> keys, std::byte** homes) const;
  void FetchHomes(Run& run) const;
  static void FindInHomes(const Run& run, Missed& missed);
  static void CheckHints(const Run& run, Missed& missed);
  void FindMost(Run& run, Missed& missed) const;
  std::size_t Find(Run& run) const;
  void InsertMissed(Run& run, const Missed& missed);
  void FindOrInsert(Run& run);
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
