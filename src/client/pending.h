// Requests of a client and what it keeps of each until it is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "placement/placement.h"
#include "runtime/time.h"
#include "steelyard/functions.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/call_messages.h"
#include "wire/data_messages.h"

namespace steelyard::client {

/// Shapes: keys [n] strictly increasing; floats [n, floats_per_key] row-major.
struct PushRequest {
  Step step = 0;          ///< The iteration this push belongs to.
  Step through_step = 0;  ///< After this push the stream is through this step.
  wire::Columns columns = wire::Columns::kValues;
  std::uint32_t floats_per_key = 1;
  std::vector<Key> keys;
  std::vector<float> floats;
  bool exact = false;  ///< Filters that change values leave it alone.
  /// The keys are all that the table has in this range, and they are fixed: it is sent in their place.
  std::optional<KeyRange> all_of = {};
};

/// Shapes: keys [n] strictly increasing.
struct PullRequest {
  Step step = 0;
  Step gate_step = wire::kNoGate;  ///< Answer when every stream of the group is through this step.
  JobId group = 0;                 ///< Whose streams; 0: those of the own group.
  bool every_server = false;  ///< Ask also those that hold none of the keys: a gate of its own.
  wire::Columns columns = wire::Columns::kValues;
  std::uint32_t floats_per_key =
      1;  ///< What the caller expects; another number from a server is an error.
  std::vector<Key> keys;
  std::optional<KeyRange> all_of = {};  ///< As of a PushRequest.
};

/// The keys [offset, offset + count) of a pull and which own pushes their floats include.
struct PulledSlice {
  SegmentId segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  Ts clock = 0;  ///< Own pushes up to this ts are in.
};

struct Pulled {
  std::vector<Key> keys;
  std::vector<float> floats;  ///< [n, floats_per_key]
  std::vector<PulledSlice> slices;
  Step through_min = wire::kStepMax;
};

struct Scanned {
  std::vector<Key> keys;
  std::vector<float> floats;
  std::uint32_t floats_per_key = 1;
  bool end = false;
  Key next = 0;  ///< Where to go on, unless at the end.
  std::uint64_t counted = 0;
};

/// wire::Scan says what the fields mean.
struct ScanRequest {
  SegmentId segment = 0;
  Key first = 0;
  Key last = kKeyMax;
  std::uint32_t rows_max = 4096;
  wire::Columns columns = wire::Columns::kRows;
  float at_least = 0.0F;
  std::uint32_t stride = 1;
  std::uint32_t skip = 0;

  /// Pass over segments that end before the range begins. @return false: it is read.
  bool GoTo(const wire::View& view) {
    while (segment < view.segments.size() && placement::RangeOfSegment(view, segment).last < first)
      ++segment;
    return segment < view.segments.size() && view.segments[segment].first <= last;
  }

  /// What to ask next: more of the segment, or the next one.
  ScanRequest After(const Scanned& scanned) const {
    ScanRequest next = *this;
    if (scanned.end) {
      ++next.segment;
    } else {
      next.first = scanned.next;
    }
    const std::uint64_t past = scanned.counted < skip ? 0 : (scanned.counted - skip) % stride;
    next.skip = scanned.counted < skip ? skip - static_cast<std::uint32_t>(scanned.counted)
                                       : static_cast<std::uint32_t>((stride - past) % stride);
    return next;
  }
};

/// A function to run on the rows of a range, at the servers that hold them.
struct CallRequest {
  std::string function = {};
  std::vector<Argument> arguments = {};
  KeyRange range = {0, kKeyMax};
  Effect effect = Effect::kReads;
  Step step = 0;  ///< As of a PushRequest, of what changes rows.
  Step through_step = 0;
};
/// What the segments of the range answered, in the order of keys.
using Called = std::vector<FunctionAnswer>;

/// Bytes of frame bodies at this client; resent ones count again.
struct Traffic {
  std::uint64_t pushed_bytes = 0;
  std::uint64_t pulled_bytes = 0;
  std::uint64_t resends = 0;
  std::uint64_t before_filters_bytes = 0;  ///< What pushed and pulled would be without filters.
  std::uint64_t lists_missed = 0;  ///< Signatures that a server did not know (docs/filters.md).

  void AddPushed(std::uint64_t bytes) {
    pushed_bytes += bytes;
    before_filters_bytes += bytes;
  }
  void AddPulled(std::uint64_t bytes) {
    pulled_bytes += bytes;
    before_filters_bytes += bytes;
  }
};

/// What one server must do for a request.
struct RequestPart {
  std::size_t server = 0;  ///< Index into the client's servers.
  bool done = false;
  bool sent = false;  ///< On the current connection.
  runtime::Time sent_at{0};
  std::uint64_t request_id = 0;  ///< Of the last transmission (pushes).
  bool with_keys = false;        ///< The server lacks the list that a signature or range named.
  Ts acked_ts_when_sent = 0;     ///< Likewise: pushes up to this one were acknowledged.
  std::vector<std::uint32_t> slices;  ///< Indices into the request's slices.
};
using PushPart = RequestPart;
using PullPart = RequestPart;

/// A request to one server that any frame answers; sent again until then. A scan is one.
struct PendingAsk {
  RequestPart part;
  wire::Frame frame;
  std::function<void(Result<wire::Frame>)> done;
};

/// A call that only reads; or what a push is that is a call.
struct PendingCall {
  CallRequest request;
  std::vector<placement::KeySlice> slices;  ///< Segments of the range, without keys.
  std::vector<RequestPart> parts;           ///< Unused where it is a push's.
  std::vector<wire::CallResult> results;    ///< Per slice.
  std::function<void(Result<Called>)> done;

  /// The answers of all segments, or the first that failed.
  Result<Called> Combined() const;
};

struct PendingPush {
  Ts ts = 0;
  PushRequest request;
  std::shared_ptr<PendingCall> call;  ///< Set: runs a function rather than pushing rows.
  std::vector<placement::KeySlice> slices;
  std::vector<Ts> prev_ts;  ///< Per slice.
  std::vector<PushPart> parts;
  std::function<void(const Status&)> done;

  std::size_t bytes() const {
    return request.keys.size() * sizeof(Key) + request.floats.size() * sizeof(float);
  }
};

struct PendingPull {
  PullRequest request;
  std::vector<placement::KeySlice> slices;
  std::vector<PullPart> parts;
  Ts acked_ts = 0;  ///< When the pull was made.
  std::vector<Ts>
      min_clock;  ///< Per slice: own pushes acknowledged when the pull was made; they must be included.
  Pulled result;
  std::function<void(Result<Pulled>)> done;
};

}  // namespace steelyard::client
