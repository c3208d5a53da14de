// Tables: the cluster's tables, where their segments live, and what became of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coord/membership.h"
#include "runtime/time.h"
#include "transport/transport.h"
#include "wire/cluster_messages.h"
#include "wire/control_messages.h"

namespace steelyard::coord {

/// A frame for a member.
struct Outgoing {
  NodeId to = 0;
  wire::Frame frame;
};

/// A REFUSED for a member that asked.
Outgoing Refuse(NodeId to, std::uint64_t request_id, const Status& why);

/// Creates, places, freezes and drops tables. Placement is static: a table is cut and spread over the servers that live when it
/// is created, and is lost with any of them.
///
/// Threads: confined to the head's loop. PURE.
class Tables {
 public:
  explicit Tables(const Membership* members) : members_(members) {}

  /// Create a table, or answer with its view when the same client asks again. The answer (VIEW or REFUSED) goes to
  /// `client` once every server has its segments.
  void Create(NodeId client, std::uint64_t request_id, const wire::TableCreate& create,
              std::vector<Outgoing>& out);
  void Drop(NodeId client, std::uint64_t request_id, TableId table, std::vector<Outgoing>& out);
  void Get(NodeId client, std::uint64_t request_id, const wire::ViewGet& get,
           std::vector<Outgoing>& out);

  /// Fix a table's keys: once no server objects, all do it. The answer (TABLE_FROZEN or REFUSED) goes to `client` when every
  /// server has done so, or one objects; of several requests the first decides which rows stay.
  void Freeze(NodeId client, std::uint64_t request_id, const wire::TableFreeze& freeze,
              std::vector<Outgoing>& out);
  void OnFreezable(NodeId server, const wire::TableFreezable& freezable,
                   std::vector<Outgoing>& out);
  void OnFrozen(NodeId server, const wire::TableFrozen& frozen, std::vector<Outgoing>& out);

  void OnViewReady(runtime::Time now, NodeId server, const wire::ViewReady& ready,
                   std::vector<Outgoing>& out);
  void OnDropped(NodeId server, const wire::TableDropped& dropped);
  /// What a server holds. A table that does not exist any more (its INSTALL_VIEW overtook its TABLE_DROP) is dropped.
  void OnStats(NodeId server, const wire::TableStats& stats, std::vector<Outgoing>& out);
  /// What a server keeps besides rows, as it said last.
  wire::ServerMemory MemoryOf(NodeId server) const;
  /// A server could not install a view, or freeze a table.
  void OnRefused(NodeId server, TableId table, const Status& why, std::vector<Outgoing>& out);

  /// A member is gone: tables with a segment on it are lost, tables it created are dropped unless they stay.
  void OnDeparture(const Departure& gone, std::vector<Outgoing>& out);

  /// Send again what servers have not confirmed, and place tables that waited for servers.
  void OnWake(runtime::Time now, std::vector<Outgoing>& out);
  std::optional<runtime::Time> next_wake() const;

  /// The view of a table that is ready and whole. Errors: kNotFound, kUnavailable (lost: names the server).
  Result<wire::View> ViewOf(TableId table) const;

  /// Every table that is not being dropped, by id.
  std::vector<wire::TableStatus> List() const;

 private:
  enum class State { kWaitingForServers, kInstalling, kReady, kLost, kDropping };
  /// From the first TABLE_FREEZE on.
  struct Freezing {
    float at_least = 0.0F;
    bool tentative = true;         ///< Servers are asked whether they can; nothing is frozen yet.
    std::set<NodeId> unconfirmed;  ///< Servers that have not said so, or have not done it.
    runtime::Time sent_at{0};
    std::map<NodeId, std::uint64_t> askers;  ///< Clients, with their last request.
    std::map<SegmentId, wire::FrozenSegment> segments;
    bool done() const { return !tentative && unconfirmed.empty(); }
  };
  struct Table {
    State state = State::kWaitingForServers;
    wire::View view;
    std::uint32_t servers_min = 1;
    bool stays = false;
    NodeId client = 0;
    std::uint64_t request_id = 0;
    std::set<NodeId> unconfirmed;  ///< Servers that have not confirmed the install or the drop.
    runtime::Time sent_at{0};
    Status lost;
    std::vector<Key> cuts;
    std::optional<Freezing> freezing;
    std::map<NodeId, wire::TableSize> sizes;  ///< As each server said last.
  };
  void Place(Table& table, std::vector<Outgoing>& out);
  void SendToUnconfirmed(Table& table, std::vector<Outgoing>& out) const;
  void StartDrop(Table& table, std::vector<Outgoing>& out);
  /// The next round of a freeze: every server is asked, or told.
  void BeginFreezeRound(Table& table, bool tentative, std::vector<Outgoing>& out) const;
  void SendFreeze(Table& table, std::vector<Outgoing>& out) const;
  static void AnswerFrozen(Table& table, std::vector<Outgoing>& out);
  /// Tell those who asked for it that a table will not be frozen.
  static void EndFreezing(Table& table, const Status& why, std::vector<Outgoing>& out);

  const Membership* members_;
  std::map<TableId, Table> tables_;
  std::map<NodeId, wire::ServerMemory> memory_;  ///< As each server said last.
  TableId next_id_ = 1;
  Epoch next_epoch_ = 1;
  runtime::Time now_{0};
};

}  // namespace steelyard::coord
