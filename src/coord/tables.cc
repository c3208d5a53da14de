#include "coord/tables.h"

#include <algorithm>

#include "base/planted_bug.h"
#include "placement/placement.h"

namespace steelyard::coord {
namespace {

constexpr runtime::Duration kResendAfter = std::chrono::milliseconds(250);
/// A key is worth telling of when so much of what is asked for is it, of not too few keys that were looked at.
constexpr double kHotShareMin = 0.02;
constexpr double kSamplesMin = 1000.0;

void FindHottest(const std::map<NodeId, wire::TableSize>& sizes, wire::TableStatus& status) {
  double samples = 0.0;
  for (const auto& [server, size] : sizes) samples += static_cast<double>(size.samples);
  if (samples < kSamplesMin) return;
  for (const auto& [server, size] : sizes) {
    const double share = static_cast<double>(size.hot_count) / samples;
    if (share < kHotShareMin || share <= status.hot_share) continue;
    status.hot_share = share;
    status.hot_key = size.hot_key;
  }
}

}  // namespace

Outgoing Refuse(NodeId to, std::uint64_t request_id, const Status& why) {
  return {to, wire::MakeFrame(wire::Refused::From(why), request_id)};
}

void Tables::Create(NodeId client, std::uint64_t request_id, const wire::TableCreate& create,
                    std::vector<Outgoing>& out) {
  const std::string& name = create.spec.options.name;
  for (auto& [id, table] : tables_) {
    if (table.view.spec.options.name != name || table.state == State::kDropping) continue;
    // Its client has filled it, and wants it to stay.
    if (table.client == client && create.stays && !table.stays &&
        table.view.spec.options == create.spec.options) {
      table.stays = true;
      table.request_id = request_id;
    }
    const bool repeated = table.client == client && table.request_id == request_id;
    if (!repeated) {
      out.push_back(Refuse(
          client, request_id,
          Status(StatusCode::kInvalidArgument,
                 "a table named '" + name + "' exists already; drop it or choose another name")));
    } else if (table.state == State::kReady) {
      out.push_back({client, wire::MakeFrame(table.view, request_id)});
    } else if (table.state == State::kLost) {
      out.push_back(Refuse(client, request_id, table.lost));
    }
    return;
  }
  Table& table = tables_[next_id_];
  table.view.table = next_id_++;
  table.view.spec = create.spec;
  table.servers_min = std::max<std::uint32_t>(create.servers_min, 1);
  table.stays = create.stays;
  table.cuts = create.cuts;
  table.client = client;
  table.request_id = request_id;
  Place(table, out);
}

void Tables::Place(Table& table, std::vector<Outgoing>& out) {
  const auto servers = members_->Live(wire::Role::kServer);
  if (servers.size() < table.servers_min) return;
  const std::uint32_t segment_count = table.view.spec.options.segment_count;
  const auto firsts = table.cuts.empty() ? placement::CutEvenly(segment_count) : table.cuts;
  // No more servers than segments, or some would hold nothing.
  const auto server_count =
      static_cast<std::uint32_t>(std::min<std::size_t>(servers.size(), segment_count));
  const auto owners = placement::AssignEvenly(segment_count, server_count);
  const Epoch epoch = next_epoch_++;
  for (std::uint32_t i = 0; i < server_count; ++i) {
    table.view.owners.push_back({.node = servers[i]->id,
                                 .incarnation = servers[i]->incarnation,
                                 .address = servers[i]->listen_address});
    table.unconfirmed.insert(servers[i]->id);
  }
  for (std::uint32_t i = 0; i < segment_count; ++i) {
    table.view.segments.push_back({.first = firsts[i], .owner = owners[i], .epoch = epoch});
  }
  table.state = State::kInstalling;
  SendToUnconfirmed(table, out);
}

void Tables::SendToUnconfirmed(Table& table, std::vector<Outgoing>& out) const {
  table.sent_at = now_;
  for (const NodeId server : table.unconfirmed) {
    if (table.state == State::kDropping) {
      out.push_back(
          {server, wire::MakeFrame(wire::TableDrop{.table = table.view.table}, table.view.table)});
    } else {
      out.push_back(
          {server, wire::MakeFrame(wire::InstallView{.view = table.view}, table.view.table)});
    }
  }
}

void Tables::OnViewReady(runtime::Time now, NodeId server, const wire::ViewReady& ready,
                         std::vector<Outgoing>& out) {
  now_ = now;
  const auto found = tables_.find(ready.table);
  if (found == tables_.end() || found->second.state != State::kInstalling) return;
  Table& table = found->second;
  table.unconfirmed.erase(server);
  if (!table.unconfirmed.empty()) return;
  table.state = State::kReady;
  out.push_back({table.client, wire::MakeFrame(table.view, table.request_id)});
}

void Tables::OnRefused(NodeId server, TableId id, const Status& why, std::vector<Outgoing>& out) {
  const auto found = tables_.find(id);
  if (found == tables_.end()) return;
  const auto& freezing = found->second.freezing;
  // In the second round no server objects: it is a late copy.
  if (freezing && freezing->tentative && freezing->unconfirmed.contains(server))
    return EndFreezing(found->second, why, out);
  if (found->second.state != State::kInstalling) return;
  out.push_back(Refuse(found->second.client, found->second.request_id, why));
  StartDrop(found->second, out);
}

void Tables::StartDrop(Table& table, std::vector<Outgoing>& out) {
  table.unconfirmed.clear();
  for (const wire::Owner& owner : table.view.owners) {
    const Member* server = members_->Find(owner.node);
    if (server != nullptr && server->incarnation == owner.incarnation)
      table.unconfirmed.insert(owner.node);
  }
  table.state = State::kDropping;
  EndFreezing(table,
              Status(StatusCode::kNotFound,
                     "table '" + table.view.spec.options.name + "' was dropped meanwhile"),
              out);
  SendToUnconfirmed(table, out);
}

void Tables::Drop(NodeId client, std::uint64_t request_id, TableId id, std::vector<Outgoing>& out) {
  const auto found = tables_.find(id);
  if (found != tables_.end() && found->second.state != State::kDropping) {
    StartDrop(found->second, out);
    if (found->second.unconfirmed.empty()) tables_.erase(found);  // No server that lives has it.
  }
  // Gone already, or going: the answer is the same, so that a repeated request is harmless.
  out.push_back({client, wire::MakeFrame(wire::TableDropped{.table = id}, request_id)});
}

void Tables::OnDropped(NodeId server, const wire::TableDropped& dropped) {
  const auto found = tables_.find(dropped.table);
  if (found == tables_.end() || found->second.state != State::kDropping) return;
  found->second.unconfirmed.erase(server);
  if (found->second.unconfirmed.empty()) tables_.erase(found);
}

void Tables::Get(NodeId client, std::uint64_t request_id, const wire::ViewGet& get,
                 std::vector<Outgoing>& out) {
  TableId id = get.table;
  for (const auto& [table_id, table] : tables_) {
    if (get.table == 0 && table.view.spec.options.name == get.name &&
        table.state != State::kDropping)
      id = table_id;
  }
  if (id == 0) {
    const Status unknown(StatusCode::kNotFound, "there is no table '" + get.name + "'");
    return out.push_back(Refuse(client, request_id, unknown));
  }
  const auto view = ViewOf(id);
  if (view.ok()) {
    out.push_back({client, wire::MakeFrame(view.value(), request_id)});
  } else {
    out.push_back(Refuse(client, request_id, view.status()));
  }
}

Result<wire::View> Tables::ViewOf(TableId id) const {
  const auto found = tables_.find(id);
  if (found == tables_.end()) {
    return Status(StatusCode::kNotFound, "no table " + std::to_string(id));
  }
  const Table& table = found->second;
  if (Planted(PlantedBug::kStaleView) && table.state == State::kLost) return table.view;
  if (table.state == State::kLost) return table.lost;
  if (table.state != State::kReady) {
    return Status(StatusCode::kUnavailable,
                  "table '" + table.view.spec.options.name + "' is not ready");
  }
  return table.view;
}

void Tables::OnStats(NodeId server, const wire::TableStats& stats, std::vector<Outgoing>& out) {
  memory_[server] = stats.memory;
  for (const wire::TableSize& size : stats.tables) {
    const auto found = tables_.find(size.table);
    if (found != tables_.end()) {
      found->second.sizes[server] = size;
    } else {
      out.push_back({server, wire::MakeFrame(wire::TableDrop{.table = size.table}, size.table)});
    }
  }
}

wire::ServerMemory Tables::MemoryOf(NodeId server) const {
  const auto found = memory_.find(server);
  return found == memory_.end() ? wire::ServerMemory{} : found->second;
}

std::vector<wire::TableStatus> Tables::List() const {
  std::vector<wire::TableStatus> list;
  for (const auto& [id, table] : tables_) {
    if (table.state == State::kDropping) continue;
    wire::TableStatus status{.table = id,
                             .name = table.view.spec.options.name,
                             .state = wire::TableState::kReady,
                             .servers = static_cast<std::uint32_t>(table.view.owners.size()),
                             .memory_max = table.view.spec.options.memory_max,
                             .frozen = table.freezing && table.freezing->done(),
                             .message = {}};
    for (const auto& [server, size] : table.sizes) {
      status.rows += size.rows;
      status.bytes += size.bytes;
      status.held_bytes += size.held_bytes;
    }
    FindHottest(table.sizes, status);
    if (table.state == State::kLost) {
      status.state = wire::TableState::kLost;
      status.message = table.lost.ToString();
    } else if (table.state != State::kReady) {
      status.state = wire::TableState::kWaiting;
      status.message = "waits for " + std::to_string(table.servers_min) + " servers";
    }
    list.push_back(std::move(status));
  }
  return list;
}

void Tables::OnDeparture(const Departure& gone, std::vector<Outgoing>& out) {
  memory_.erase(gone.member.id);
  for (auto& [id, table] : tables_) {
    const std::string name = "'" + table.view.spec.options.name + "'";
    const bool held = std::ranges::any_of(table.view.owners, [&](const wire::Owner& owner) {
      return owner.node == gone.member.id && owner.incarnation == gone.member.incarnation;
    });
    table.unconfirmed.erase(gone.member.id);
    table.sizes.erase(gone.member.id);
    if (table.freezing) table.freezing->askers.erase(gone.member.id);
    if (held && (table.state == State::kInstalling || table.state == State::kReady)) {
      const bool installing = table.state == State::kInstalling;
      table.state = State::kLost;
      table.lost =
          Status(gone.why.code(), gone.why.message() + "; its part of table " + name + " is lost",
                 gone.why.where());
      if (installing) out.push_back(Refuse(table.client, table.request_id, table.lost));
      EndFreezing(table, table.lost, out);
    }
    // Nobody has heard of a table that was not ready yet.
    const bool known = table.state == State::kReady || table.state == State::kLost;
    const bool orphaned = table.client == gone.member.id && !(table.stays && known);
    if (orphaned && table.state != State::kDropping) StartDrop(table, out);
  }
  std::erase_if(tables_, [](const auto& entry) {
    return entry.second.state == State::kDropping && entry.second.unconfirmed.empty();
  });
}

void Tables::OnWake(runtime::Time now, std::vector<Outgoing>& out) {
  now_ = now;
  for (auto& [id, table] : tables_) {
    if (table.state == State::kWaitingForServers) {
      Place(table, out);
    } else if (!table.unconfirmed.empty() && now >= table.sent_at + kResendAfter) {
      SendToUnconfirmed(table, out);
    }
    if (table.freezing && !table.freezing->unconfirmed.empty() &&
        now >= table.freezing->sent_at + kResendAfter) {
      SendFreeze(table, out);
    }
  }
}

std::optional<runtime::Time> Tables::next_wake() const {
  std::optional<runtime::Time> next;
  const auto consider = [&next](runtime::Time sent_at) {
    const runtime::Time due = sent_at + kResendAfter;
    next = next ? std::min(*next, due) : due;
  };
  for (const auto& [id, table] : tables_) {
    if (!table.unconfirmed.empty()) consider(table.sent_at);
    if (table.freezing && !table.freezing->unconfirmed.empty()) consider(table.freezing->sent_at);
  }
  return next;
}

}  // namespace steelyard::coord
