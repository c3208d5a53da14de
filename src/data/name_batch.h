// NameBatch: the keys of a row's names, put together and hashed many at a time: lengths alternate from name to name, and a
// branch on each costs more than its hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/name_keys.h"
#include "data/cells.h"
#include "data/name_book.h"
#include "steelyard/types.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class NameBatch {
 public:
  static constexpr std::size_t kHalfBytes =
      16;  ///< The most of a prefix, and of what follows, that takes the fast way.

  /// @param book  notes the names.
  explicit NameBatch(NameBook& book) : book_(book) {}
  NameBatch(const NameBatch&) = delete;
  NameBatch& operator=(const NameBatch&) = delete;

  /// Names added from now on get keys[0], keys[1], ... as KeyOfName() gives them, at the latest with Finish().
  /// @param keys  with room for NameSlots::kLanes more than there are names.
  void Start(Key* keys) {
    keys_ = keys;
    count_ = 0;
  }
  /// A column of a table whose cells become names.
  struct Column {
    Column(std::string before, std::uint32_t cell_index);

    std::string prefix;  ///< "name="; kHalfBytes of it are readable.
    std::uint32_t cell;
  };
  /// Add the names of `columns` in their order, each its prefix and its cell, but for empty cells.
  /// @return how many were added.
  std::size_t AddCells(std::span<const Column> columns, const Cells& cells);
  /// Add the name `prefix` + `text`, which is not empty. kHalfBytes bytes of both are readable, whatever their sizes.
  void Add(std::string_view prefix, std::string_view text) {
    if (count_ == kNamesMax) Flush();
    if (prefix.size() > kHalfBytes || text.size() > kHalfBytes) return AddLong(prefix, text);
    char* const name = Slot(count_);
    std::memcpy(name, prefix.data(), kHalfBytes);
    std::memcpy(name + prefix.size(), text.data(), kHalfBytes);
    sizes_[count_++] = static_cast<std::uint32_t>(prefix.size() + text.size());
  }
  /// Add the name `space` + '=' + `text`, or `text` where there is no space; readable as for Add().
  void AddIn(std::string_view space, std::string_view text) {
    if (count_ == kNamesMax) Flush();
    if (space.size() >= kHalfBytes || text.size() > kHalfBytes) return AddLongIn(space, text);
    char* const name = Slot(count_);
    const std::size_t start = space.size() + (space.empty() ? 0 : 1);
    std::memcpy(name, space.data(), kHalfBytes);
    name[space.size()] = '=';
    std::memcpy(name + start, text.data(), kHalfBytes);
    sizes_[count_++] = static_cast<std::uint32_t>(start + text.size());
  }
  void Finish() { Flush(); }

 private:
  static constexpr std::size_t kNamesMax = 128;
  static_assert(2 * kHalfBytes == NameSlots::kBytes && kNamesMax % NameSlots::kLanes == 0);

  char* Slot(std::size_t index) {
    return slots_.data() + NameSlots::kFrontBytes + index * NameSlots::kBytes;
  }
  void AddLong(std::string_view prefix, std::string_view text);
  void AddLongIn(std::string_view space, std::string_view text);
  void Flush();

  NameBook& book_;
  Key* keys_ = nullptr;
  std::size_t count_ = 0;
  std::array<char, NameSlots::kFrontBytes + kNamesMax * NameSlots::kBytes> slots_{};
  std::array<std::uint32_t, kNamesMax> sizes_{};
  std::string long_name_;
};

}  // namespace steelyard::data
