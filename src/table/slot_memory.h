// SlotMemory: where the keys of recent requests were found, so that a list that comes again costs no search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "steelyard/types.h"
#include "table/slot.h"

namespace steelyard::table {

/// Where the keys of the last lists were in the Rows of one segment. A worker pulls a list and soon pushes it; batch solvers send the
/// same lists again and again.
///
/// What it returns are hints: lists are told apart by their length and ends alone, and rows move. Tables compare the key
/// that a hint leads to.
///
/// Threads: confined to its table's.
/// Cost:    at most kKeysMax x 8 bytes.
class SlotMemory {
 public:
  static constexpr std::size_t kKeysMax = 32 << 10;

  /// Room for the slots of this list, filled where it came before. Empty for a list that is too long to be remembered.
  /// Valid until the next call.
  /// @param generation  of the rows: slots of an earlier one may point into memory that is gone.
  SlotHints For(std::span<const Key> keys, std::uint64_t generation);

  /// How many lists came again.
  std::uint64_t recalled() const { return recalled_; }

 private:
  struct List {
    Key first = 0;
    Key last = 0;
    std::uint64_t generation = 0;
    std::vector<Slot> slots;
  };

  std::array<List, 8> lists_;
  std::size_t oldest_ = 0;
  std::size_t keys_ = 0;  ///< In all lists.
  std::uint64_t recalled_ = 0;
};

}  // namespace steelyard::table
