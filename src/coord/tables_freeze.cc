// Freezing, in two rounds: every server says that it can, then each fixes the keys of its segments. Then everyone who asked
// hears which keys there are.
#include <algorithm>
#include <utility>

#include "coord/tables.h"

namespace steelyard::coord {

void Tables::Freeze(NodeId client, std::uint64_t request_id, const wire::TableFreeze& freeze,
                    std::vector<Outgoing>& out) {
  if (const auto view = ViewOf(freeze.table); !view.ok())
    return out.push_back(Refuse(client, request_id, view.status()));
  Table& table = tables_.at(freeze.table);
  const bool first = !table.freezing;
  if (first) {
    table.freezing.emplace(Freezing{}).at_least = freeze.at_least;
    BeginFreezeRound(table, /*tentative=*/true, out);
  }
  table.freezing->askers[client] = request_id;
  if (table.freezing->done()) AnswerFrozen(table, out);
}

void Tables::BeginFreezeRound(Table& table, bool tentative, std::vector<Outgoing>& out) const {
  table.freezing->tentative = tentative;
  for (const wire::Owner& owner : table.view.owners) table.freezing->unconfirmed.insert(owner.node);
  SendFreeze(table, out);
}

void Tables::SendFreeze(Table& table, std::vector<Outgoing>& out) const {
  table.freezing->sent_at = now_;
  const TableId id = table.view.table;
  const wire::Frame frame =
      table.freezing->tentative
          ? wire::MakeFrame(wire::TableFreezable{.table = id}, id)
          : wire::MakeFrame(wire::TableFreeze{.table = id, .at_least = table.freezing->at_least},
                            id);
  for (const NodeId server : table.freezing->unconfirmed) out.push_back({server, frame});
}

void Tables::OnFreezable(NodeId server, const wire::TableFreezable& freezable,
                         std::vector<Outgoing>& out) {
  const auto found = tables_.find(freezable.table);
  if (found == tables_.end() || !found->second.freezing || !found->second.freezing->tentative)
    return;
  found->second.freezing->unconfirmed.erase(server);
  if (found->second.freezing->unconfirmed.empty())
    BeginFreezeRound(found->second, /*tentative=*/false, out);
}

void Tables::OnFrozen(NodeId server, const wire::TableFrozen& frozen, std::vector<Outgoing>& out) {
  const auto found = tables_.find(frozen.table);
  if (found == tables_.end() || !found->second.freezing || found->second.freezing->tentative)
    return;
  Table& table = found->second;
  if (table.freezing->unconfirmed.erase(server) == 0) return;  // Said before.
  for (const wire::FrozenSegment& segment : frozen.segments)
    table.freezing->segments[segment.segment] = segment;
  if (table.freezing->done()) AnswerFrozen(table, out);
}

void Tables::AnswerFrozen(Table& table, std::vector<Outgoing>& out) {
  wire::TableFrozen frozen{.table = table.view.table, .segments = {}};
  for (const auto& [id, segment] : table.freezing->segments) frozen.segments.push_back(segment);
  for (const auto& [client, request_id] : std::exchange(table.freezing->askers, {}))
    out.push_back({client, wire::MakeFrame(frozen, request_id)});
}

void Tables::EndFreezing(Table& table, const Status& why, std::vector<Outgoing>& out) {
  if (!table.freezing) return;
  for (const auto& [client, request_id] : table.freezing->askers)
    out.push_back(Refuse(client, request_id, why));
  table.freezing.reset();
}

}  // namespace steelyard::coord
