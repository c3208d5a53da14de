// NameBook: the names of hashed keys, each handed out once.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/key_set.h"
#include "steelyard/types.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class NameBook {
 public:
  /// @param keep  false: Note() does nothing.
  explicit NameBook(bool keep) : keep_(keep) {}

  bool wanted() const { return keep_; }
  void Note(Key key, std::string_view name) {
    if (keep_ && noted_.Add(key)) names_.emplace_back(key, name);
  }
  /// Names first noted since the last call.
  std::vector<std::pair<Key, std::string>> Take() { return std::exchange(names_, {}); }

 private:
  bool keep_;
  KeySet noted_;
  std::vector<std::pair<Key, std::string>> names_;
};

}  // namespace steelyard::data
