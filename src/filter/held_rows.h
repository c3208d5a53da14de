// HeldRows: a bounded map from keys to rows of floats, for what filters hold back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "filter/push_rows.h"

namespace steelyard::filter {

/// Open addressing with linear probing; rows that go leave no marks.
///
/// Threads: one at a time. Memory: never more than the bound, also while it grows. Cost: a cache miss or two a key.
class HeldRows {
 public:
  explicit HeldRows(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The row of `key`; empty when there is none. Valid until the next FindOrInsert(), Erase() or TakeAll().
  std::span<float> Find(Key key);
  /// The row of `key`, zeros if it is new; empty when a new one finds no room.
  /// @param width  floats a row; the same in every call until TakeAll().
  std::span<float> FindOrInsert(Key key, std::uint32_t width);
  void Erase(Key key);
  /// Add all rows to `rows` and forget them, memory included.
  void TakeAll(PushRows& rows);

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return BytesOf(used_.size(), width_); }

 private:
  static std::size_t BytesOf(std::size_t capacity, std::uint32_t width);
  std::size_t HomeOf(Key key) const;
  /// Where `key` is, or the free place where it would go. Capacity is not 0.
  std::size_t PlaceOf(Key key) const;
  std::span<float> RowAt(std::size_t place);
  /// Double the capacity, if both tables at once are within the bound.
  bool Grow();

  std::size_t bytes_max_;
  std::uint32_t width_ = 1;
  std::size_t size_ = 0;
  std::vector<std::uint8_t> used_;  ///< Of each place; a power of two of them.
  std::vector<Key> keys_;
  std::vector<float> floats_;
};

}  // namespace steelyard::filter
