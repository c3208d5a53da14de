#include "client/client.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/client_state.h"

namespace steelyard::client {

using rpc::Channel;
using runtime::Time;
using transport::LinkId;
using transport::Transport;
using wire::EntryCode;
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
  placement::SliceKeys(push.request.keys, table->view, push.slices);
  // Members of a group tell every server how far they are, also those that own none of the keys.
  push.parts = MakeParts(*table, push.slices, /*with_empty=*/table->binding.group != 0);
  SY_RETURN_IF_ERROR(CheckFits(push.parts, push.slices, push.request.floats_per_key));
  push.ts = table->next_ts++;
  push.done = std::move(done);
  for (const placement::KeySlice& slice : push.slices) {
    push.prev_ts.push_back(table->last_ts[slice.segment]);
    table->last_ts[slice.segment] = push.ts;
  }
  unacked_bytes_ += push.bytes();
  const Ts ts = push.ts;
  table->pushes.push_back(std::move(push));
  for (const PushPart& part : table->pushes.back().parts) Flush(transport, *servers_[part.server]);
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
  pull.parts = MakeParts(*table, pull.slices, /*with_empty=*/false);
  SY_RETURN_IF_ERROR(CheckFits(pull.parts, pull.slices, request.floats_per_key));
  pull.acked_ts = table->acked_ts();
  pull.result.floats.resize(request.keys.size() * std::size_t{request.floats_per_key});
  for (const placement::KeySlice& slice : pull.slices) {
    pull.min_clock.push_back(table->acked_in_segment[slice.segment]);
    pull.result.slices.push_back(
        {.segment = slice.segment, .offset = slice.offset, .count = slice.count, .clock = 0});
  }
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
  PendingScan scan{.request = request, .part = {}, .done = std::move(done)};
  scan.part.server = table->server_of_owner[table->view.segments[request.segment].owner];
  table->scans.emplace(next_request_++, std::move(scan));
  Flush(transport, *servers_[table->server_of_owner[table->view.segments[request.segment].owner]]);
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
  if (!consumed) {
    switch (frame.header.type) {
      case MessageType::kPushAck:
        OnPushAck(transport, *server, frame);
        break;
      case MessageType::kPullResponse:
        OnPullResponse(transport, *server, frame);
        break;
      case MessageType::kScanResponse:
        OnScanResponse(*server, frame);
        break;
      case MessageType::kOpenAck:
        OnOpenAck(transport, *server, frame);
        break;
      case MessageType::kRefused:
        OnRefused(*server, frame);
        break;
      default:
        break;  // Nothing else comes from a server; a later version may add what we can ignore.
    }
  }
  Settle(transport);
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
  for (const auto& [id, table] : tables_) {
    if (!table->servers.contains(server.index)) continue;
    table->MarkUnsent(server.index);
    SendOpen(transport, *table, server);
  }
  Flush(transport, server);
}

void Client::SendOpen(Transport& transport, Table& table, Server& server) {
  TableServer& state = table.servers.at(server.index);
  state.open_sent_at = transport.now();
  state.open_request = next_request_++;
  const StreamBinding& binding = table.binding;
  server.channel.Send(transport, wire::MakeFrame(wire::OpenStream{.table = table.view.table,
                                                                  .group = binding.group,
                                                                  .stream = binding.stream,
                                                                  .session = binding.session,
                                                                  .first_step = binding.first_step},
                                                 state.open_request));
}

void Client::OnWake(Transport& transport) {
  const Time now = transport.now();
  for (const auto& server : servers_) {
    server->channel.OnWake(transport);
    if (!server->channel.ready() && InUse(*server) &&
        now - server->channel.down_since() > options_.unreachable_max) {
      FailServer(*server,
                 Status(StatusCode::kUnavailable,
                        "unreachable for " +
                            std::to_string(options_.unreachable_max.count() / 1'000'000'000) +
                            " s: " + server->channel.last_error().ToString(),
                        server->channel.name()));
    }
    if (!server->channel.ready()) continue;
    bool late = false;
    for (const auto& [id, table] : tables_) {
      const auto state = table->servers.find(server->index);
      if (state == table->servers.end()) continue;
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

// ---- Sending ----

void Client::Flush(Transport& transport, Server& server) {
  if (!server.channel.ready()) return;
  const std::size_t credit = server.channel.terms().inflight_bytes_max;
  for (const auto& [id, table] : tables_) {
    const auto state = table->servers.find(server.index);
    if (state == table->servers.end() || !state->second.opened || !table->failed.ok()) continue;
    if (!FlushPushes(transport, *table, server, credit)) continue;
    for (auto& [request_id, pull] : table->pulls) {
      for (PullPart& part : pull.parts) {
        if (part.server == server.index && !part.done && !part.sent) {
          SendPullPart(transport, *table, request_id, pull, part);
        }
      }
    }
    for (auto& [request_id, scan] : table->scans) {
      if (scan.part.server != server.index || scan.part.sent) continue;
      scan.part.sent = true;
      scan.part.sent_at = transport.now();
      const SegmentId segment = scan.request.segment;
      server.channel.Send(transport,
                          wire::MakeFrame(wire::Scan{.table = table->view.table,
                                                     .segment = segment,
                                                     .epoch = table->view.segments[segment].epoch,
                                                     .first = scan.request.first,
                                                     .rows_max = scan.request.rows_max,
                                                     .columns = scan.request.columns},
                                          request_id));
    }
  }
}

bool Client::FlushPushes(Transport& transport, Table& table, Server& server, std::size_t credit) {
  Ts& send_from = table.servers.at(server.index).send_from;
  if (table.pushes.empty()) return true;
  const Ts front = table.pushes.front().ts;
  send_from = std::max(send_from, front);
  for (; send_from < table.next_ts; ++send_from) {
    PendingPush& push = table.pushes[send_from - front];
    const auto part = std::ranges::find(push.parts, server.index, &PushPart::server);
    if (part == push.parts.end() || part->done || part->sent) continue;
    const std::size_t bytes = PartBytes(push, *part);
    if (server.inflight_bytes > 0 && server.inflight_bytes + bytes > credit) return false;
    server.inflight_bytes += bytes;
    SendPushPart(transport, table, push, *part);
  }
  return true;
}

void Client::SendPushPart(Transport& transport, Table& table, PendingPush& push, PushPart& part) {
  std::vector<wire::PushEntry> entries;
  entries.reserve(part.slices.size());
  for (const std::uint32_t index : part.slices) {
    const placement::KeySlice& slice = push.slices[index];
    entries.push_back({.segment = slice.segment,
                       .count = slice.count,
                       .epoch = table.view.segments[slice.segment].epoch,
                       .prev_ts = push.prev_ts[index]});
  }
  part.request_id = next_request_++;
  part.acked_ts_when_sent = std::min(table.acked_ts(), push.ts - 1);
  const std::size_t width = push.request.floats_per_key;
  const GatheredSlices gathered(push.request.keys, push.request.floats, width, push.slices,
                                part.slices);
  const StreamBinding& binding = table.binding;
  wire::Frame frame = wire::MakeFrame(wire::Push{.table = table.view.table,
                                                 .stream = binding.stream,
                                                 .session = binding.session,
                                                 .ts = push.ts,
                                                 .acked_ts = part.acked_ts_when_sent,
                                                 .step = push.request.step,
                                                 .through_step = push.request.through_step,
                                                 .columns = push.request.columns,
                                                 .floats_per_key = push.request.floats_per_key,
                                                 .entries = entries,
                                                 .keys = gathered.keys(),
                                                 .floats = gathered.floats()},
                                      part.request_id);
  part.sent = true;
  part.sent_at = transport.now();
  traffic_.pushed_bytes += frame.body.size() + wire::kHeaderBytes;
  servers_[part.server]->channel.Send(transport, std::move(frame));
}

void Client::SendPullPart(Transport& transport, Table& table, std::uint64_t request_id,
                          PendingPull& pull, PullPart& part) {
  std::vector<wire::PullEntry> entries;
  entries.reserve(part.slices.size());
  for (const std::uint32_t index : part.slices) {
    const placement::KeySlice& slice = pull.slices[index];
    entries.push_back({.segment = slice.segment,
                       .count = slice.count,
                       .epoch = table.view.segments[slice.segment].epoch});
  }
  const GatheredSlices gathered(pull.request.keys, {}, 0, pull.slices, part.slices);
  const StreamBinding& binding = table.binding;
  wire::Frame frame = wire::MakeFrame(wire::Pull{.table = table.view.table,
                                                 .group = binding.group,
                                                 .stream = binding.stream,
                                                 .session = binding.session,
                                                 .acked_ts = pull.acked_ts,
                                                 .step = pull.request.step,
                                                 .gate_step = pull.request.gate_step,
                                                 .columns = pull.request.columns,
                                                 .entries = entries,
                                                 .keys = gathered.keys()},
                                      request_id);
  part.sent = true;
  part.sent_at = transport.now();
  traffic_.pulled_bytes += frame.body.size() + wire::kHeaderBytes;
  servers_[part.server]->channel.Send(transport, std::move(frame));
}

// ---- Answers ----

void Client::OnOpenAck(Transport& transport, Server& server, const wire::Frame& frame) {
  const auto decoded = wire::Decode<wire::OpenAck>(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::OpenAck& ack = decoded.value();
  Table* table = FindTable(ack.table);
  if (table == nullptr || ack.session != table->binding.session) return;
  const auto state = table->servers.find(server.index);
  if (state == table->servers.end()) return;
  if (!state->second.opened) {
    state->second.opened = true;
    for (const wire::SegmentTs& clock : ack.clocks) {
      if (clock.segment >= table->last_ts.size()) continue;
      table->last_ts[clock.segment] = clock.ts;
      table->acked_in_segment[clock.segment] = clock.ts;
      table->next_ts = std::max(table->next_ts, clock.ts + 1);
    }
    if (table->opened() && table->attached) {
      callbacks_.emplace_back([done = std::exchange(table->attached, nullptr)] { done({}); });
    }
  }
  Flush(transport, server);
}

void Client::OnPushAck(Transport& transport, Server& server, const wire::Frame& frame) {
  const auto decoded = wire::DecodePushAck(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::PushAck& ack = decoded.value();
  Table* table = FindTable(ack.table);
  if (table == nullptr || ack.stream != table->binding.stream ||
      ack.session != table->binding.session)
    return;
  PendingPush* push = table->FindPush(ack.ts);
  if (push == nullptr) return;  // A late copy.
  const auto part = std::ranges::find(push->parts, server.index, &PushPart::server);
  if (part == push->parts.end() || part->done) return;
  if (!ack.failed.empty()) {
    // A refusal of an earlier transmission says nothing about the present one.
    if (frame.header.request_id != part->request_id) return;
    return HandlePushFailures(transport, *table, server, ack, *push, *part);
  }
  server.retry = options_.retry_min;
  server.inflight_bytes -= std::min(server.inflight_bytes, PartBytes(*push, *part));
  part->done = true;
  for (const std::uint32_t index : part->slices) {
    Ts& acked = table->acked_in_segment[push->slices[index].segment];
    acked = std::max(acked, push->ts);
  }
  CompletePushes(*table);
  Flush(transport, server);
}

void Client::CompletePushes(Table& table) {
  while (!table.pushes.empty() &&
         std::ranges::all_of(table.pushes.front().parts, &PushPart::done)) {
    PendingPush& push = table.pushes.front();
    unacked_bytes_ -= push.bytes();
    if (push.done) callbacks_.emplace_back([done = std::move(push.done)] { done({}); });
    table.pushes.pop_front();
  }
}

void Client::HandlePushFailures(Transport& transport, Table& table, Server& server,
                                const wire::PushAck& ack, const PendingPush& push,
                                const PushPart& part) {
  for (const wire::EntryAnswer& entry : ack.failed) {
    switch (entry.code) {
      case EntryCode::kOk:
        break;
      case EntryCode::kNotPrimary:
        return FailTable(table, LostRows(table, server, entry.code));
      case EntryCode::kFenced:
        return FailTable(
            table, Status(StatusCode::kCancelled,
                          "stream " + std::to_string(ack.stream) + " is taken over by session " +
                              std::to_string(entry.detail),
                          server.channel.name()));
      case EntryCode::kInvalid:
        return FailTable(table,
                         Status(StatusCode::kInvalidArgument,
                                "push " + std::to_string(ack.ts) + " refused in segment " +
                                    std::to_string(entry.segment) + ": keys or width do not fit",
                                server.channel.name()));
      case EntryCode::kNeedOpen:
        SendOpen(transport, table, server);
        break;
      case EntryCode::kGap:
        if (PrevTs(push, entry.segment) <= part.acked_ts_when_sent) {
          return FailTable(table, Status(StatusCode::kCorruption,
                                         "acknowledged pushes are missing in segment " +
                                             std::to_string(entry.segment) + ": its clock is " +
                                             std::to_string(entry.detail),
                                         server.channel.name()));
        }
        break;
      case EntryCode::kBusy:
        break;
    }
  }
  // Go back to the first push that this server has not acknowledged. A GAP means that an earlier frame is lost or on its
  // way; everything from there on is sent again, in order, at most once per retry interval.
  TableServer& state = table.servers.at(server.index);
  if (transport.now() < state.went_back_at + options_.retry_min / 4 &&
      state.went_back_at.count() != 0)
    return;
  state.went_back_at = transport.now();
  server.inflight_bytes = 0;
  table.MarkPushesUnsent(server.index);
  ++traffic_.resends;
  Flush(transport, server);
}

void Client::OnPullResponse(Transport& transport, Server& server, const wire::Frame& frame) {
  const auto decoded = wire::DecodePullResponse(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::PullResponse& response = decoded.value();
  Table* table = FindTable(response.table);
  if (table == nullptr) return;
  const auto found = table->pulls.find(frame.header.request_id);
  if (found == table->pulls.end()) return;  // A late copy.
  PendingPull& pull = found->second;
  const auto part = std::ranges::find(pull.parts, server.index, &PullPart::server);
  if (part == pull.parts.end() || part->done) return;
  server.retry = options_.retry_min;
  bool busy = false;
  for (const wire::PulledEntry& entry : response.entries) {
    if (entry.code == EntryCode::kNotPrimary)
      return FailTable(*table, LostRows(*table, server, entry.code));
    if (entry.code == EntryCode::kInvalid) {
      return FailTable(
          *table, Status(StatusCode::kInvalidArgument, "pull refused: keys outside the segment",
                         server.channel.name()));
    }
    busy |= entry.code != EntryCode::kOk;
  }
  if (busy) return;  // Sent again by OnWake.
  const Status wrong = StorePulled(pull, *part, response);
  if (!wrong.ok())
    return FailTable(*table, Status(wrong.code(), wrong.message(), server.channel.name()));
  traffic_.pulled_bytes += frame.body.size() + wire::kHeaderBytes;
  part->done = true;
  if (std::ranges::all_of(pull.parts, &PullPart::done)) FinishPull(*table, frame.header.request_id);
  (void)transport;
}

void Client::FinishPull(Table& table, std::uint64_t request_id) {
  const auto found = table.pulls.find(request_id);
  PendingPull& pull = found->second;
  pull.result.keys = std::move(pull.request.keys);
  callbacks_.emplace_back([done = std::move(pull.done), result = std::move(pull.result)]() mutable {
    done(std::move(result));
  });
  table.pulls.erase(found);
}

void Client::OnScanResponse(Server& server, const wire::Frame& frame) {
  const auto decoded = wire::DecodeScanResponse(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::ScanResponse& response = decoded.value();
  Table* table = FindTable(response.table);
  if (table == nullptr) return;
  const auto found = table->scans.find(frame.header.request_id);
  if (found == table->scans.end() || found->second.part.server != server.index) return;
  if (response.code != EntryCode::kOk)
    return FailTable(*table, LostRows(*table, server, response.code));
  server.retry = options_.retry_min;
  Scanned scanned;
  scanned.keys.assign(response.keys.begin(), response.keys.end());
  scanned.floats.assign(response.floats.begin(), response.floats.end());
  scanned.floats_per_key = response.floats_per_key;
  scanned.end = response.end;
  callbacks_.emplace_back([done = std::move(found->second.done),
                           result = std::move(scanned)]() mutable { done(std::move(result)); });
  table->scans.erase(found);
}

void Client::OnRefused(Server& server, const wire::Frame& frame) {
  const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
  const Status why = refused.ok() ? refused.value().ToStatus() : refused.status();
  // An id that is not asked any more belongs to an earlier transmission; the present one gets its own answer.
  for (const auto& [id, table] : tables_) {
    if (!table->Asked(server.index, frame.header.request_id)) continue;
    return FailTable(*table, Status(why.code(), why.ToString(), server.channel.name()));
  }
}

// ---- Failure ----

Status Client::Refusal(const Server& server) {
  return Status(StatusCode::kUnavailable, server.channel.last_error().message(),
                server.channel.name());
}

Status Client::LostRows(const Table& table, const Server& server, EntryCode code) const {
  return Status(StatusCode::kUnavailable,
                "no longer holds its part of table '" + table.view.spec.options.name + "' (" +
                    wire::EntryCodeName(code) + "): the server was restarted or the table dropped",
                server.channel.name());
}

void Client::FailTable(Table& table, const Status& why) {
  if (!table.failed.ok()) return;
  table.failed = why.ok() ? Status(StatusCode::kCancelled, "detached") : why;
  const Status status = table.failed;
  if (table.attached) {
    callbacks_.emplace_back(
        [done = std::exchange(table.attached, nullptr), status] { done(status); });
  }
  for (PendingPush& push : table.pushes) {
    unacked_bytes_ -= push.bytes();
    for (const PushPart& part : push.parts) {
      if (!part.sent || part.done) continue;
      std::size_t& inflight = servers_[part.server]->inflight_bytes;
      inflight -= std::min(inflight, PartBytes(push, part));
      credit_freed_ = true;
    }
    if (push.done) callbacks_.emplace_back([done = std::move(push.done), status] { done(status); });
  }
  table.pushes.clear();
  for (auto& [id, pull] : table.pulls) {
    callbacks_.emplace_back([done = std::move(pull.done), status] { done(status); });
  }
  table.pulls.clear();
  for (auto& [id, scan] : table.scans) {
    callbacks_.emplace_back([done = std::move(scan.done), status] { done(status); });
  }
  table.scans.clear();
}

void Client::FailServer(Server& server, const Status& why) {
  for (const auto& [id, table] : tables_) {
    if (table->servers.contains(server.index)) FailTable(*table, why);
  }
}

void Client::RunCallbacks() {
  while (!callbacks_.empty()) {
    const std::function<void()> callback = std::move(callbacks_.front());
    callbacks_.pop_front();
    callback();
  }
}

std::string Client::DescribeWait(Time now) const {
  std::string text;
  for (const auto& server : servers_) {
    std::optional<Time> oldest;
    std::size_t parts = 0;
    for (const auto& [id, table] : tables_) {
      parts += table->OutstandingParts(server->index);
      const auto sent = table->OldestSent(server->index);
      if (sent) oldest = oldest ? std::min(*oldest, *sent) : *sent;
    }
    if (parts == 0) continue;
    if (!text.empty()) text += "; ";
    text += server->channel.name() + ": " + std::to_string(parts) + " requests unanswered";
    if (oldest) text += " for " + std::to_string((now - *oldest).count() / 1'000'000) + " ms";
    if (!server->channel.ready())
      text += ", not connected: " + server->channel.last_error().ToString();
  }
  return text;
}

}  // namespace steelyard::client
