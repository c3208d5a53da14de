// Data messages: push, pull and scan. Arrays are used where they lie in the frame; nothing is copied key by key.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/frame.h"

namespace steelyard::wire {

inline constexpr std::uint32_t kKeysPerFrameMax = std::uint32_t{4} << 20;
/// "No gate": the pull may be answered whatever the other streams have done.
inline constexpr Step kNoGate = std::numeric_limits<Step>::min();
/// "Through everything": a stream that will push nothing more in this job.
inline constexpr Step kStepMax = std::numeric_limits<Step>::max();

/// What the floats of a push or pull are.
enum class Columns : std::uint8_t {
  kValues =
      0,  ///< Push: gradients (or whatever the updater takes). Pull: the values that the updater reads out.
  kRows = 1,  ///< Push: differences added to whole rows, state included. Pull: whole rows.
  kNone = 2,  ///< Scan: keys alone.
};

/// Why a directory entry was not carried out.
enum class EntryCode : std::uint32_t {
  kOk = 0,
  kNotPrimary =
      1,  ///< Not mine, or another epoch; detail: the epoch I know. Ask the head for the view.
  kFenced = 2,    ///< A later session owns this stream; detail: that session. Definite.
  kNeedOpen = 3,  ///< OPEN_STREAM first.
  kGap = 4,       ///< An earlier push is missing; detail: the ts I have. Send again from there.
  kBusy = 5,      ///< Over the connection's credit; send again later.
  kInvalid = 6,   ///< Keys unsorted or outside the segment, or a wrong width. Definite.
  kNotFinite =
      7,  ///< A pushed float is NaN or infinite; detail: its key. Nothing is applied. Definite.
  kFull =
      8,  ///< Some keys are new, and the server's memory for tables is used up; detail: its bytes. Definite.
  kFrozen =
      9,  ///< Some keys are new, and the table's keys are fixed; detail: the first such key. Definite.
  kNoKeys =
      10,  ///< The list that a signature or range names is not here; nothing happened. Send the keys.
  kFailed =
      12,  ///< The table's own updater threw, or made a float that is not finite; detail: the key. Nothing is applied. Definite.
  kOverQuota =
      13,  ///< Some keys are new, and the table has the memory that it may; detail: the bytes it has here. Definite.
  kHeldFull =
      14,  ///< The pushes of steps that wait for other members are too many; detail: their bytes. Definite.
};
const char* EntryCodeName(EntryCode code);

/// How the keys and floats of a message lie in it (docs/filters.md).
enum class Form : std::uint8_t {
  kPlain = 0,     ///< As arrays, used where they lie.
  kSections = 1,  ///< As sections of codecs.
  kKept =
      2,  ///< Likewise; the server keeps the keys for as long as the connection lasts, if it has room.
  kSignature =
      3,  ///< Floats as a section, and of the keys the 128-bit hash: the server has them, it is hoped.
  kRange =
      4,  ///< Likewise, and of the keys a KeyRange: they are all that its frozen segments have there.
};

/// Keys and floats that are not plain; what they mean is src/filter's to say. Sizes are multiples of 8.
struct Packed {
  Form form = Form::kPlain;
  std::span<const std::byte> keys;
  std::span<const std::byte> floats;
};

/// Bytes of a frame that are packed keys and floats.
std::size_t PackedBytes(const Packed& packed);

/// The codecs in which a pull wants its floats, in order of application; 0: no more.
using AnswerCodecs = std::array<std::uint8_t, 2>;

/// One segment touched by a request: the next `count` keys of the frame belong to it.
struct PushEntry {
  SegmentId segment = 0;
  std::uint32_t count = 0;
  Epoch epoch = 0;
  Ts prev_ts = 0;  ///< The last ts that this stream sent to this segment.
};
struct PullEntry {
  SegmentId segment = 0;
  std::uint32_t count = 0;
  Epoch epoch = 0;
};

/// A push of one (stream, ts) to one server: keys and floats of every segment it holds.
///
/// Shapes: keys [n] increasing; floats [n, floats_per_key]; the entries' counts sum to n.
struct Push {
  static constexpr MessageType kType = MessageType::kPush;
  TableId table = 0;
  StreamId stream = 0;
  Session session = 0;
  Ts ts = 0;
  Ts acked_ts = 0;        ///< Every push up to this one is acknowledged everywhere.
  Step step = 0;          ///< The iteration this push belongs to.
  Step through_step = 0;  ///< After this push the stream is through this step.
  Columns columns = Columns::kValues;
  std::uint32_t floats_per_key = 1;
  std::span<const PushEntry> entries;
  std::span<const Key> keys;  ///< Empty while they are packed, as floats.
  std::span<const float> floats;
  Packed packed = {};
};

struct EntryAnswer {
  SegmentId segment = 0;
  EntryCode code = EntryCode::kOk;
  std::uint64_t detail = 0;
};

/// Answers PUSH: every entry that `failed` does not name is applied, now or by an earlier copy.
struct PushAck {
  static constexpr MessageType kType = MessageType::kPushAck;
  TableId table = 0;
  StreamId stream = 0;
  Session session = 0;
  Ts ts = 0;
  std::span<const EntryAnswer> failed;
};

struct Pull {
  static constexpr MessageType kType = MessageType::kPull;
  TableId table = 0;
  JobId group = 0;  ///< Whose streams the gate looks at.
  StreamId stream = 0;
  Session session = 0;
  Ts acked_ts = 0;           ///< Own pushes up to here must be included.
  Step step = 0;             ///< The iteration that asks.
  Step gate_step = kNoGate;  ///< Answer when every stream of the group is through this step.
  Columns columns = Columns::kValues;
  AnswerCodecs answer_codecs = {};
  std::span<const PullEntry> entries;
  std::span<const Key> keys;  ///< Empty while they are packed.
  Packed packed = {};
};

struct PulledEntry {
  SegmentId segment = 0;
  EntryCode code = EntryCode::kOk;
  Ts clock =
      0;  ///< The asking stream's own pushes up to this ts are in the floats (code kOk), or the code's detail.
};

/// Answers PULL. If any entry failed, no floats are sent.
struct PullResponse {
  static constexpr MessageType kType = MessageType::kPullResponse;
  TableId table = 0;
  Columns columns = Columns::kValues;
  std::uint32_t floats_per_key = 1;
  Step through_min = 0;  ///< The slowest stream of the group is through this step.
  std::span<const PulledEntry> entries;
  std::span<const float> floats;  ///< Empty while they are packed.
  std::uint64_t float_count = 0;  ///< Of both.
  Packed packed = {};
};

/// Read rows of one segment in key order from a cursor on: of those whose first value is at least `at_least` away from 0,
/// each `stride`-th, beginning behind the first `skip` of them.
struct Scan {
  static constexpr MessageType kType = MessageType::kScan;
  TableId table = 0;
  SegmentId segment = 0;
  Epoch epoch = 0;
  Key first = 0;
  Key last = kKeyMax;
  std::uint32_t rows_max = 0;  ///< Rows to return.
  Columns columns = Columns::kRows;
  float at_least = 0.0F;
  std::uint32_t stride = 1;
  std::uint32_t skip = 0;
};

struct ScanResponse {
  static constexpr MessageType kType = MessageType::kScanResponse;
  TableId table = 0;
  SegmentId segment = 0;
  EntryCode code = EntryCode::kOk;
  Columns columns = Columns::kRows;
  std::uint32_t floats_per_key = 1;
  bool end = false;           ///< The range has no rows after these.
  Key next = 0;               ///< Else: where to go on.
  std::uint64_t counted = 0;  ///< Rows before `next` that are far enough from 0.
  std::span<const Key> keys;
  std::span<const float> floats;
};

/// Encode a body. The spans are copied once, into the frame.
Frame MakeFrame(const Push& push, std::uint64_t request_id);
Frame MakeFrame(const PushAck& ack, std::uint64_t request_id);
Frame MakeFrame(const Pull& pull, std::uint64_t request_id);
/// Of an answer whose floats are packed.
Frame MakeFrame(const PullResponse& response, std::uint64_t request_id);
Frame MakeFrame(const Scan& scan, std::uint64_t request_id);
Frame MakeFrame(const ScanResponse& response, std::uint64_t request_id);

/// A pull's answer is written where it will be sent from: `floats` is uninitialised and filled by the caller.
struct PullResponseFrame {
  Frame frame;
  std::span<float> floats;
};
PullResponseFrame MakePullResponse(const PullResponse& response, std::size_t float_count,
                                   std::uint64_t request_id);

/// Decode a body; spans point into `body`, which must be 8-byte aligned and outlive them.
/// Checks bounds, counts and sums; what is packed stays so; key order and ranges are the table's to check.
/// Errors: kCorruption.
Result<Push> DecodePush(std::span<const std::byte> body);
Result<PushAck> DecodePushAck(std::span<const std::byte> body);
Result<Pull> DecodePull(std::span<const std::byte> body);
Result<PullResponse> DecodePullResponse(std::span<const std::byte> body);
Result<Scan> DecodeScan(std::span<const std::byte> body);
Result<ScanResponse> DecodeScanResponse(std::span<const std::byte> body);

}  // namespace steelyard::wire
