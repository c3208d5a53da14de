// Key caching: a list of keys that was sent before is named by its signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/buffer.h"
#include "base/hash.h"
#include "steelyard/types.h"

namespace steelyard::filter {

/// Names a list of keys of a segment of a table. All keys are hashed: lists that differ in one key differ in their
/// names.
struct KeySignature {
  Hash128 hash;
  std::uint32_t count = 0;
  TableId table = 0;
  SegmentId segment = 0;
  bool operator==(const KeySignature&) const = default;
};

/// What both sides of a connection keep.
inline constexpr std::size_t kKeyCacheBytes = std::size_t{32} << 20;

/// Cost: XXH3, about 50 GB/s. Source: Li et al., OSDI 2014, section 4.2 (key caching).
KeySignature SignatureOf(TableId table, SegmentId segment, std::span<const Key> keys);

/// The lists that both sides of a connection may know: the most recently used ones, by bytes.
///
/// A server's holds the keys of what a client sent, and signs them itself: a signature from the wire only ever asks. A
/// client's may hold names only (Remember()), to guess what the server still has. The guess may be wrong: Find() says
/// so, the server answers that it lacks the keys, nothing has happened, and the client sends them.
/// Threads: one at a time. Memory: at most `bytes_max`, bookkeeping counted; with names only far less.
class KeyCache {
 public:
  explicit KeyCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// @return the keys of the list (no bytes if only its name was kept), or nothing: a miss. They share the cache's
  /// memory and may outlive their place in it.
  std::optional<Buffer> Find(const KeySignature& signature);

  /// Keep a copy of `keys` under their own signature, and drop what was not used for the longest time. A list that is
  /// larger than the whole cache is not kept.
  KeySignature Insert(TableId table, SegmentId segment, std::span<const Key> keys);
  /// Keep the name only. It weighs what its keys would, so that a client forgets what its server does.
  void Remember(const KeySignature& signature) { Put(signature, {}); }
  /// The server said that it lacks this list.
  void Forget(const KeySignature& signature);
  /// Forget everything: a server when its view changes, a client with its connection.
  void Clear();

  std::size_t bytes() const { return bytes_; }
  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }

 private:
  struct SignatureHash {
    std::size_t operator()(const KeySignature& signature) const {
      return signature.hash.low ^ signature.table ^ std::size_t{signature.segment} << 32U;
    }
  };
  struct Entry {
    KeySignature signature;
    Buffer keys;
  };
  using Entries = std::list<Entry>;

  static std::size_t BytesOf(const KeySignature& signature);
  void Put(const KeySignature& signature, Buffer keys);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  Entries entries_;  ///< The most recently used first.
  std::unordered_map<KeySignature, Entries::iterator, SignatureHash> places_;
};

}  // namespace steelyard::filter
