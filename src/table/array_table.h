// ArrayTable: the rows of one segment under a fixed set of keys: sorted keys, and a contiguous column per float of a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "table/page_memory.h"
#include "table/rows.h"

namespace steelyard::table {

/// For batch solvers, whose features are known before the first pass: a block of features is the ranks [first, first + n)
/// of a segment, its values a slice of each column, and neither needs keys. Lists of keys work as on a HashTable, but
/// touch a line of the cache for each float of a row.
///
/// Made by a Freezer.
///
/// Threads: confined to its shard.
/// Cost:    FindRanks is O(1) a key for keys spread over their range and for dense ones, O(log n) for any others; lists of all
///          keys of a range, such as a block, are compared instead of searched; 8 bytes a
///          key, 4 for each float of its row, and 2 at most for the index.
/// Source:  index, keys and floats are each asked for a run of keys before they are read: on Zen 4, 10 M keys in lists of
///          1,000: 66 M ranks/s and 35 M pulls/s beside 30 and 16.
class ArrayTable final : public Rows {
 public:
  using Rank = std::uint32_t;
  static constexpr Rank kNoRank = ~Rank{0};
  static constexpr std::size_t kSizeMax = kNoRank;

  /// Ranks [first, first + count).
  struct RankRange {
    std::size_t first = 0;
    std::size_t count = 0;
    bool operator==(const RankRange&) const = default;
  };

  /// All keys, in order.
  std::span<const Key> keys() const { return {keys_.data, size_}; }
  /// Float `index` of every row, by rank.
  std::span<float> column(std::size_t index) {
    return {columns_.data + index * column_stride_, size_};
  }
  std::span<const float> column(std::size_t index) const {
    return {columns_.data + index * column_stride_, size_};
  }

  /// The keys of an interval.
  RankRange RanksOf(KeyRange range) const;

  /// Where `keys` are, kNoRank for absent ones. @return how many are absent.
  /// @param keys   [n] strictly increasing.
  /// @param ranks  [n] filled.
  std::size_t FindRanks(std::span<const Key> keys, std::span<Rank> ranks) const;

  void Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const override;
  void Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) override;
  std::size_t FirstAbsent(std::span<const Key> keys) const override;
  bool Scan(Key first,
            const std::function<bool(Key, std::span<const float>)>& visit) const override;
  std::optional<KeyRange> Span() const override {
    if (size_ == 0) return {};
    return spanned_;
  }
  std::size_t size() const override { return size_; }
  std::size_t row_floats() const override { return row_floats_; }
  std::size_t memory_bytes() const override;
  std::uint64_t generation() const override { return 0; }

 private:
  friend class Freezer;

  template <typename T>
  struct Block {
    Block(std::size_t count, PageMemory& memory)
        : bytes(memory.Allocate(count * sizeof(T)), {&memory, count * sizeof(T)}),
          data(reinterpret_cast<T*>(bytes.get())) {}
    PageBlock bytes;
    T* data;
  };

  /// Room for `count` keys of the interval `spanned`, to be appended in order.
  ArrayTable(KeyRange spanned, std::size_t count, std::size_t row_floats, PageMemory& memory);
  void Append(Key key, std::span<const float> row);
  /// No more keys: complete the index.
  void Seal();

  std::size_t BinOf(Key key) const {
    return static_cast<std::size_t>((key - spanned_.first) >> bin_shift_);
  }
  Key InsideOf(Key key) const { return std::clamp(key, spanned_.first, spanned_.last); }
  /// Where `key` is, in an array that is not empty.
  Rank RankOf(Key key) const;
  /// Where the first of `keys` is, if they are all keys from there on, and enough to be worth asking.
  std::optional<Rank> ConsecutiveFrom(std::span<const Key> keys) const;
  void RanksOfRun(std::span<const Key> keys, Rank* ranks) const;
  void RanksOfHints(std::span<const Key> keys, std::span<const Slot> hints, Rank* ranks) const;
  /// By hints where they are right; leaves hints for the next time. @param from  the first one's rank, if ConsecutiveFrom().
  void FindRun(std::span<const Key> keys, std::span<Slot> hints, bool hinted,
               std::optional<Rank> from, std::span<Rank> ranks) const;

  /// Ask the memory for what is looked at first, of keys that will be looked up; once it is there, for the keys; and once
  /// those were found, for their rows.
  void FetchBins(std::span<const Key> keys) const;
  void FetchKeys(std::span<const Key> keys) const;
  void FetchRows(std::span<const Rank> ranks) const;

  void ForEachRun(std::span<const Key> keys, SlotHints hints, bool changes,
                  const VisitRun& visit) const;
  void Gather(std::span<const Rank> ranks, std::span<Slot> slots) const;
  void Scatter(std::span<const Rank> ranks) const;

  KeyRange spanned_;  ///< First and last key.
  std::uint32_t bin_shift_;
  std::size_t row_floats_;
  std::size_t size_ = 0;
  std::size_t capacity_;
  std::size_t column_stride_;
  Block<Rank> bins_;  ///< How many keys lie before each 2^bin_shift_ keys; one more than bins.
  std::size_t bins_used_ = 0;
  Block<Key> keys_;
  Block<float> columns_;      ///< [row_floats, column_stride]
  std::size_t run_keys_;      ///< Keys of a run: as many as the scratch has rows.
  Block<std::byte> scratch_;  ///< Buckets that updaters work on, without their keys.
};

}  // namespace steelyard::table
