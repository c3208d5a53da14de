// NameBatch: the keys of a row's names, hashed together: lengths alternate from name to name, and a branch on each costs more
// than its hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

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
  void Start(Key* keys) {
    keys_ = keys;
    count_ = 0;
  }
  /// Add the name `prefix` + `text`, which is not empty. kHalfBytes bytes of both are readable, whatever their sizes.
  void Add(std::string_view prefix, std::string_view text) {
    if (count_ == kNamesMax) Flush();
    if (prefix.size() > kHalfBytes || text.size() > kHalfBytes) return AddLong(prefix, text);
    char* const name = names_.data() + count_ * kNameBytes;
    std::memcpy(name, prefix.data(), kHalfBytes);
    std::memcpy(name + prefix.size(), text.data(), kHalfBytes);
    sizes_[count_++] = static_cast<std::uint32_t>(prefix.size() + text.size());
  }
  void Finish() { Flush(); }

 private:
  static constexpr std::size_t kNameBytes = 2 * kHalfBytes;
  static constexpr std::size_t kNamesMax = 128;

  void AddLong(std::string_view prefix, std::string_view text);
  void Flush();
  void HashNames();

  NameBook& book_;
  Key* keys_ = nullptr;
  std::size_t count_ = 0;
  std::array<char, kNamesMax * kNameBytes> names_;
  std::array<std::uint32_t, kNamesMax> sizes_;  ///< 0: its key is there already.
  std::string long_name_;
};

}  // namespace steelyard::data
