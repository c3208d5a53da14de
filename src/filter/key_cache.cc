#include "filter/key_cache.h"

#include <cstring>
#include <utility>

namespace steelyard::filter {
namespace {

/// What a list node, a map node and a buffer's counter take beside the keys, about.
constexpr std::size_t kEntryBytes = 256;

}  // namespace

KeySignature SignatureOf(TableId table, SegmentId segment, std::span<const Key> keys) {
  return {.hash = HashBytes128(std::as_bytes(keys)),
          .count = static_cast<std::uint32_t>(keys.size()),
          .table = table,
          .segment = segment};
}

std::optional<Buffer> KeyCache::Find(const KeySignature& signature) {
  const auto place = places_.find(signature);
  if (place == places_.end()) {
    ++misses_;
    return std::nullopt;
  }
  ++hits_;
  entries_.splice(entries_.begin(), entries_, place->second);
  return entries_.front().keys;
}

KeySignature KeyCache::Insert(TableId table, SegmentId segment, std::span<const Key> keys) {
  const KeySignature signature = SignatureOf(table, segment, keys);
  if (BytesOf(signature) > bytes_max_) return signature;
  Buffer copy = Buffer::Allocate(keys.size_bytes());
  if (!keys.empty()) std::memcpy(copy.writable().data(), keys.data(), keys.size_bytes());
  Put(signature, std::move(copy));
  return signature;
}

void KeyCache::Clear() {
  places_.clear();
  entries_.clear();
  bytes_ = 0;
}

std::size_t KeyCache::BytesOf(const KeySignature& signature) {
  return signature.count * sizeof(Key) + kEntryBytes;
}

void KeyCache::Forget(const KeySignature& signature) {
  const auto place = places_.find(signature);
  if (place == places_.end()) return;
  bytes_ -= BytesOf(signature);
  entries_.erase(place->second);
  places_.erase(place);
}

void KeyCache::Put(const KeySignature& signature, Buffer keys) {
  if (BytesOf(signature) > bytes_max_) return;
  Forget(signature);
  bytes_ += BytesOf(signature);
  entries_.push_front({signature, std::move(keys)});
  places_.emplace(signature, entries_.begin());
  while (bytes_ > bytes_max_) {
    bytes_ -= BytesOf(entries_.back().signature);
    places_.erase(entries_.back().signature);
    entries_.pop_back();
  }
}

}  // namespace steelyard::filter
