#include "client/client.h"

#include <algorithm>
#include <utility>

#include "base/duration_text.h"
#include "client/client_state.h"

namespace steelyard::client {

using rpc::Channel;
using runtime::Time;
using transport::LinkId;
using transport::Transport;
using wire::MessageType;

Client::Client(const rpc::Identity* self, Options options) : self_(self), options_(options) {}
Client::~Client() = default;

// ---- Tables and servers ----

Client::Table* Client::FindTable(TableId table) {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : found->second.get();
}
const Client::Table* Client::FindTable(TableId table) const {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : found->second.get();
}

Client::Server& Client::ServerFor(Transport& transport, const wire::Owner& owner) {
  for (const auto& server : servers_) {
    if (server->owner.node == owner.node && server->owner.incarnation == owner.incarnation) {
      server->channel.Start(transport);
      return *server;
    }
  }
  const Channel::Options options{.address = owner.address,
                                 .peer_name = "server " + std::to_string(owner.node),
                                 .peer_incarnation = owner.incarnation};
  servers_.push_back(
      std::make_unique<Server>(servers_.size(), owner, options, self_, options_.retry_min));
  servers_.back()->channel.Start(transport);
  return *servers_.back();
}

Client::Server* Client::ServerOfLink(LinkId link) {
  for (const auto& server : servers_) {
    if (server->channel.Owns(link)) return server.get();
  }
  return nullptr;
}

bool Client::Owns(LinkId link) const {
  return std::ranges::any_of(servers_,
                             [&](const auto& server) { return server->channel.Owns(link); });
}

void Client::Attach(Transport& transport, const wire::View& view, const StreamBinding& binding,
                    Done done) {
  Detach(transport, view.table, Status(StatusCode::kCancelled, "the table is attached anew"));
  auto table = std::make_unique<Table>();
  table->view = view;
  table->binding = binding;
  table->last_ts.resize(view.segments.size());
  table->acked_in_segment.resize(view.segments.size());
  table->attached = std::move(done);
  for (const wire::Owner& owner : view.owners) {
    Server& server = ServerFor(transport, owner);
    table->server_of_owner.push_back(server.index);
    table->servers.try_emplace(server.index);
  }
  Table& placed = *(tables_[view.table] = std::move(table));
  for (const auto& [index, state] : placed.servers) {
    const Server& server = *servers_[index];
    if (server.channel.ready()) SendOpen(transport, placed, *servers_[index]);
    if (server.channel.refused()) FailTable(placed, Refusal(server));
  }
  if (!callbacks_.empty()) transport.WakeAt(transport.now());  // They must not come from here.
}

void Client::Detach(Transport& transport, TableId id, const Status& why) {
  Table* table = FindTable(id);
  if (table == nullptr) return;
  FailTable(*table, why);
  tables_.erase(id);
  for (const auto& server : servers_) {
    const bool used = std::ranges::any_of(
        tables_, [&](const auto& entry) { return entry.second->servers.contains(server->index); });
    if (!used) server->channel.Stop(transport);
  }
  if (!callbacks_.empty() || credit_freed_) transport.WakeAt(transport.now());
}

Ts Client::acked_ts(TableId id) const {
  const Table* table = FindTable(id);
  return table == nullptr ? 0 : table->acked_ts();
}

Ts Client::next_ts(TableId id) const {
  const Table* table = FindTable(id);
  return table == nullptr ? 1 : table->next_ts;
}

// ---- Requests ----

Result<Ts> Client::Push(Transport& transport, TableId id, PushRequest request, Done done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  if (!table->failed.ok()) return table->failed;
  if (!table->opened()) {
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) +
                                             " is not attached yet; push once Attach() is done");
  }
  if (table->leaving)
    return Status(StatusCode::kInvalidArgument, "a push after its stream has left the group");
  SY_RETURN_IF_ERROR(placement::CheckSorted(request.keys));
  if (request.floats_per_key == 0 ||
      request.floats.size() != request.keys.size() * std::size_t{request.floats_per_key}) {
    return Status(StatusCode::kInvalidArgument,
                  std::to_string(request.floats.size()) + " floats for " +
                      std::to_string(request.keys.size()) + " keys of " +
                      std::to_string(request.floats_per_key));
  }
  PendingPush push;
  push.request = std::move(request);
  if (!HasRoom(push.bytes())) {
    return Status(StatusCode::kResourceExhausted,
                  std::to_string(unacked_bytes_) +
                      " bytes of pushes are unacknowledged; retry when some are");
  }
  if (push.request.all_of) table->EnsureFilters();
  FilterPush(*table, push.request);
  placement::SliceKeys(push.request.keys, table->view, push.slices);
  // Members of a group tell every server how far they are, also those that own none of the keys.
  push.parts = MakeParts(*table, push.slices, /*with_empty=*/table->binding.group != 0);
  SY_RETURN_IF_ERROR(CheckFits(push.parts, push.slices, push.request.floats_per_key));
  push.done = std::move(done);
  return EnqueuePush(transport, *table, std::move(push));
}

Ts Client::EnqueuePush(Transport& transport, Table& table, PendingPush push) {
  push.ts = table.next_ts++;
  for (const placement::KeySlice& slice : push.slices) {
    push.prev_ts.push_back(table.last_ts[slice.segment]);
    table.last_ts[slice.segment] = push.ts;
  }
  unacked_bytes_ += push.bytes();
  const Ts ts = push.ts;
  table.pushes.push_back(std::move(push));
  if (table.pushes.back()
          .parts.empty()) {  // No keys, and nobody to tell: done when those before it are.
    CompletePushes(table);
    transport.WakeAt(transport.now());  // The callback must not come from inside the request.
    return ts;
  }
  for (const PushPart& part : table.pushes.back().parts) Flush(transport, *servers_[part.server]);
  return ts;
}

Status Client::Pull(Transport& transport, TableId id, PullRequest request,
                    std::function<void(Result<Pulled>)> done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  if (!table->failed.ok()) return table->failed;
  SY_RETURN_IF_ERROR(placement::CheckSorted(request.keys));
  PendingPull pull;
  placement::SliceKeys(request.keys, table->view, pull.slices);
  pull.parts = MakeParts(*table, pull.slices, /*with_empty=*/request.every_server);
  SY_RETURN_IF_ERROR(CheckFits(pull.parts, pull.slices, request.floats_per_key));
  pull.acked_ts = table->acked_ts();
  pull.result.floats.resize(request.keys.size() * std::size_t{request.floats_per_key});
  for (const placement::KeySlice& slice : pull.slices) {
    pull.min_clock.push_back(table->acked_in_segment[slice.segment]);
    pull.result.slices.push_back(
        {.segment = slice.segment, .offset = slice.offset, .count = slice.count, .clock = 0});
  }
  if (request.all_of) table->EnsureFilters();
  pull.request = std::move(request);
  pull.done = std::move(done);
  const std::uint64_t request_id = next_request_++;
  PendingPull& placed = table->pulls[request_id] = std::move(pull);
  if (placed.parts.empty()) {
    FinishPull(*table, request_id);
    transport.WakeAt(transport.now());  // The callback must not come from inside the request.
    return {};
  }
  for (const PullPart& part : placed.parts) Flush(transport, *servers_[part.server]);
  return {};
}

Status Client::Scan(Transport& transport, TableId id, const ScanRequest& request,
                    std::function<void(Result<Scanned>)> done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  if (!table->failed.ok()) return table->failed;
  if (request.segment >= table->view.segments.size()) {
    return Status(StatusCode::kInvalidArgument, "segment " + std::to_string(request.segment) +
                                                    " of " +
                                                    std::to_string(table->view.segments.size()));
  }
  const wire::SegmentView& segment = table->view.segments[request.segment];
  const wire::Scan scan{.table = id,
                        .segment = request.segment,
                        .epoch = segment.epoch,
                        .first = request.first,
                        .last = request.last,
                        .rows_max = request.rows_max,
                        .columns = request.columns,
                        .at_least = request.at_least,
                        .stride = request.stride,
                        .skip = request.skip};
  Server* const server = servers_[table->server_of_owner[segment.owner]].get();
  return Ask(transport, id, segment.owner, wire::MakeFrame(scan, 0),
             [this, id, server, done = std::move(done)](const Result<wire::Frame>& answer) {
               done(OnScanned(id, *server, answer));
             });
}

Status Client::Ask(Transport& transport, TableId id, std::size_t owner, wire::Frame request,
                   std::function<void(Result<wire::Frame>)> done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  if (!table->failed.ok()) return table->failed;
  if (owner >= table->server_of_owner.size()) {
    return Status(StatusCode::kInvalidArgument, "server " + std::to_string(owner) + " of " +
                                                    std::to_string(table->server_of_owner.size()));
  }
  const std::uint64_t request_id = next_request_++;
  request.header.request_id = request_id;
  PendingAsk ask{.part = {}, .frame = std::move(request), .done = std::move(done)};
  ask.part.server = table->server_of_owner[owner];
  Server& server = *servers_[ask.part.server];
  table->asks.emplace(request_id, std::move(ask));
  Flush(transport, server);
  return {};
}

// ---- Connection events ----

void Client::OnOpen(Transport& transport, LinkId link) {
  if (Server* server = ServerOfLink(link)) server->channel.OnOpen(transport);
}

void Client::OnFrame(Transport& transport, LinkId link, const wire::Frame& frame) {
  Server* server = ServerOfLink(link);
  if (server == nullptr) return;
  bool consumed = false;
  const Channel::Event event = server->channel.OnFrame(transport, frame, consumed);
  if (event == Channel::Event::kReady) OnReady(transport, *server);
  if (event == Channel::Event::kRefused) {
    FailServer(*server, Refusal(*server));
  }
  if (!consumed) Dispatch(transport, *server, frame);
  Settle(transport);
}

void Client::Dispatch(Transport& transport, Server& server, const wire::Frame& frame) {
  if (frame.header.type == MessageType::kRefused) return OnRefused(server, frame);
  if (OnAnswer(server, frame)) return;
  switch (frame.header.type) {
    case MessageType::kPushAck:
      return OnPushAck(transport, server, frame);
    case MessageType::kPullResponse:
      return OnPullResponse(transport, server, frame);
    case MessageType::kCallResponse:
      return OnCallResponse(transport, server, frame);
    case MessageType::kOpenAck:
      return OnOpenAck(transport, server, frame);
    default:
      return;  // A late copy of an answer to an ask, or what a later version adds.
  }
}

void Client::OnClose(Transport& transport, LinkId link, const Status& why) {
  Server* server = ServerOfLink(link);
  if (server == nullptr) return;
  (void)server->channel.OnClose(transport, why);
  Settle(transport);
}

void Client::OnReady(Transport& transport, Server& server) {
  server.inflight_bytes = 0;
  server.retry = options_.retry_min;
  server.key_lists.Clear();
  for (const auto& [id, table] : tables_) {
    if (!table->servers.contains(server.index)) continue;
    table->MarkUnsent(server.index);
    if (table->leaving) {
      SendRetire(transport, *table, server);
    } else {
      SendOpen(transport, *table, server);
    }
  }
  Flush(transport, server);
}

void Client::SendOpen(Transport& transport, Table& table, Server& server) {
  TableServer& state = table.servers.at(server.index);
  state.open_sent_at = transport.now();
  state.open_request = next_request_++;
  const StreamBinding& binding = table.binding;
  server.channel.Send(transport,
                      wire::MakeFrame(wire::OpenStream{.table = table.view.table,
                                                       .group = binding.group,
                                                       .stream = binding.stream,
                                                       .session = binding.session,
                                                       .first_step = binding.first_step,
                                                       .members_min = binding.members_min},
                                      state.open_request));
}

void Client::OnWake(Transport& transport) {
  const Time now = transport.now();
  for (const auto& server : servers_) {
    server->channel.OnWake(transport);
    if (!server->channel.ready() && InUse(*server) &&
        now - server->channel.down_since() > options_.unreachable_max) {
      FailServer(*server, Status(StatusCode::kUnavailable,
                                 "unreachable for " + DurationText(options_.unreachable_max) +
                                     ": " + server->channel.last_error().ToString(),
                                 server->channel.name()));
    }
    if (!server->channel.ready()) continue;
    bool late = false;
    for (const auto& [id, table] : tables_) {
      const auto state = table->servers.find(server->index);
      if (state == table->servers.end()) continue;
      if (table->left && !state->second.retired &&
          now >= state->second.retire_sent_at + server->retry) {
        SendRetire(transport, *table, *server);
        late = true;
      }
      if (!state->second.opened && now >= state->second.open_sent_at + server->retry) {
        SendOpen(transport, *table, *server);
        late = true;
      }
      late |=
          table->ResendLate(server->index, now, server->retry, traffic_, server->inflight_bytes);
    }
    if (late) {
      server->retry = std::min(server->retry * 2, options_.retry_max);
      Flush(transport, *server);
    }
  }
  Settle(transport);
}

void Client::Settle(Transport& transport) {
  if (std::exchange(credit_freed_, false)) {
    for (const auto& server : servers_) Flush(transport, *server);
  }
  RunCallbacks();
}

std::optional<Time> Client::next_wake() const {
  std::optional<Time> next;
  const auto consider = [&](std::optional<Time> when) {
    if (when) next = next ? std::min(*next, *when) : *when;
  };
  for (const auto& server : servers_) {
    if (!server->channel.ready()) {
      consider(server->channel.next_wake());
      continue;
    }
    for (const auto& [id, table] : tables_) {
      const auto state = table->servers.find(server->index);
      if (state == table->servers.end()) continue;
      if (!state->second.opened) consider(state->second.open_sent_at + server->retry);
      if (table->left && !state->second.retired)
        consider(state->second.retire_sent_at + server->retry);
      if (const auto sent = table->OldestSent(server->index)) consider(*sent + server->retry);
    }
  }
  return next;
}

bool Client::InUse(const Server& server) const {
  return std::ranges::any_of(tables_, [&](const auto& entry) {
    return entry.second->servers.contains(server.index) && entry.second->failed.ok();
  });
}

}  // namespace steelyard::client
