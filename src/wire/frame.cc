#include "wire/frame.h"

#include <cstring>
#include <string>

#include "base/check.h"
#include "base/hash.h"
#include "wire/byte_codec.h"

namespace steelyard::wire {
namespace {

constexpr std::size_t kCrcOffset = kHeaderBytes - sizeof(std::uint32_t);

}  // namespace

// One line a type: the compiler says when one is missing.
// NOLINTNEXTLINE(readability-function-size)
const char* MessageTypeName(MessageType type) {
  switch (type) {
    case MessageType::kHello:
      return "HELLO";
    case MessageType::kHelloAck:
      return "HELLO_ACK";
    case MessageType::kHeartbeat:
      return "HEARTBEAT";
    case MessageType::kHeartbeatAck:
      return "HEARTBEAT_ACK";
    case MessageType::kRefused:
      return "REFUSED";
    case MessageType::kViewGet:
      return "VIEW_GET";
    case MessageType::kView:
      return "VIEW";
    case MessageType::kTableCreate:
      return "TABLE_CREATE";
    case MessageType::kTableCreated:
      return "TABLE_CREATED";
    case MessageType::kTableDrop:
      return "TABLE_DROP";
    case MessageType::kTableDropped:
      return "TABLE_DROPPED";
    case MessageType::kInstallView:
      return "INSTALL_VIEW";
    case MessageType::kViewReady:
      return "VIEW_READY";
    case MessageType::kOpenStream:
      return "OPEN_STREAM";
    case MessageType::kOpenAck:
      return "OPEN_ACK";
    case MessageType::kPush:
      return "PUSH";
    case MessageType::kPushAck:
      return "PUSH_ACK";
    case MessageType::kPull:
      return "PULL";
    case MessageType::kPullResponse:
      return "PULL_RESPONSE";
    case MessageType::kScan:
      return "SCAN";
    case MessageType::kScanResponse:
      return "SCAN_RESPONSE";
    case MessageType::kTableFreeze:
      return "TABLE_FREEZE";
    case MessageType::kTableFrozen:
      return "TABLE_FROZEN";
    case MessageType::kTableFreezable:
      return "TABLE_FREEZABLE";
    case MessageType::kCall:
      return "CALL";
    case MessageType::kCallResponse:
      return "CALL_RESPONSE";
    case MessageType::kBlockJoin:
      return "BLOCK_JOIN";
    case MessageType::kBlockJoined:
      return "BLOCK_JOINED";
    case MessageType::kBlockStep:
      return "BLOCK_STEP";
    case MessageType::kBlockStepped:
      return "BLOCK_STEPPED";
    case MessageType::kRetireStream:
      return "RETIRE_STREAM";
    case MessageType::kDecide:
      return "DECIDE";
    case MessageType::kJobSubmit:
      return "JOB_SUBMIT";
    case MessageType::kJobAccepted:
      return "JOB_ACCEPTED";
    case MessageType::kJobStatus:
      return "JOB_STATUS";
    case MessageType::kJobCancel:
      return "JOB_CANCEL";
    case MessageType::kSlotAssign:
      return "SLOT_ASSIGN";
    case MessageType::kSlotReady:
      return "SLOT_READY";
    case MessageType::kPassPlan:
      return "PASS_PLAN";
    case MessageType::kShardRequest:
      return "SHARD_REQUEST";
    case MessageType::kShardAssign:
      return "SHARD_ASSIGN";
    case MessageType::kProgress:
      return "PROGRESS";
    case MessageType::kPassDone:
      return "PASS_DONE";
    case MessageType::kNames:
      return "NAMES";
    case MessageType::kNamesAck:
      return "NAMES_ACK";
    case MessageType::kNamesGet:
      return "NAMES_GET";
    case MessageType::kWorkerFailed:
      return "WORKER_FAILED";
    case MessageType::kJobKept:
      return "JOB_KEPT";
    case MessageType::kTableStats:
      return "TABLE_STATS";
    case MessageType::kJobGet:
      return "JOB_GET";
    case MessageType::kJobInfo:
      return "JOB_INFO";
    case MessageType::kClusterGet:
      return "CLUSTER_GET";
    case MessageType::kClusterStatus:
      return "CLUSTER_STATUS";
    case MessageType::kClocksGet:
      return "CLOCKS_GET";
    case MessageType::kClocks:
      return "CLOCKS";
    case MessageType::kHotKeysGet:
      return "HOT_KEYS_GET";
    case MessageType::kHotKeys:
      return "HOT_KEYS";
    case MessageType::kGroupServe:
      return "GROUP_SERVE";
    case MessageType::kGroupServed:
      return "GROUP_SERVED";
    case MessageType::kMemberCall:
      return "MEMBER_CALL";
    case MessageType::kMemberAnswer:
      return "MEMBER_ANSWER";
    case MessageType::kMemberDone:
      return "MEMBER_DONE";
  }
  return "UNKNOWN";
}

std::array<std::byte, kHeaderBytes> EncodeHeader(const FrameHeader& header) {
  ByteWriter writer;
  writer.Reserve(kHeaderBytes);
  writer.Put(kMagic);
  writer.Put(kVersion);
  writer.Put(header.type);
  writer.Put(header.flags);
  writer.Put(std::uint16_t{0});
  writer.Put(header.body_bytes);
  writer.Put(header.cluster_id);
  writer.Put(header.source_incarnation);
  writer.Put(header.request_id);
  writer.Put(header.source);
  writer.Put(header.body_crc);
  writer.Put(std::uint64_t{0});
  writer.Put(std::uint32_t{0});
  SY_CHECK(writer.size() == kCrcOffset);
  std::array<std::byte, kHeaderBytes> bytes{};
  std::memcpy(bytes.data(), writer.bytes().data(), kCrcOffset);
  const std::uint32_t crc = Crc32c(std::span<const std::byte>(bytes).first(kCrcOffset));
  std::memcpy(bytes.data() + kCrcOffset, &crc, sizeof crc);
  return bytes;
}

Result<FrameHeader> DecodeHeader(std::span<const std::byte> bytes, std::size_t body_bytes_max) {
  if (bytes.size() < kHeaderBytes) {
    return Status(StatusCode::kCorruption,
                  "frame header cut short: " + std::to_string(bytes.size()) + " of " +
                      std::to_string(kHeaderBytes) + " bytes");
  }
  ByteReader reader(bytes.first(kHeaderBytes));
  FrameHeader header;
  const auto magic = reader.Get<std::uint32_t>();
  const auto version = reader.Get<std::uint16_t>();
  header.type = static_cast<MessageType>(reader.Get<std::uint16_t>());
  reader.Get(header.flags);
  const auto reserved_a = reader.Get<std::uint16_t>();
  reader.Get(header.body_bytes);
  reader.Get(header.cluster_id);
  reader.Get(header.source_incarnation);
  reader.Get(header.request_id);
  reader.Get(header.source);
  reader.Get(header.body_crc);
  const auto reserved_b = reader.Get<std::uint64_t>();
  const auto reserved_c = reader.Get<std::uint32_t>();
  const auto crc = reader.Get<std::uint32_t>();
  if (magic != kMagic) {
    return Status(StatusCode::kCorruption,
                  "not a Steelyard frame: it starts with another magic number");
  }
  if (crc != Crc32c(bytes.first(kCrcOffset))) {
    return Status(StatusCode::kCorruption, "frame header fails its checksum");
  }
  if (version != kVersion) {
    return Status(StatusCode::kInvalidArgument,
                  "peer speaks protocol version " + std::to_string(version) +
                      ", this program speaks " + std::to_string(kVersion));
  }
  if (reserved_a != 0 || reserved_b != 0 || reserved_c != 0) {
    return Status(StatusCode::kCorruption, "frame header has a reserved field that is not zero");
  }
  if (header.body_bytes > body_bytes_max) {
    return Status(StatusCode::kInvalidArgument, std::string(MessageTypeName(header.type)) +
                                                    " frame of " +
                                                    std::to_string(header.body_bytes) +
                                                    " bytes is over this connection's limit of " +
                                                    std::to_string(body_bytes_max));
  }
  return header;
}

Status CheckBody(const FrameHeader& header, std::span<const std::byte> body) {
  if (body.size() != header.body_bytes) {
    return Status(StatusCode::kCorruption, "frame body cut short: " + std::to_string(body.size()) +
                                               " of " + std::to_string(header.body_bytes) +
                                               " bytes");
  }
  if (Crc32c(body) != header.body_crc) {
    return Status(StatusCode::kCorruption,
                  std::string(MessageTypeName(header.type)) + " frame fails its body checksum");
  }
  return {};
}

Result<std::span<const std::byte>> AnswerBody(const Result<Frame>& answer, MessageType type) {
  if (!answer.ok()) return answer.status();
  const Frame& frame = answer.value();
  if (frame.header.type == type) return frame.body.bytes();
  return Status(StatusCode::kCorruption, std::string("the answer is ") +
                                             MessageTypeName(frame.header.type) + " instead of " +
                                             MessageTypeName(type));
}

}  // namespace steelyard::wire
