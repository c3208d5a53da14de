// Shard: the segments that one server thread owns; carries out pushes, pulls and scans on them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/group_clock.h"
#include "engine/open_steps.h"
#include "engine/segment_clock.h"
#include "runtime/time.h"
#include "server/block_solver.h"
#include "server/hot_keys.h"
#include "server/packed_requests.h"
#include "server/rows_ahead.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "table/algebra.h"
#include "table/custom_functions.h"
#include "table/freezer.h"
#include "table/hash_table.h"
#include "table/rows.h"
#include "table/slot_memory.h"
#include "table/updater.h"
#include "transport/transport.h"
#include "wire/call_messages.h"
#include "wire/control_messages.h"
#include "wire/data_messages.h"
#include "wire/table_messages.h"

namespace steelyard::server {

/// Frames to send once a request is carried out; one request may free others that waited.
using Outbox = std::vector<std::pair<transport::LinkId, wire::Frame>>;

/// What a shard did; read by metrics and tests.
struct ShardCounters {
  std::uint64_t pushes_applied = 0;  ///< Directory entries, not frames.
  std::uint64_t pushes_duplicate = 0;
  std::uint64_t pushes_refused = 0;
  std::uint64_t steps_closed = 0;  ///< Of aggregated tables: their sums were applied.
  std::uint64_t pulls_answered = 0;
  std::uint64_t pulls_waited = 0;
  std::uint64_t keys_pushed = 0;
  std::uint64_t keys_pulled = 0;
  std::uint64_t updater_failures = 0;
  std::uint64_t updater_slow =
      0;  ///< Pushes that a user's updater took longer over than kSlowPush.
  std::uint64_t calls_answered = 0;
  std::uint64_t calls_duplicate = 0;  ///< Segments of a repeated call that had been changed.
  std::uint64_t lists_recalled =
      0;  ///< Directory entries whose keys were looked up a short while ago.
};

/// Functions of users, and where to say what is wrong with them.
struct UserCode {
  std::shared_ptr<const table::CustomFunctions> functions;
  std::function<void(const std::string& line)> log;
};

/// Tables, their segments held here, clocks and waiting pulls. Everything is answered from memory, in the order of
/// arrival, except pulls whose gate is closed.
///
/// Threads: confined to the shard's loop.
/// Source:  data path of Li et al., OSDI 2014, section 4; exactly-once rules in docs/protocol.md.
class Shard {
 public:
  /// Request bytes that may wait on one link before further pulls are answered BUSY.
  static constexpr std::size_t kWaitingBytesMax = std::size_t{64} << 20;

  /// Streams that one table may know. Those that only read are forgotten beyond it.
  static constexpr std::size_t kStreamsMax = 65'536;
  /// Retired streams whose late OPEN_STREAM is refused.
  static constexpr std::size_t kRetiredMax = 4096;
  /// Calls that may be under way; more are answered BUSY.
  static constexpr std::size_t kCallsMax = 256;

  /// Bytes of pushes that may be held for steps beyond the one that is waited for, of all aggregated tables; more are
  /// answered BUSY. The step that is waited for may double it, then its pushes are refused.
  static constexpr std::size_t kHeldBytesMax = std::size_t{128} << 20;

  static constexpr std::size_t kMemoryUnlimited = ~std::size_t{0};

  /// @param memory_bytes_max  of the tables' rows, held pushes and kept lists of keys; beyond it pushes of new keys are
  /// refused. One push may pass it.
  explicit Shard(Incarnation self, std::size_t memory_bytes_max = kMemoryUnlimited,
                 UserCode user = {})
      : self_(self), memory_bytes_max_(memory_bytes_max), user_(std::move(user)) {}

  /// Take over the segments of `view` that name this incarnation. Repeating an installed view changes nothing.
  /// Errors: kInvalidArgument  the updater or its parameters are refused.
  Status Install(const wire::View& view);

  /// Forget a table; its waiting pulls are answered NOT_PRIMARY.
  void Drop(TableId table, Outbox& outbox);

  void Open(transport::LinkId link, const wire::OpenStream& open, std::uint64_t request_id,
            Outbox& outbox);
  /// Let a stream go for good: what waited for it is looked at again.
  wire::Frame Retire(const wire::RetireStream& retire, std::uint64_t request_id, Outbox& outbox);
  void Push(transport::LinkId link, const wire::Push& push, std::uint64_t request_id,
            Outbox& outbox);
  /// @param body  the pull's own bytes, kept while it waits; none: they are made then, of a pull that was packed.
  void Pull(transport::LinkId link, const wire::Pull& pull, std::uint64_t request_id,
            const Buffer& body, Outbox& outbox);
  wire::Frame Scan(const wire::Scan& scan, std::uint64_t request_id);

  /// A user's updater that takes longer over one push is complained of.
  static constexpr runtime::Duration kSlowPush = std::chrono::milliseconds(50);
  /// How long a push to `table` took.
  void NoteDuration(TableId table, runtime::Duration took);

  /// The keys of a table that pushes and pulls name most often here.
  /// Errors: kNotFound  the table is not here.
  Result<wire::HotKeyCounts> HotKeysOf(const wire::HotKeysGet& get) const;
  /// How far each stream is on each range of keys held here. Errors: as HotKeysOf().
  Result<wire::Clocks> ClocksOf(const wire::ClocksGet& get) const;

  /// Begin to run a function on segments held here. It is answered by ContinueCalls(), once; a repeated request joins
  /// the one under way.
  void Call(transport::LinkId link, wire::Call call, std::uint64_t request_id, Outbox& outbox);
  /// Continue with one of the calls under way, for about 2 ms.
  void ContinueCalls(Outbox& outbox);
  bool calling() const { return !calls_.empty(); }

  /// Can the keys of a table's segments held here be fixed? Errors: kNotFound; kResourceExhausted  a segment has more
  /// rows than an array may have; kUnavailable  a step of a group is open.
  Status CheckFreezable(TableId table) const;
  /// Fix them, from when no step is open on; until that is done their pushes are answered BUSY. Repeating it changes
  /// nothing. Errors: kNotFound.
  Status Freeze(const wire::TableFreeze& freeze);
  /// Continue with a table that is being frozen, for about 10 ms. @return the table that this call completed.
  std::optional<TableId> ContinueFreezing();
  bool freezing() const;
  /// The fixed keys of a table's segments held here; nothing while they are not fixed.
  std::optional<wire::TableFrozen> FrozenKeysOf(TableId table) const;
  /// All keys that a segment has in a range, where they lie; nothing where it is not held here, or not frozen.
  std::optional<std::span<const Key>> FixedKeysOf(TableId table, SegmentId segment,
                                                  KeyRange range) const;

  /// Block proximal gradient on a frozen table with updater "proximal"; a later job on it starts anew.
  /// Errors: as BlockSolver's; kCancelled  another job works on the table.
  Result<wire::BlockJoined> JoinBlocks(const wire::BlockJoin& join);
  Status StepBlocks(transport::LinkId link, wire::BlockStep step, std::uint64_t request_id,
                    Outbox& outbox);

  /// Forget the pulls that wait for a link that is gone.
  void ForgetLink(transport::LinkId link);

  /// What connections' lists of keys take; they count as memory of tables.
  void NoteKeyLists(std::size_t bytes) { key_list_bytes_ = bytes; }

  ShardCounters counters() const;
  std::size_t waiting_count() const;
  std::size_t memory_bytes() const;
  /// Of pushes to aggregated tables that wait for other members of their groups.
  std::size_t held_bytes() const { return held_bytes_; }
  /// Of the clocks of streams and groups.
  std::size_t clock_bytes() const;
  /// Of pulls that wait for their gates.
  std::size_t waiting_bytes() const;
  /// What is held of each table, by id.
  std::vector<wire::TableSize> Sizes() const;

 private:
  /// What the last changing call of a stream came to, for its repeats.
  struct CallOutcome {
    Ts ts = 0;
    wire::CallResult result;
  };
  struct Segment {
    KeyRange range;
    Epoch epoch;
    std::unique_ptr<table::Rows> rows;  ///< A HashTable; once frozen, an ArrayTable.
    std::unique_ptr<table::Freezer> freezer;
    std::optional<wire::FrozenSegment> frozen;
    table::SlotMemory slots;
    engine::SegmentClock clock;
    std::map<StreamId, CallOutcome> outcomes;
    /// Where a user's updater failed on the sum of pushes that had been acknowledged: the segment takes no more.
    std::optional<Key> failed_at;

    /// How to find `keys`: by the homes that the memory was asked for, and if those are not all, by where they were lately.
    table::SlotHints HintsFor(std::span<const Key> keys, const table::HomeBuckets& homes);
  };
  struct RunningCall {
    transport::LinkId link;
    std::uint64_t request_id;
    wire::Call call;
    std::size_t entry = 0;  ///< The one it is at.
    std::unique_ptr<table::RangeCall> rows =
        nullptr;  ///< Set while it goes over the rows of a segment.
    std::size_t answer_bytes = 0;
    std::vector<wire::CallResult> results = {};  ///< Of the entries before.
    bool deserted = false;                       ///< The link is gone; what it changes goes on.
  };
  struct WaitingPull {
    transport::LinkId link;
    std::uint64_t request_id;
    Step gate_step;
    Buffer body;
  };
  struct Group {
    engine::GroupClock clock;
    engine::OpenSteps steps;  ///< Of an aggregated table.
    std::vector<WaitingPull> waiting;
  };
  struct Table {
    wire::View view;
    std::unique_ptr<table::Updater> updater;
    std::vector<std::unique_ptr<Segment>>
        segments;  ///< By SegmentId; null where another server is primary.
    std::map<JobId, Group> groups;
    std::map<StreamId, JobId> group_of;
    std::unique_ptr<BlockSolver> blocks;
    HotKeys hot;
    std::optional<float> freeze_at_least;       ///< Its segments are being frozen, or are.
    std::optional<float> freeze_between_steps;  ///< Will be that, when no step is open.

    std::size_t FloatsPerKey(wire::Columns columns) const;
    EntryRows RowsOf(SegmentId id) const;
    /// The group in which a stream's pushes are summed; null: they are applied at once.
    Group* AggregatedIn(StreamId stream);
    std::size_t memory_bytes() const;
    /// What this server's segments may take of the table's memory_max, a share by their number; 0: no limit.
    std::size_t memory_max() const;
    std::size_t held_bytes() const;
    /// Does a row's first value, as pulls read it, keep this distance from 0? Empty where every row does.
    table::Freezer::Keep FarFromZero(float at_least) const;
    bool may_begin_freezing() const { return freeze_between_steps && held_bytes() == 0; }
    void BeginFreezingBetweenSteps();
    /// The segment whose keys are to be fixed next.
    std::optional<SegmentId> NextToFreeze() const;
  };

  Table* FindTable(TableId id);
  /// May `clock` learn of another stream, once silent ones are forgotten?
  static bool HasRoomForStream(const Table& table, engine::SegmentClock& clock);
  wire::EntryAnswer ApplyEntry(Table& table, const wire::Push& push, const wire::PushEntry& entry,
                               std::size_t first_key, const RowsAhead<wire::PushEntry>::Seen& seen);
  std::optional<table::UpdaterFailure> ApplyRows(const Table& table, Segment& segment,
                                                 wire::Columns columns, std::span<const Key> keys,
                                                 std::span<const float> pushed,
                                                 const table::HomeBuckets& homes);
  /// Keep a part of a push until its step closes. @return why it cannot be; kOk.
  wire::EntryAnswer Hold(Group& group, const wire::Push& push, SegmentId segment,
                         std::span<const Key> keys, std::span<const float> floats);
  /// Apply the sums of every step that all members are through.
  void CloseSteps(Table& table, Group& group);
  /// A group's clock moved: close steps, and answer the pulls that waited for them.
  void Advance(Table& table, Group& group, Outbox& outbox);
  wire::Frame AnswerPull(Table* table, const wire::Pull& pull, std::uint64_t request_id);
  std::optional<table::UpdaterFailure> ReadRows(const Table& table, Segment& segment,
                                                wire::Columns columns, std::span<const Key> keys,
                                                std::span<float> floats,
                                                const table::HomeBuckets& homes);
  /// Read the rows of a pull whose entries are all held here.
  /// @param entries  those that cannot be read are marked. @return true when there are none.
  bool ReadEntries(Table& table, const wire::Pull& pull, std::span<float> floats,
                   std::span<wire::PulledEntry> entries);
  /// Count what a user's code did, and log the first times and every thousandth.
  void Complain(std::uint64_t& counter, const Table& table, const std::string& what);
  void AnswerWaiting(Table& table, Group& group, Outbox& outbox);
  /// The step that every member is through on the segments that a pull asks for.
  static Step ThroughOf(const Table& table, const Group& group, const wire::Pull& pull);
  static wire::RangeTimes TimesOf(const Table& table, const Segment& segment);
  /// Why a push may not change a segment's rows now; kOk: it may.
  wire::EntryAnswer CheckRoom(const Table& table, const Segment& segment,
                              std::span<const Key> keys) const;

  RunningCall* FindRunning(transport::LinkId link, const wire::Call& call,
                           std::uint64_t request_id);
  /// Decide on the entry that a call is at: begin it, or say what it came to before or why it cannot be.
  std::optional<wire::CallResult> BeginEntry(RunningCall& running);
  std::optional<wire::CallResult> ContinueEntry(RunningCall& running, std::size_t& rows_left);
  /// @return true when every entry has its result.
  bool ContinueCall(RunningCall& running);
  void EndEntry(RunningCall& running, wire::CallResult result);
  void AnswerCall(RunningCall& running, Outbox& outbox);
  /// Of a push, or of a call that changes rows.
  struct Announcement {
    StreamId stream;
    Session session;
    Ts ts;
    Ts acked_ts;
    Step through;
  };
  void Announce(Table& table, const Announcement& made, Outbox& outbox);

  Incarnation self_;
  std::size_t memory_bytes_max_;
  UserCode user_;
  std::unique_ptr<table::PageMemory> page_memory_ =
      std::make_unique<table::PageMemory>();  // Outlives the tables.
  std::map<TableId, Table> tables_;
  std::size_t held_bytes_ = 0;  ///< Of all tables.
  std::size_t key_list_bytes_ = 0;
  std::deque<RunningCall> calls_;  ///< Each gets a turn after the others.
  std::map<transport::LinkId, std::size_t> waiting_bytes_;
  std::set<StreamId> retired_;
  std::deque<StreamId> retired_order_;  ///< Oldest first.
  AnswerPacker answer_packer_;
  ShardCounters counters_;
};

}  // namespace steelyard::server
