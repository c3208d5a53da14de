// SlotMemory: where the keys of recent requests were found, so that a list that comes again costs no search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "steelyard/types.h"
#include "table/slot.h"

namespace steelyard::table {

/// Where the keys of the last lists were in the Rows of one segment. A worker pulls a list and soon pushes it; batch
/// solvers send the same lists again and again.
///
/// Lists whose homes the table says beforehand (Rows::Prefetch) need none of this. A long list is remembered from the second time on: writing down where its keys are costs a tenth of looking them up,
/// and long lists that come once push everything else out of the caches.
///
/// What it returns are hints: lists are told apart by their length and ends alone, and rows move. Tables compare the key
/// that a hint leads to.
///
/// Threads: confined to its table's.
/// Cost:    at most kKeysMax x 8 bytes, from the first list on.
class SlotMemory {
 public:
  static constexpr std::size_t kKeysMax = 32 << 10;
  static constexpr std::size_t kListsMax = 8;
  static constexpr std::size_t kLongKeys = 512;

  /// Room for the slots of this list, filled where it came before. Empty for one that is not to be remembered.
  /// Valid until the next call.
  /// @param generation  of the rows: slots of an earlier one may point into memory that is gone.
  SlotHints For(std::span<const Key> keys, std::uint64_t generation);

  /// How many lists came again.
  std::uint64_t recalled() const { return recalled_; }

 private:
  struct Identity {
    Key first = 0;
    Key last = 0;
    std::size_t count = 0;
    bool operator==(const Identity&) const = default;
  };
  struct List {
    Identity keys;
    std::uint64_t generation = 0;
    std::size_t at = 0;  ///< Of its slots in the ring.
    bool filled = false;
  };
  List& MakeRoom(const Identity& keys, std::uint64_t generation);
  SlotHints HintsOf(List& list) {
    return {{slots_.get() + list.at, list.keys.count}, &list.filled};
  }

  std::unique_ptr<Slot[]> slots_;  ///< [kKeysMax], a ring of lists; not initialised.
  std::size_t next_ = 0;           ///< Where the next list goes.
  std::array<List, kListsMax> lists_;
  std::size_t oldest_ = 0;
  std::array<Identity, kListsMax> seen_;  ///< Long lists that came once.
  std::size_t seen_oldest_ = 0;
  std::uint64_t recalled_ = 0;
};

}  // namespace steelyard::table
