// HashTable: the ordered (key, row) map of one segment, for keys that appear as data streams in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "steelyard/types.h"

namespace steelyard::table {

/// Rows of `row_floats` floats under uint64 keys of one key range.
///
/// Open addressing whose home slot is the key scaled into the capacity, so slots are nearly in key order: sorted
/// requests walk memory forwards and scans are ordered.
///
/// Threads: confined to its shard.
/// Cost:    Find and Insert are O(1) expected for keys spread over `range`; growth rehashes this segment alone.
class HashTable {
 public:
  /// @param range       the segment's keys; the caller never asks for one outside it.
  /// @param row_floats  floats per row, > 0.
  HashTable(KeyRange range, std::size_t row_floats);

  /// Return the row of `key`, or nullptr when the key was never inserted. Valid until the next insertion.
  const float* Find(Key key) const;

  /// Return the row of `key`, inserting zeros when it is new. Valid until the next insertion.
  float* FindOrInsert(Key key);

  /// Call `visit(index, row)` for each keys[index] in order, with row == nullptr where the key is absent.
  /// @param keys  [n] strictly increasing.
  template <typename Visit>
  void FindBatch(std::span<const Key> keys, Visit&& visit) const;

  /// Call `visit(index, row)` for each keys[index] in order, inserting absent keys.
  template <typename Visit>
  void FindOrInsertBatch(std::span<const Key> keys, Visit&& visit);

  /// Visit rows in key order from the first key >= `first`, until `visit(key, row)` returns false or the end.
  /// @return true when the end of the table was reached.
  bool Scan(Key first, const std::function<bool(Key, std::span<const float>)>& visit) const;

  std::size_t size() const;
  /// Bytes of memory held.
  std::size_t memory_bytes() const;
};

}  // namespace steelyard::table
