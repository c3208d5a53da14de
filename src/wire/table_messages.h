// Table messages: what a server tells of a table's keys and clocks when it is asked.
#pragma once

#include <cstdint>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/frame.h"
#include "wire/message_codec.h"

namespace steelyard::wire {

inline constexpr std::uint32_t kHotKeysMax = 128;

/// A key that requests name often, in samples.
struct HotKey {
  Key key = 0;
  std::uint64_t count = 0;
  std::uint64_t error = 0;  ///< The count is at most so much too high.
  template <typename V>
  void Fields(V& v) {
    v(key, count, error);
  }
  bool operator==(const HotKey&) const = default;
};

/// Client to server: which keys of a table are named most often in pushes and pulls?
struct HotKeysGet {
  static constexpr MessageType kType = MessageType::kHotKeysGet;
  TableId table = 0;
  std::uint32_t most = 0;
  template <typename V>
  void Fields(V& v) {
    v(table, most);
  }
  Status Check() const { return {}; }
};

/// Answers HOT_KEYS_GET: of this server's keys.
struct HotKeyCounts {
  static constexpr MessageType kType = MessageType::kHotKeys;
  TableId table = 0;
  std::uint64_t samples = 0;  ///< The counts are out of so many.
  std::vector<HotKey> keys;
  template <typename V>
  void Fields(V& v) {
    v(table, samples, keys);
  }
  Status Check() const {
    for (const HotKey& key : keys) {
      if (key.error > key.count) return Status(StatusCode::kCorruption, "an error above its count");
    }
    return {};
  }
};

/// How far a stream is on the keys of a range.
struct StreamTime {
  StreamId stream = 0;
  JobId group = 0;      ///< 0: of none.
  Ts ts = 0;            ///< Its last push there that is applied.
  Step through = 0;     ///< It is through this step there.
  bool active = false;  ///< Somebody may wait for it: it is in a group and has not left.
  template <typename V>
  void Fields(V& v) {
    v(stream, group, ts, through, active);
  }
  bool operator==(const StreamTime&) const = default;
};

/// The vector clock of a range of keys.
struct RangeTimes {
  Key first = 0;
  Key last = 0;
  std::vector<StreamTime> streams;  ///< By stream.
  template <typename V>
  void Fields(V& v) {
    v(first, last, streams);
  }
  bool operator==(const RangeTimes&) const = default;
};

/// Client to server: the vector clocks of your part of a range.
struct ClocksGet {
  static constexpr MessageType kType = MessageType::kClocksGet;
  TableId table = 0;
  Key first = 0;
  Key last = kKeyMax;
  template <typename V>
  void Fields(V& v) {
    v(table, first, last);
  }
  Status Check() const {
    if (first <= last) return {};
    return Status(StatusCode::kCorruption, "a range that ends before it begins");
  }
};

/// Answers CLOCKS_GET: by key; neighbours on one server with equal clocks are one range.
struct Clocks {
  static constexpr MessageType kType = MessageType::kClocks;
  TableId table = 0;
  std::vector<RangeTimes> ranges;
  template <typename V>
  void Fields(V& v) {
    v(table, ranges);
  }
  Status Check() const { return {}; }
};

}  // namespace steelyard::wire
