// Control messages: connections, views, tables and streams. docs/protocol.md lists every byte.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "steelyard/table_options.h"
#include "steelyard/types.h"
#include "wire/message_codec.h"

namespace steelyard::wire {

inline constexpr std::uint32_t kSegmentsMax = 65'536;

enum class Role : std::uint8_t { kHead = 0, kServer = 1, kWorker = 2, kClient = 3 };
/// "head", "server", "worker", "client".
const char* RoleName(Role role);

/// First frame on every connection, from the side that connected.
struct Hello {
  static constexpr MessageType kType = MessageType::kHello;
  std::uint16_t version_min = kVersion;
  std::uint16_t version_max = kVersion;
  Role role = Role::kClient;
  NodeId node = 0;  ///< 0 asks the head to issue one.
  Incarnation incarnation = 0;
  std::uint64_t cluster_id = 0;  ///< 0 accepts any.
  Incarnation expected_incarnation =
      0;                       ///< Who the connecting side believes it talks to; 0 is anyone.
  std::string listen_address;  ///< Where this node accepts connections; empty for none.
  std::string description;     ///< For people: "pid 4711".

  template <typename V>
  void Fields(V& v) {
    v(version_min, version_max, role, node, incarnation, cluster_id, expected_incarnation,
      listen_address, description);
  }
  Status Check() const;
};

/// The connection is usable; what the accepting side allows on it.
struct HelloAck {
  static constexpr MessageType kType = MessageType::kHelloAck;
  std::uint16_t version = kVersion;
  std::uint64_t cluster_id = 0;
  NodeId your_node = 0;
  NodeId my_node = 0;
  Incarnation my_incarnation = 0;
  std::uint64_t body_bytes_max = 0;
  std::uint64_t inflight_bytes_max = 0;  ///< Credit: request bytes that may be unanswered at once.
  std::uint64_t heartbeat_ns = 0;
  std::uint64_t dead_after_ns = 0;

  template <typename V>
  void Fields(V& v) {
    v(version, cluster_id, your_node, my_node, my_incarnation, body_bytes_max, inflight_bytes_max,
      heartbeat_ns, dead_after_ns);
  }
  Status Check() const { return {}; }
};

/// A definite negative answer; the request with the same request_id had no effect.
struct Refused {
  static constexpr MessageType kType = MessageType::kRefused;
  StatusCode code = StatusCode::kOk;
  std::string message;
  std::string where;

  static Refused From(const Status& status) {
    return {status.code(), status.message(), status.where()};
  }
  Status ToStatus() const { return Status(code, message, where); }
  template <typename V>
  void Fields(V& v) {
    v(code, message, where);
  }
  Status Check() const;
};

/// "I live", from a node to the head, and the head's echo. Losing either for dead_after means the peer is dead.
struct Heartbeat {
  static constexpr MessageType kType = MessageType::kHeartbeat;
  std::uint64_t sequence = 0;
  template <typename V>
  void Fields(V& v) {
    v(sequence);
  }
  Status Check() const { return {}; }
};
struct HeartbeatAck {
  static constexpr MessageType kType = MessageType::kHeartbeatAck;
  std::uint64_t sequence = 0;
  template <typename V>
  void Fields(V& v) {
    v(sequence);
  }
  Status Check() const { return {}; }
};

/// TableOptions with its wire layout.
struct TableSpec {
  TableOptions options;
  template <typename V>
  void Fields(V& v) {
    v(options.name, options.width, options.updater.name, options.updater.alpha,
      options.updater.beta, options.updater.l1, options.updater.l2, options.updater.intercept,
      options.segment_count, options.aggregate, options.memory_max);
  }
  Status Check() const;
};

/// What a server that holds `segments` of a table's segments may fill of its memory_max; 0: no limit.
std::uint64_t ShareOfMemory(const TableSpec& spec, std::size_t segments);

/// One server of a view.
struct Owner {
  NodeId node = 0;
  Incarnation incarnation = 0;
  std::string address;
  template <typename V>
  void Fields(V& v) {
    v(node, incarnation, address);
  }
  bool operator==(const Owner&) const = default;
};

/// Who is primary of a segment, and in which epoch; segment i holds [first, next segment's first - 1].
struct SegmentView {
  Key first = 0;
  std::uint32_t owner = 0;  ///< Index into View::owners.
  Epoch epoch = 0;
  template <typename V>
  void Fields(V& v) {
    v(first, owner, epoch);
  }
  bool operator==(const SegmentView&) const = default;
};

/// Ask for a table's view, by id or (id 0) by name.
struct ViewGet {
  static constexpr MessageType kType = MessageType::kViewGet;
  TableId table = 0;
  std::string name;
  template <typename V>
  void Fields(V& v) {
    v(table, name);
  }
  Status Check() const { return {}; }
};

/// The whole placement of one table; answers VIEW_GET and TABLE_CREATE, and is sent unasked when it changes.
struct View {
  static constexpr MessageType kType = MessageType::kView;
  TableId table = 0;
  TableSpec spec;
  std::vector<Owner> owners;
  std::vector<SegmentView> segments;

  template <typename V>
  void Fields(V& v) {
    v(table, spec, owners, segments);
  }
  /// Segments partition the key space in order and name existing owners.
  Status Check() const;
};

/// Client to head: create this table once `servers_min` servers are there. Answered by VIEW; repeating it is harmless.
struct TableCreate {
  static constexpr MessageType kType = MessageType::kTableCreate;
  TableSpec spec;
  std::uint32_t servers_min = 1;
  bool stays = false;  ///< When its client has gone; otherwise it is dropped then.
  /// The first key of each segment; empty: segments of equal width.
  std::vector<Key> cuts{};
  template <typename V>
  void Fields(V& v) {
    v(spec, servers_min, stays, cuts);
  }
  Status Check() const;
};

struct TableDrop {
  static constexpr MessageType kType = MessageType::kTableDrop;
  TableId table = 0;
  template <typename V>
  void Fields(V& v) {
    v(table);
  }
  Status Check() const { return {}; }
};
struct TableDropped {
  static constexpr MessageType kType = MessageType::kTableDropped;
  TableId table = 0;
  template <typename V>
  void Fields(V& v) {
    v(table);
  }
  Status Check() const { return {}; }
};

/// Head to server: hold the segments of this view whose owner is you. Repeated until VIEW_READY.
struct InstallView {
  static constexpr MessageType kType = MessageType::kInstallView;
  View view;
  template <typename V>
  void Fields(V& v) {
    v(view);
  }
  Status Check() const { return view.Check(); }
};
struct ViewReady {
  static constexpr MessageType kType = MessageType::kViewReady;
  TableId table = 0;
  Epoch epoch = 0;  ///< The largest epoch among the installed segments.
  template <typename V>
  void Fields(V& v) {
    v(table, epoch);
  }
  Status Check() const { return {}; }
};

/// Client to head, head to server: fix the table's keys and drop the rows whose first value is nearer to 0 than
/// `at_least`. Repeated until TABLE_FROZEN; of a table that is frozen already, or is about to be, it asks for the outcome.
struct TableFreeze {
  static constexpr MessageType kType = MessageType::kTableFreeze;
  TableId table = 0;
  float at_least = 0.0F;
  template <typename V>
  void Fields(V& v) {
    v(table, at_least);
  }
  Status Check() const;
};

/// Head to server: may a TABLE_FREEZE follow? Answered by the same, nothing is in the way, or REFUSED.
struct TableFreezable {
  static constexpr MessageType kType = MessageType::kTableFreezable;
  TableId table = 0;
  template <typename V>
  void Fields(V& v) {
    v(table);
  }
  Status Check() const { return {}; }
};

/// The fixed keys of a segment: how many, and XXH3-128 of their bytes in order.
struct FrozenSegment {
  SegmentId segment = 0;
  std::uint64_t rows = 0;
  std::uint64_t hash_low = 0;
  std::uint64_t hash_high = 0;
  template <typename V>
  void Fields(V& v) {
    v(segment, rows, hash_low, hash_high);
  }
  bool operator==(const FrozenSegment&) const = default;
};

/// Server to head: its segments are frozen. Head to client: all are, by segment.
struct TableFrozen {
  static constexpr MessageType kType = MessageType::kTableFrozen;
  TableId table = 0;
  std::vector<FrozenSegment> segments;
  template <typename V>
  void Fields(V& v) {
    v(table, segments);
  }
  Status Check() const { return {}; }
};

struct TableSize {
  TableId table = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t held_bytes = 0;  ///< Of pushes of steps that not every member is through.
  std::uint64_t samples = 0;     ///< Keys of recent requests that were looked at.
  Key hot_key = 0;               ///< Found most often among them.
  std::uint64_t hot_count = 0;   ///< At least so often; 0: none is known.
  template <typename V>
  void Fields(V& v) {
    v(table, rows, bytes, held_bytes, samples, hot_key, hot_count);
  }
  bool operator==(const TableSize&) const = default;
};

/// What a server keeps besides rows, in bytes.
struct ServerMemory {
  std::uint64_t key_lists = 0;  ///< That connections' filters have it keep.
  std::uint64_t clocks = 0;     ///< Of streams and groups.
  std::uint64_t waiting = 0;    ///< Requests that wait for a gate or for their turn.
  template <typename V>
  void Fields(V& v) {
    v(key_lists, clocks, waiting);
  }
  bool operator==(const ServerMemory&) const = default;
};

/// Server to head, every second: what it holds of each table; replaces what it said before.
struct TableStats {
  static constexpr MessageType kType = MessageType::kTableStats;
  std::vector<TableSize> tables;
  ServerMemory memory = {};
  template <typename V>
  void Fields(V& v) {
    v(tables, memory);
  }
  Status Check() const { return {}; }
};

/// Worker or client to server: this session now speaks for the stream on every segment that you hold.
struct OpenStream {
  static constexpr MessageType kType = MessageType::kOpenStream;
  TableId table = 0;
  JobId group = 0;  ///< 0 takes no part in any gate.
  StreamId stream = 0;
  Session session = 0;
  Step first_step = 0;
  std::uint32_t members_min = 1;  ///< The group's gates stay closed until so many have joined.
  template <typename V>
  void Fields(V& v) {
    v(table, group, stream, session, first_step, members_min);
  }
  Status Check() const;
};

/// The stream has left for good: gates do not wait for it, its later pushes are fenced. From the stream's own process, or
/// from the head when that has died. Answered by OPEN_ACK without clocks.
struct RetireStream {
  static constexpr MessageType kType = MessageType::kRetireStream;
  TableId table = 0;  ///< 0: every table.
  StreamId stream = 0;
  template <typename V>
  void Fields(V& v) {
    v(table, stream);
  }
  Status Check() const { return {}; }
};

struct SegmentTs {
  SegmentId segment = 0;
  Ts ts = 0;
  template <typename V>
  void Fields(V& v) {
    v(segment, ts);
  }
  bool operator==(const SegmentTs&) const = default;
};

/// The stream's clock in each segment held; the new session continues from there.
struct OpenAck {
  static constexpr MessageType kType = MessageType::kOpenAck;
  TableId table = 0;
  StreamId stream = 0;
  Session session = 0;
  std::vector<SegmentTs> clocks;
  template <typename V>
  void Fields(V& v) {
    v(table, stream, session, clocks);
  }
  Status Check() const { return {}; }
};

}  // namespace steelyard::wire
