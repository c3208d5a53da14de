// Rows: the ordered (key, row) map of one segment, whatever its layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "steelyard/types.h"
#include "table/slot.h"

namespace steelyard::table {

/// Rows of `row_floats()` floats under the keys of one range.
///
/// Threads: confined to its shard.
class Rows {
 public:
  /// Gets the rows of the keys [first, first + slots.size()) of a list; they stay where they are until it returns.
  using VisitRun = std::function<void(std::size_t first, std::span<const Slot> slots)>;

  virtual ~Rows() = default;

  /// Visit the rows of `keys`, a run of neighbours at a time, to be read; an absent key's slot is kNoSlot.
  /// @param keys   [n] strictly increasing.
  /// @param hints  of this object at its present generation(), for `keys`.
  virtual void Read(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) const = 0;

  /// Likewise, to be changed: absent keys are inserted with zeros. Where the keys are fixed, none may be absent.
  virtual void Update(std::span<const Key> keys, SlotHints hints, const VisitRun& visit) = 0;

  /// Ask the memory for the first rows of a list that will soon be read or changed: Read() and Update() look ahead inside
  /// a list, not before it. To be shown to them, with the same keys; nothing where it is not worth it.
  /// @param keys     [n] strictly increasing.
  /// @param scratch  [min(n, kPrefetchMax)] to be kept for as long as what is returned.
  static constexpr std::size_t kPrefetchMax = 128;
  virtual HomeBuckets Prefetch(std::span<const Key> keys, std::span<std::byte*> scratch) const {
    (void)keys, (void)scratch;
    return {};
  }

  /// The index of the first key that is absent, or n. @param keys  [n] strictly increasing.
  virtual std::size_t FirstAbsent(std::span<const Key> keys) const = 0;

  /// Visit rows in key order from the first key >= `first`, until `visit(key, row)` returns false or the end.
  /// @return true when the end was reached.
  virtual bool Scan(Key first,
                    const std::function<bool(Key, std::span<const float>)>& visit) const = 0;

  /// The first and the last key; nothing where there are none.
  virtual std::optional<KeyRange> Span() const = 0;

  virtual std::size_t size() const = 0;
  virtual std::size_t row_floats() const = 0;
  /// Bytes of memory held.
  virtual std::size_t memory_bytes() const = 0;
  /// Changes whenever hints of earlier requests may point into memory that is gone.
  virtual std::uint64_t generation() const = 0;
};

}  // namespace steelyard::table
