// The frame: one message between two nodes. A fixed 64-byte little-endian header, then a body.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/buffer.h"
#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::wire {

inline constexpr std::uint32_t kMagic = 0x31445953;  // "SYD1" as bytes.
inline constexpr std::uint16_t kVersion = 4;
inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kFrameBytesMax = std::size_t{64} << 20;
/// Before HELLO is answered a peer may send no more than this (protocol.md, S6).
inline constexpr std::size_t kFrameBytesMaxBeforeHello = 4096;

/// What a body holds. Values travel on the wire: never reuse one.
enum class MessageType : std::uint16_t {
  kHello = 1,
  kHelloAck = 2,
  kHeartbeat = 3,
  kHeartbeatAck = 4,
  kRefused = 5,  ///< A definite answer to a request that cannot be carried out: a Status.
  kViewGet = 10,
  kView = 11,
  kTableCreate = 12,
  kTableCreated = 13,
  kTableDrop = 14,
  kTableDropped = 15,
  kInstallView = 16,
  kViewReady = 17,
  kTableStats = 18,
  kTableFreeze = 19,
  kOpenStream = 20,
  kOpenAck = 21,
  kPush = 22,
  kPushAck = 23,
  kPull = 24,
  kPullResponse = 25,
  kScan = 26,
  kScanResponse = 27,
  kTableFrozen = 28,
  kTableFreezable = 29,
  kCall = 32,
  kCallResponse = 33,
  kBlockJoin = 34,
  kBlockJoined = 35,
  kBlockStep = 36,
  kBlockStepped = 37,
  kDecide = 38,
  kRetireStream = 39,
  kJobSubmit = 40,
  kJobAccepted = 41,
  kJobStatus = 42,
  kJobCancel = 43,
  kSlotAssign = 44,
  kSlotReady = 45,
  kPassPlan = 46,
  kShardRequest = 47,
  kShardAssign = 48,
  kProgress = 49,
  kPassDone = 50,
  kNames = 51,
  kNamesAck = 52,
  kNamesGet = 53,
  kWorkerFailed = 54,
  kJobKept = 55,
  kJobGet = 56,
  kJobInfo = 57,
  kClusterGet = 60,
  kClusterStatus = 61,
  kClocksGet = 62,
  kClocks = 63,
  kHotKeysGet = 64,
  kHotKeys = 65,
  kGroupServe = 70,
  kGroupServed = 71,
  kMemberCall = 72,
  kMemberAnswer = 73,
  kMemberDone = 74,
};

/// Return a type's name for logs ("PUSH"), or "UNKNOWN".
const char* MessageTypeName(MessageType type);

/// The header's fields; docs/protocol.md gives each one's bytes.
struct FrameHeader {
  MessageType type = MessageType::kHello;
  std::uint16_t flags = 0;
  std::uint32_t body_bytes = 0;
  std::uint64_t cluster_id = 0;
  NodeId source = 0;
  Incarnation source_incarnation = 0;
  std::uint64_t request_id = 0;  ///< Chosen by the requester; the answer repeats it.
  std::uint32_t body_crc = 0;    ///< CRC32C of the body; filled by the transport that needs it.

  bool operator==(const FrameHeader&) const = default;
};

/// A header and its body, as nodes exchange it.
struct Frame {
  FrameHeader header;
  Buffer body;
};

/// Return the header's bytes, with its own checksum.
std::array<std::byte, kHeaderBytes> EncodeHeader(const FrameHeader& header);

/// Parse and check a header.
///
/// @param bytes  at least kHeaderBytes; more are ignored.
/// @param body_bytes_max  what this peer may send at this moment.
/// Errors: kCorruption         too short, wrong magic or checksum.
///         kInvalidArgument    another protocol version, or a body over the limit.
Result<FrameHeader> DecodeHeader(std::span<const std::byte> bytes, std::size_t body_bytes_max);

/// The body of an answer to a question; it lives as long as the frame.
/// Errors: what the question failed with; kCorruption  the answer is not a `type`.
Result<std::span<const std::byte>> AnswerBody(const Result<Frame>& answer, MessageType type);

/// Check a received body against its header. Errors: kCorruption.
Status CheckBody(const FrameHeader& header, std::span<const std::byte> body);

}  // namespace steelyard::wire
