// HotKeys: which keys of a table requests name most often, found in a sample and in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "steelyard/types.h"
#include "wire/table_messages.h"

namespace steelyard::server {

/// Counts one of kStride keys, at random distances so that lists of a regular length hide nothing, with Space-Saving: a
/// key that is more than 1 in kTracked of the sample is among those tracked, and its count is at most `error` too high. Old
/// counts fade: all are halved after each kFade samples.
///
/// Threads: confined to the shard's loop. PURE.
/// Memory:  kTracked entries. Cost: 1.6 instructions a key where no key comes twice (10,000 a request), counted by callgrind.
/// Source:  Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data streams", 2005.
class HotKeys {
 public:
  static constexpr std::size_t kStride = 256;  ///< On average.
  static constexpr std::size_t kTracked = 128;
  static constexpr std::uint64_t kFade = std::uint64_t{1} << 16;

  /// A request named these keys.
  void Note(std::span<const Key> keys) {
    while (skip_ < keys.size()) {
      Count(keys[skip_]);
      skip_ += Gap();
    }
    skip_ -= keys.size();
  }

  /// The tracked keys by the count that they have at least, most first.
  std::vector<wire::HotKey> Top(std::size_t most) const;
  std::uint64_t samples() const { return samples_; }

 private:
  void Count(Key key);
  /// The entry that the next key without one takes: one of the least count.
  std::size_t Least();
  void Fade();
  std::size_t Gap();

  std::size_t skip_ = 0;  ///< Keys until the next sample.
  std::uint64_t random_ = 0x9E3779B97F4A7C15U;
  std::uint64_t samples_ = 0;
  std::vector<wire::HotKey> entries_;
  std::unordered_map<Key, std::size_t> places_;
  std::uint64_t least_ = 0;  ///< No count is lower.
  std::size_t hand_ = 0;     ///< Goes round over the entries in search of the least.
};

}  // namespace steelyard::server
