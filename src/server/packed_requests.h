// Packed requests: keys and floats that were written by filters, as plain arrays again; and answers packed likewise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "filter/key_cache.h"
#include "filter/section.h"
#include "steelyard/status.h"
#include "transport/transport.h"
#include "wire/data_messages.h"

namespace steelyard::server {

/// Undoes what a client's filters did to pushes and pulls, and keeps the lists of keys that each client wants kept.
///
/// Threads: confined to the shard's loop.
/// Memory:  scratch of the largest sections seen, each within a frame's limit; and the lists.
class PackedRequests {
 public:
  /// All keys that a segment has in a range; nothing where it is not here, or its keys are not fixed.
  using FixedKeys =
      std::function<std::optional<std::span<const Key>>(TableId, SegmentId, KeyRange)>;

  /// @param key_bytes_max  of the lists kept for one connection.
  /// @param fixed_keys     of frozen tables; none: keys that a range names are always asked for.
  explicit PackedRequests(std::size_t key_bytes_max = filter::kKeyCacheBytes,
                          FixedKeys fixed_keys = {})
      : key_bytes_max_(key_bytes_max), fixed_keys_(std::move(fixed_keys)) {}

  /// Make keys and floats plain. They are valid until the next call, or as long as the frame.
  /// @return false: the list that a signature or range names is not here, and nothing has happened; ask for it.
  /// Errors: kCorruption  other bytes than filters write; kInvalidArgument  an answer in codecs that are not for it.
  Result<bool> Unpack(transport::LinkId link, wire::Push& push);
  Result<bool> Unpack(transport::LinkId link, wire::Pull& pull);

  /// Forget the lists of a connection that ended.
  void ForgetLink(transport::LinkId link) { key_lists_.erase(link); }

  /// Signatures and ranges whose lists were not here.
  std::uint64_t misses() const { return misses_; }
  std::size_t key_bytes() const;

 private:
  /// Nothing: a miss.
  using FoundKeys = std::optional<std::span<const Key>>;
  template <typename Request>
  Result<FoundKeys> Keys(transport::LinkId link, const Request& request, std::size_t count);
  FoundKeys KeysOfSignature(transport::LinkId link, const filter::KeySignature& signature);
  /// A miss unless each entry has as many keys as its segment has in the range.
  template <typename Request>
  FoundKeys KeysOfRange(const Request& request, KeyRange range, std::size_t count);

  std::size_t key_bytes_max_;
  FixedKeys fixed_keys_;
  filter::SectionDecoder keys_;
  filter::SectionDecoder floats_;
  std::map<transport::LinkId, filter::KeyCache> key_lists_;
  Buffer found_;                 ///< The cached list in use.
  std::vector<Key> range_keys_;  ///< Of a range over several segments.
  std::uint64_t misses_ = 0;
};

/// The answers that ask for the keys that a request's signature names.
wire::Frame AskForKeys(const wire::Push& push, std::uint64_t request_id);
wire::Frame AskForKeys(const wire::Pull& pull, std::uint64_t request_id);

/// Packs the floats of answers. Threads: confined to the shard's loop.
class AnswerPacker {
 public:
  /// @param plain  the answer as it would be sent without codecs.
  /// @param header its fields; entries still valid.
  /// @return `plain` itself where the codecs make it no smaller.
  wire::Frame Pack(wire::Frame plain, wire::PullResponse header, std::span<const float> floats,
                   const wire::AnswerCodecs& codecs, std::uint64_t request_id);

 private:
  wire::AnswerCodecs codecs_{};
  std::optional<filter::SectionEncoder> encoder_;  ///< For codecs_.
};

}  // namespace steelyard::server
