// Messages of functions that run where the rows are: CALL and CALL_RESPONSE.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "steelyard/functions.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/data_messages.h"
#include "wire/message_codec.h"

namespace steelyard::wire {

inline constexpr std::size_t kCallArgumentsMax = 64;

/// An Argument on the wire: a kind, then the value of that kind alone.
struct CallArgument {
  CallArgument() = default;
  CallArgument(Argument held) : value(std::move(held)) {}  // NOLINT(google-explicit-constructor)
  Argument value;

  template <typename V>
  void Fields(V& v) {
    auto kind = static_cast<std::uint8_t>(value.index());
    v(kind);
    if (kind != value.index()) Become(kind);
    std::visit([&v](auto& held) { v(held); }, value);
    known_ = kind < std::variant_size_v<Argument>;
  }
  bool known() const { return known_; }
  bool operator==(const CallArgument& other) const { return value == other.value; }

 private:
  void Become(std::uint8_t kind) {
    if (kind == 1) value = std::uint64_t{0};
    if (kind == 2) value = std::string();
  }
  bool known_ = true;  ///< What was read is one of the kinds.
};

/// One segment that a call is to go over.
struct CallEntry {
  SegmentId segment = 0;
  Epoch epoch = 0;
  Ts prev_ts = 0;  ///< As PushEntry::prev_ts; 0 where `ts` is.
  template <typename V>
  void Fields(V& v) {
    v(segment, epoch, prev_ts);
  }
  bool operator==(const CallEntry&) const = default;
};

/// Run a function on the rows [first, last] of the segments of one server. With a ts it may change them, and is a push of
/// its stream in every other respect: exactly once in each segment, in its order.
struct Call {
  static constexpr MessageType kType = MessageType::kCall;
  TableId table = 0;
  StreamId stream = 0;
  Session session = 0;
  Ts ts = 0;  ///< 0: it only reads.
  Ts acked_ts = 0;
  Step step = 0;
  Step through_step = 0;
  Key first = 0;
  Key last = kKeyMax;
  std::string function;
  std::vector<CallArgument> arguments;
  std::vector<CallEntry> entries;

  template <typename V>
  void Fields(V& v) {
    v(table, stream, session, ts, acked_ts, step, through_step, first, last, function, arguments,
      entries);
  }
  Status Check() const;
};

/// What came of one segment.
struct CallResult {
  SegmentId segment = 0;
  EntryCode code =
      EntryCode::kOk;  ///< Not kOk: the segment did not take the call, as a push's entry.
  std::uint64_t detail = 0;
  StatusCode status =
      StatusCode::kOk;  ///< Not kOk: it did, and refuses it or stopped, for `message`. Definite.
  std::string message = {};
  FunctionAnswer answer = {};

  template <typename V>
  void Fields(V& v) {
    v(segment, code, detail, status, message, answer.numbers, answer.keys);
  }
  bool operator==(const CallResult&) const = default;
};

/// Answers CALL once every entry's segment is done: in the order of the entries.
struct CallResponse {
  static constexpr MessageType kType = MessageType::kCallResponse;
  TableId table = 0;
  StreamId stream = 0;
  Session session = 0;
  Ts ts = 0;
  std::vector<CallResult> results;

  template <typename V>
  void Fields(V& v) {
    v(table, stream, session, ts, results);
  }
  Status Check() const;
};

}  // namespace steelyard::wire
