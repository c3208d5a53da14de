// Row batches: what pushes and pulls of many sorted keys do to a table's rows, vectorised.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "math/online_rules.h"
#include "steelyard/types.h"
#include "table/hash_table.h"

namespace steelyard::table {

// Keys are strictly increasing; floats are [n, floats per key], row-major. Every result is rounded as the scalar rules
// round it, whatever the vector width.

/// Call `visit(first, slots)` for runs of neighbours in `keys`, in order: slots[i] is where keys[first + i] lies.
/// @param hints    of the table as it is now, for `keys`.
/// @param resolve  (keys, slots, hinted): HashTable::FindSlots or FindOrInsertSlots.
template <typename Resolve, typename Visit>
void ForEachRun(const HashTable& rows, std::span<const Key> keys, SlotHints hints,
                Resolve&& resolve, Visit&& visit) {
  constexpr std::size_t kRunMax = HashTable::kRunMax;
  std::array<Slot, kRunMax> scratch;
  const std::uint64_t generation = rows.generation();
  for (std::size_t first = 0; first < keys.size(); first += kRunMax) {
    const std::size_t size = std::min(kRunMax, keys.size() - first);
    const std::span<Slot> at =
        hints.slots.empty() ? std::span(scratch).first(size) : hints.slots.subspan(first, size);
    resolve(keys.subspan(first, size), at, hints.filled && generation == rows.generation());
    visit(first, std::span<const Slot>(at));
  }
}

/// ForEachRun() over existing rows; absent ones are kNoSlot.
template <typename Visit>
void ForEachFound(const HashTable& rows, std::span<const Key> keys, SlotHints hints,
                  Visit&& visit) {
  ForEachRun(
      rows, keys, hints,
      [&](auto run, auto at, bool hinted) { (void)rows.FindSlots(run, at, hinted); }, visit);
}

/// ForEachRun() over rows that are inserted where they are new.
template <typename Visit>
void ForEachInserted(HashTable& rows, std::span<const Key> keys, SlotHints hints, Visit&& visit) {
  ForEachRun(
      rows, keys, hints,
      [&](auto run, auto at, bool hinted) { rows.FindOrInsertSlots(run, at, hinted); }, visit);
}

/// Add `deltas` [n, row_floats] to whole rows; new keys start from zeros.
void AddToRows(HashTable& rows, std::span<const Key> keys, std::span<const float> deltas,
               SlotHints hints = {});

/// Copy whole rows to `floats` [n, row_floats]; an absent key reads as zeros.
void CopyRows(const HashTable& rows, std::span<const Key> keys, std::span<float> floats,
              SlotHints hints = {});

/// Apply one gradient [n] to each (z, n) at `slots`.
void FtrlPush(std::span<const Slot> slots, std::span<const float> gradients,
              const math::FtrlRule& rule);

/// Compute the weights [n] of the (z, n) at `slots`; 0 where there is none.
void FtrlPull(std::span<const Slot> slots, std::span<float> weights, const math::FtrlRule& rule);

}  // namespace steelyard::table
