#include "server/packed_requests.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "filter/filter_stack.h"

namespace steelyard::server {

using transport::LinkId;
using wire::EntryCode;
using wire::Form;

namespace {

/// What names a list of keys: a hash, or a range.
template <typename Name>
Result<Name> NameIn(filter::Bytes bytes) {
  Name name;
  static_assert(sizeof name == 16);
  if (bytes.size() != sizeof name) {
    return Status(StatusCode::kCorruption,
                  "keys are named by " + std::to_string(bytes.size()) + " bytes; names have 16");
  }
  std::memcpy(&name, bytes.data(), sizeof name);
  return name;
}

}  // namespace

PackedRequests::FoundKeys PackedRequests::KeysOfSignature(LinkId link,
                                                          const filter::KeySignature& signature) {
  const auto lists = key_lists_.find(link);
  auto found = lists == key_lists_.end() ? std::nullopt : lists->second.Find(signature);
  if (!found) return {};
  found_ = std::move(*found);
  return std::span(reinterpret_cast<const Key*>(found_.bytes().data()), signature.count);
}

template <typename Request>
PackedRequests::FoundKeys PackedRequests::KeysOfRange(const Request& request, KeyRange range,
                                                      std::size_t count) {
  if (fixed_keys_ == nullptr) return {};
  FoundKeys in_one_piece;
  range_keys_.clear();
  for (const auto& entry : request.entries) {
    const FoundKeys keys = fixed_keys_(request.table, entry.segment, range);
    if (!keys || keys->size() != entry.count) return {};
    if (keys->size() == count) {
      in_one_piece = keys;
    } else {
      range_keys_.insert(range_keys_.end(), keys->begin(), keys->end());
    }
  }
  return in_one_piece ? in_one_piece : range_keys_;
}

template <typename Request>
Result<PackedRequests::FoundKeys> PackedRequests::Keys(LinkId link, const Request& request,
                                                       std::size_t count) {
  const wire::Packed& packed = request.packed;
  if (packed.form == Form::kSignature) {
    const auto hash = NameIn<Hash128>(packed.keys);
    if (!hash.ok()) return hash.status();
    return KeysOfSignature(link, {.hash = hash.value(),
                                  .count = static_cast<std::uint32_t>(count),
                                  .table = request.table,
                                  .segment = 0});
  }
  if (packed.form == Form::kRange) {
    const auto range = NameIn<KeyRange>(packed.keys);
    if (!range.ok()) return range.status();
    if (range.value().first > range.value().last)
      return Status(StatusCode::kCorruption, "a range that ends before it begins");
    return KeysOfRange(request, range.value(), count);
  }
  filter::Bytes bytes = packed.keys;
  const auto keys = keys_.DecodeKeys(bytes, count);
  if (!keys.ok()) return keys.status();
  if (!bytes.empty()) return Status(StatusCode::kCorruption, "bytes behind the section of keys");
  if (packed.form == Form::kKept) {
    (void)key_lists_.try_emplace(link, key_bytes_max_)
        .first->second.Insert(request.table, /*segment=*/0, keys.value());
  }
  return FoundKeys(keys.value());
}

Result<bool> PackedRequests::Unpack(LinkId link, wire::Push& push) {
  if (push.packed.form == Form::kPlain) return true;
  std::size_t count = 0;
  for (const wire::PushEntry& entry : push.entries) count += entry.count;
  const auto keys = Keys(link, push, count);
  if (!keys.ok()) return keys.status();
  if (!keys.value()) {
    ++misses_;
    return false;
  }
  filter::Bytes bytes = push.packed.floats;
  const auto floats = floats_.DecodeFloats(bytes, count * push.floats_per_key);
  if (!floats.ok()) return floats.status();
  if (!bytes.empty()) return Status(StatusCode::kCorruption, "bytes behind the section of floats");
  push.keys = *keys.value();
  push.floats = floats.value();
  push.packed = {};
  return true;
}

Result<bool> PackedRequests::Unpack(LinkId link, wire::Pull& pull) {
  if (pull.answer_codecs != wire::AnswerCodecs{}) {
    const auto codecs = filter::FindAnswerCodecs(pull.answer_codecs);
    if (!codecs.ok()) return codecs.status();
  }
  if (pull.packed.form == Form::kPlain) return true;
  if (!pull.packed.floats.empty()) return Status(StatusCode::kCorruption, "a pull with floats");
  std::size_t count = 0;
  for (const wire::PullEntry& entry : pull.entries) count += entry.count;
  const auto keys = Keys(link, pull, count);
  if (!keys.ok()) return keys.status();
  if (!keys.value()) {
    ++misses_;
    return false;
  }
  pull.keys = *keys.value();
  pull.packed = {};
  return true;
}

std::size_t PackedRequests::key_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [link, lists] : key_lists_) bytes += lists.bytes();
  return bytes;
}

wire::Frame AskForKeys(const wire::Push& push, std::uint64_t request_id) {
  std::vector<wire::EntryAnswer> failed;
  failed.reserve(push.entries.size());
  for (const wire::PushEntry& entry : push.entries) {
    failed.push_back({.segment = entry.segment, .code = EntryCode::kNoKeys, .detail = 0});
  }
  return wire::MakeFrame(wire::PushAck{.table = push.table,
                                       .stream = push.stream,
                                       .session = push.session,
                                       .ts = push.ts,
                                       .failed = failed},
                         request_id);
}

wire::Frame AskForKeys(const wire::Pull& pull, std::uint64_t request_id) {
  std::vector<wire::PulledEntry> entries;
  entries.reserve(pull.entries.size());
  for (const wire::PullEntry& entry : pull.entries) {
    entries.push_back({.segment = entry.segment, .code = EntryCode::kNoKeys, .clock = 0});
  }
  return wire::MakePullResponse(
             {.table = pull.table, .columns = pull.columns, .entries = entries, .floats = {}}, 0,
             request_id)
      .frame;
}

wire::Frame AnswerPacker::Pack(wire::Frame plain, wire::PullResponse header,
                               std::span<const float> floats, const wire::AnswerCodecs& codecs,
                               std::uint64_t request_id) {
  if (!encoder_ || codecs != codecs_) {
    auto found = filter::FindAnswerCodecs(codecs);
    if (!found.ok()) return plain;
    encoder_.emplace(std::move(found.value()), filter::kAnswerLimits);
    codecs_ = codecs;
  }
  const filter::Bytes section = encoder_->Encode(floats, header.floats_per_key);
  if (section.size() >= floats.size_bytes()) return plain;
  header.float_count = floats.size();
  header.packed = {.form = Form::kSections, .keys = {}, .floats = section};
  return wire::MakeFrame(header, request_id);
}

}  // namespace steelyard::server
