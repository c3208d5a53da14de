// Freezing: each server fixes the keys of its segments; then everyone who asked hears which there are.
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
    for (const wire::Owner& owner : table.view.owners)
      table.freezing->unconfirmed.insert(owner.node);
  }
  table.freezing->askers[client] = request_id;
  if (first) SendFreeze(table, out);
  if (table.freezing->unconfirmed.empty()) AnswerFrozen(table, out);
}

void Tables::SendFreeze(Table& table, std::vector<Outgoing>& out) const {
  table.freezing->sent_at = now_;
  const wire::TableFreeze freeze{.table = table.view.table, .at_least = table.freezing->at_least};
  for (const NodeId server : table.freezing->unconfirmed)
    out.push_back({server, wire::MakeFrame(freeze, table.view.table)});
}

void Tables::OnFrozen(NodeId server, const wire::TableFrozen& frozen, std::vector<Outgoing>& out) {
  const auto found = tables_.find(frozen.table);
  if (found == tables_.end() || !found->second.freezing) return;
  Table& table = found->second;
  if (table.freezing->unconfirmed.erase(server) == 0) return;  // Said before.
  for (const wire::FrozenSegment& segment : frozen.segments)
    table.freezing->segments[segment.segment] = segment;
  if (table.freezing->unconfirmed.empty()) AnswerFrozen(table, out);
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
