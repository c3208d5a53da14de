#include "wire/data_messages.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "wire/byte_codec.h"

namespace steelyard::wire {
namespace {

// Entries are copied as they lie in memory: their layout is the wire's.
static_assert(sizeof(PushEntry) == 24 && sizeof(PullEntry) == 16);
static_assert(sizeof(EntryAnswer) == 16 && sizeof(PulledEntry) == 16);
static_assert(std::is_trivially_copyable_v<PushEntry> && std::is_trivially_copyable_v<PulledEntry>);

constexpr std::uint32_t kFloatsPerKeyMax = 1u << 18;

// Fixed fields first, then 8-byte arrays, then floats: with every fixed part a multiple of 8 bytes long, nothing
// needs padding and arrays are aligned where they lie.
constexpr std::size_t kPushFixedBytes = 64;
constexpr std::size_t kPushAckFixedBytes = 32;
constexpr std::size_t kPullFixedBytes = 56;
constexpr std::size_t kPullResponseFixedBytes = 32;
constexpr std::size_t kScanResponseFixedBytes = 40;

// Writes straight into a frame's buffer.
class BodyWriter {
 public:
  explicit BodyWriter(std::size_t size)
      : buffer_(Buffer::Allocate(size)), at_(buffer_.writable().data()) {}
  template <typename T>
  void Put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  template <typename T>
  void PutArray(std::span<const T> values) {
    if (!values.empty()) std::memcpy(at_, values.data(), values.size_bytes());
    at_ += values.size_bytes();
  }
  std::byte* at() const { return at_; }
  void Skip(std::size_t bytes) { at_ += bytes; }

  Frame Finish(MessageType type, std::uint64_t request_id) {
    SY_CHECK(at_ == buffer_.writable().data() + buffer_.size());
    Frame frame;
    frame.header.type = type;
    frame.header.request_id = request_id;
    frame.header.body_bytes = static_cast<std::uint32_t>(buffer_.size());
    frame.body = std::move(buffer_);
    return frame;
  }

 private:
  Buffer buffer_;
  std::byte* at_;
};

template <typename Record>
std::span<const Record> GetRecords(ByteReader& reader, std::uint64_t count) {
  if (count > reader.remaining() / sizeof(Record)) reader.Fail();
  const std::span<const std::uint64_t> words =
      reader.GetArray<std::uint64_t>(count * sizeof(Record) / 8);
  if (!reader.ok() || count == 0) return {};
  return {reinterpret_cast<const Record*>(words.data()), static_cast<std::size_t>(count)};
}

template <typename Entry>
std::uint64_t SumOfCounts(std::span<const Entry> entries) {
  std::uint64_t sum = 0;
  for (const Entry& entry : entries) sum += entry.count;
  return sum;
}

// Packed keys and floats: their sizes, then their bytes.
void PutPacked(BodyWriter& body, const Packed& packed) {
  body.Put(static_cast<std::uint32_t>(packed.keys.size()));
  body.Put(static_cast<std::uint32_t>(packed.floats.size()));
  body.PutArray(packed.keys);
  body.PutArray(packed.floats);
}

std::span<const std::byte> GetSection(ByteReader& reader, std::uint32_t bytes) {
  if (bytes % 8 != 0) reader.Fail();
  return std::as_bytes(reader.GetArray<std::uint64_t>(bytes / 8));
}

void GetPacked(ByteReader& reader, Packed& packed) {
  const auto key_bytes = reader.Get<std::uint32_t>();
  const auto float_bytes = reader.Get<std::uint32_t>();
  packed.keys = GetSection(reader, key_bytes);
  packed.floats = GetSection(reader, float_bytes);
}

bool GetForm(ByteReader& reader, Form& form, Form largest) {
  const auto raw = reader.Get<std::uint8_t>();
  form = static_cast<Form>(raw);
  return raw <= static_cast<std::uint8_t>(largest);
}

Status Malformed(MessageType type, std::size_t size) {
  return Status(StatusCode::kCorruption, std::string(MessageTypeName(type)) + " body of " +
                                             std::to_string(size) +
                                             " bytes does not hold its fields");
}

bool GetColumns(ByteReader& reader, Columns& columns, Columns largest = Columns::kRows) {
  const auto raw = reader.Get<std::uint8_t>();
  columns = static_cast<Columns>(raw);
  return raw <= static_cast<std::uint8_t>(largest);
}

}  // namespace

std::size_t PackedBytes(const Packed& packed) {
  if (packed.form == Form::kPlain) return 0;
  return 2 * sizeof(std::uint32_t) + packed.keys.size() + packed.floats.size();
}

const char* EntryCodeName(EntryCode code) {
  switch (code) {
    case EntryCode::kOk:
      return "OK";
    case EntryCode::kNotPrimary:
      return "NOT_PRIMARY";
    case EntryCode::kFenced:
      return "FENCED";
    case EntryCode::kNeedOpen:
      return "NEED_OPEN";
    case EntryCode::kGap:
      return "GAP";
    case EntryCode::kBusy:
      return "BUSY";
    case EntryCode::kInvalid:
      return "INVALID";
    case EntryCode::kNotFinite:
      return "NOT_FINITE";
    case EntryCode::kFull:
      return "FULL";
    case EntryCode::kFrozen:
      return "FROZEN";
    case EntryCode::kNoKeys:
      return "NO_KEYS";
    case EntryCode::kFailed:
      return "FAILED";
    case EntryCode::kOverQuota:
      return "OVER_QUOTA";
    case EntryCode::kHeldFull:
      return "HELD_FULL";
  }
  return "UNKNOWN";
}

Frame MakeFrame(const Push& push, std::uint64_t request_id) {
  const bool plain = push.packed.form == Form::kPlain;
  BodyWriter body(kPushFixedBytes + push.entries.size_bytes() + push.keys.size_bytes() +
                  push.floats.size_bytes() + PackedBytes(push.packed));
  body.Put(push.table);
  body.Put(push.stream);
  body.Put(push.session);
  body.Put(push.ts);
  body.Put(push.acked_ts);
  body.Put(push.step);
  body.Put(push.through_step);
  body.Put(push.columns);
  body.Put(push.packed.form);
  body.Put(std::uint16_t{0});
  body.Put(push.floats_per_key);
  body.Put(static_cast<std::uint32_t>(push.entries.size()));
  body.Put(static_cast<std::uint32_t>(plain ? push.keys.size() : SumOfCounts(push.entries)));
  body.PutArray(push.entries);
  if (!plain) PutPacked(body, push.packed);
  body.PutArray(push.keys);
  body.PutArray(push.floats);
  return body.Finish(Push::kType, request_id);
}

Result<Push> DecodePush(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  Push push;
  reader.Get(push.table);
  reader.Get(push.stream);
  reader.Get(push.session);
  reader.Get(push.ts);
  reader.Get(push.acked_ts);
  reader.Get(push.step);
  reader.Get(push.through_step);
  bool valid = GetColumns(reader, push.columns);
  valid &= GetForm(reader, push.packed.form, Form::kRange) && reader.Get<std::uint16_t>() == 0;
  reader.Get(push.floats_per_key);
  const auto entry_count = reader.Get<std::uint32_t>();
  const auto key_count = reader.Get<std::uint32_t>();
  valid &= key_count <= kKeysPerFrameMax && push.floats_per_key >= 1 &&
           push.floats_per_key <= kFloatsPerKeyMax;
  if (!valid) return Malformed(Push::kType, bytes.size());
  push.entries = GetRecords<PushEntry>(reader, entry_count);
  if (push.packed.form == Form::kPlain) {
    push.keys = reader.GetArray<Key>(key_count);
    push.floats = reader.GetArray<float>(std::uint64_t{key_count} * push.floats_per_key);
  } else {
    GetPacked(reader, push.packed);
  }
  valid = reader.complete() && SumOfCounts(push.entries) == key_count && push.ts > 0 &&
          push.acked_ts < push.ts;
  if (!valid) return Malformed(Push::kType, bytes.size());
  return push;
}

Frame MakeFrame(const PushAck& ack, std::uint64_t request_id) {
  BodyWriter body(kPushAckFixedBytes + ack.failed.size_bytes());
  body.Put(ack.table);
  body.Put(ack.stream);
  body.Put(ack.session);
  body.Put(ack.ts);
  body.Put(static_cast<std::uint64_t>(ack.failed.size()));
  body.PutArray(ack.failed);
  return body.Finish(PushAck::kType, request_id);
}

Result<PushAck> DecodePushAck(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  PushAck ack;
  reader.Get(ack.table);
  reader.Get(ack.stream);
  reader.Get(ack.session);
  reader.Get(ack.ts);
  ack.failed = GetRecords<EntryAnswer>(reader, reader.Get<std::uint64_t>());
  if (!reader.complete()) return Malformed(PushAck::kType, bytes.size());
  return ack;
}

Frame MakeFrame(const Pull& pull, std::uint64_t request_id) {
  const bool plain = pull.packed.form == Form::kPlain;
  BodyWriter body(kPullFixedBytes + pull.entries.size_bytes() + pull.keys.size_bytes() +
                  PackedBytes(pull.packed));
  body.Put(pull.table);
  body.Put(pull.group);
  body.Put(pull.stream);
  body.Put(pull.columns);
  body.Put(pull.packed.form);
  for (const std::uint8_t codec : pull.answer_codecs) body.Put(codec);
  body.Put(pull.session);
  body.Put(pull.acked_ts);
  body.Put(pull.step);
  body.Put(pull.gate_step);
  body.Put(static_cast<std::uint32_t>(pull.entries.size()));
  body.Put(static_cast<std::uint32_t>(plain ? pull.keys.size() : SumOfCounts(pull.entries)));
  body.PutArray(pull.entries);
  if (!plain) PutPacked(body, pull.packed);
  body.PutArray(pull.keys);
  return body.Finish(Pull::kType, request_id);
}

Result<Pull> DecodePull(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  Pull pull;
  reader.Get(pull.table);
  reader.Get(pull.group);
  reader.Get(pull.stream);
  bool valid = GetColumns(reader, pull.columns);
  valid &= GetForm(reader, pull.packed.form, Form::kRange);
  for (std::uint8_t& codec : pull.answer_codecs) reader.Get(codec);
  reader.Get(pull.session);
  reader.Get(pull.acked_ts);
  reader.Get(pull.step);
  reader.Get(pull.gate_step);
  const auto entry_count = reader.Get<std::uint32_t>();
  const auto key_count = reader.Get<std::uint32_t>();
  valid &= key_count <= kKeysPerFrameMax && pull.gate_step <= pull.step;
  if (!valid) return Malformed(Pull::kType, bytes.size());
  pull.entries = GetRecords<PullEntry>(reader, entry_count);
  if (pull.packed.form == Form::kPlain) {
    pull.keys = reader.GetArray<Key>(key_count);
  } else {
    GetPacked(reader, pull.packed);
  }
  if (!reader.complete() || SumOfCounts(pull.entries) != key_count)
    return Malformed(Pull::kType, bytes.size());
  return pull;
}

namespace {

void PutFixed(BodyWriter& body, const PullResponse& response, std::uint64_t float_count) {
  body.Put(response.table);
  body.Put(response.columns);
  body.Put(response.packed.form);
  body.Put(std::uint16_t{0});
  body.Put(response.floats_per_key);
  body.Put(static_cast<std::uint32_t>(response.entries.size()));
  body.Put(float_count);
  body.Put(response.through_min);
  body.PutArray(response.entries);
}

}  // namespace

PullResponseFrame MakePullResponse(const PullResponse& response, std::size_t float_count,
                                   std::uint64_t request_id) {
  BodyWriter body(kPullResponseFixedBytes + response.entries.size_bytes() +
                  float_count * sizeof(float));
  PutFixed(body, response, float_count);
  const std::span<float> floats(reinterpret_cast<float*>(body.at()), float_count);
  body.Skip(floats.size_bytes());
  return {body.Finish(PullResponse::kType, request_id), floats};
}

Frame MakeFrame(const PullResponse& response, std::uint64_t request_id) {
  BodyWriter body(kPullResponseFixedBytes + response.entries.size_bytes() +
                  PackedBytes(response.packed));
  PutFixed(body, response, response.float_count);
  PutPacked(body, response.packed);
  return body.Finish(PullResponse::kType, request_id);
}

Result<PullResponse> DecodePullResponse(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  PullResponse response;
  reader.Get(response.table);
  bool valid = GetColumns(reader, response.columns);
  valid &=
      GetForm(reader, response.packed.form, Form::kSections) && reader.Get<std::uint16_t>() == 0;
  reader.Get(response.floats_per_key);
  const auto entry_count = reader.Get<std::uint32_t>();
  reader.Get(response.float_count);
  reader.Get(response.through_min);
  valid &= response.floats_per_key >= 1 && response.floats_per_key <= kFloatsPerKeyMax;
  if (!valid) return Malformed(PullResponse::kType, bytes.size());
  response.entries = GetRecords<PulledEntry>(reader, entry_count);
  if (response.packed.form == Form::kPlain) {
    response.floats = reader.GetArray<float>(response.float_count);
  } else {
    GetPacked(reader, response.packed);
  }
  if (!reader.complete()) return Malformed(PullResponse::kType, bytes.size());
  return response;
}

Frame MakeFrame(const Scan& scan, std::uint64_t request_id) {
  ByteWriter writer;
  writer.Put(scan.table);
  writer.Put(scan.segment);
  writer.Put(scan.epoch);
  writer.Put(scan.first);
  writer.Put(scan.last);
  writer.Put(scan.rows_max);
  writer.Put(scan.at_least);
  writer.Put(scan.stride);
  writer.Put(scan.skip);
  writer.Put(scan.columns);
  Frame frame;
  frame.body = writer.Finish();
  frame.header.type = Scan::kType;
  frame.header.request_id = request_id;
  frame.header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
  return frame;
}

Result<Scan> DecodeScan(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  Scan scan;
  reader.Get(scan.table);
  reader.Get(scan.segment);
  reader.Get(scan.epoch);
  reader.Get(scan.first);
  reader.Get(scan.last);
  reader.Get(scan.rows_max);
  reader.Get(scan.at_least);
  reader.Get(scan.stride);
  reader.Get(scan.skip);
  const bool valid = GetColumns(reader, scan.columns, Columns::kNone) && scan.first <= scan.last &&
                     scan.at_least >= 0.0F && scan.stride > 0;
  if (!valid || !reader.complete()) return Malformed(Scan::kType, bytes.size());
  return scan;
}

Frame MakeFrame(const ScanResponse& response, std::uint64_t request_id) {
  BodyWriter body(kScanResponseFixedBytes + response.keys.size_bytes() +
                  response.floats.size_bytes());
  body.Put(response.table);
  body.Put(response.segment);
  body.Put(response.code);
  body.Put(response.columns);
  body.Put(static_cast<std::uint8_t>(response.end));
  body.Put(std::uint16_t{0});
  body.Put(response.floats_per_key);
  body.Put(static_cast<std::uint32_t>(response.keys.size()));
  body.Put(response.next);
  body.Put(response.counted);
  body.PutArray(response.keys);
  body.PutArray(response.floats);
  return body.Finish(ScanResponse::kType, request_id);
}

Result<ScanResponse> DecodeScanResponse(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  ScanResponse response;
  reader.Get(response.table);
  reader.Get(response.segment);
  response.code = static_cast<EntryCode>(reader.Get<std::uint32_t>());
  bool valid = GetColumns(reader, response.columns, Columns::kNone);
  const auto end = reader.Get<std::uint8_t>();
  response.end = end == 1;
  valid &= end <= 1 && reader.Get<std::uint16_t>() == 0;
  reader.Get(response.floats_per_key);
  const auto key_count = reader.Get<std::uint32_t>();
  reader.Get(response.next);
  reader.Get(response.counted);
  valid &= key_count <= kKeysPerFrameMax && response.floats_per_key <= kFloatsPerKeyMax &&
           (response.floats_per_key == 0) == (response.columns == Columns::kNone);
  if (!valid) return Malformed(ScanResponse::kType, bytes.size());
  response.keys = reader.GetArray<Key>(key_count);
  response.floats = reader.GetArray<float>(std::uint64_t{key_count} * response.floats_per_key);
  if (!reader.complete()) return Malformed(ScanResponse::kType, bytes.size());
  return response;
}

}  // namespace steelyard::wire
