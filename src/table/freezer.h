// Freezer: turns the rows of a segment into an ArrayTable, a slice at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "table/array_table.h"
#include "table/page_memory.h"
#include "table/rows.h"

namespace steelyard::table {

/// Goes over the rows twice where some may go: to count those that stay, so that the array has the size it needs, and to
/// copy them.
///
/// Threads: confined to its shard.
/// Cost:    O(rows_max) a call, so that other requests need not wait for the whole.
class Freezer {
 public:
  using Keep = std::function<bool(Key key, std::span<const float> row)>;

  /// @param from    borrowed; must not change until this object is done.
  /// @param keep    which rows stay; the same answer both times. Empty: all.
  /// @param memory  borrowed; holds the array.
  Freezer(const Rows* from, Keep keep, PageMemory* memory)
      : from_(from), keep_(std::move(keep)), memory_(memory) {}

  /// Go over `rows_max` further rows. @return true when the array is complete.
  bool Continue(std::size_t rows_max);

  /// The array, once it is complete; call it once.
  std::unique_ptr<ArrayTable> Take() { return std::move(array_); }

 private:
  /// Find out how many rows stay, and between which keys. @return true when that is known.
  bool Count(std::size_t& rows_left);
  /// Visit rows from the cursor on. @return true when the end was reached.
  bool Advance(std::size_t& rows_left,
               const std::function<void(Key, std::span<const float>)>& visit);

  const Rows* from_;
  Keep keep_;
  PageMemory* memory_;
  Key cursor_ = 0;
  std::size_t count_ = 0;
  std::optional<KeyRange> spanned_;
  std::unique_ptr<ArrayTable> array_;
  bool done_ = false;
};

}  // namespace steelyard::table
