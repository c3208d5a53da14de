// What a client makes of answers: progress, going back to what was lost, and failure.
#include <algorithm>
#include <utility>

#include "client/client_state.h"

#include "base/duration_text.h"

namespace steelyard::client {

using runtime::Time;
using transport::Transport;
using wire::EntryCode;

void Client::OnOpenAck(Transport& transport, Server& server, const wire::Frame& frame) {
  const auto decoded = wire::Decode<wire::OpenAck>(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  const wire::OpenAck& ack = decoded.value();
  Table* table = FindTable(ack.table);
  if (table != nullptr && table->leaving) return OnRetired(*table, server, ack);
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
    const bool lacks_keys = ack.failed.front().code == EntryCode::kNoKeys;
    if (lacks_keys) return SendKeys(transport, *table, server, *part, /*push=*/true);
    return HandlePushFailures(transport, *table, server, ack, *push, *part);
  }
  OnPushDone(transport, *table, server, *push, *part);
}

void Client::OnPushDone(Transport& transport, Table& table, Server& server, PendingPush& push,
                        PushPart& part) {
  server.retry = options_.retry_min;
  server.inflight_bytes -= std::min(server.inflight_bytes, PartBytes(push, part));
  part.done = true;
  for (const std::uint32_t index : part.slices) {
    Ts& acked = table.acked_in_segment[push.slices[index].segment];
    acked = std::max(acked, push.ts);
  }
  CompletePushes(table);
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
    if (entry.code == EntryCode::kNeedOpen) SendOpen(transport, table, server);
    // Such a gap may be of a frame that is lost or on its way.
    const bool may_close =
        entry.code == EntryCode::kGap && PrevTs(push, entry.segment) > part.acked_ts_when_sent;
    if (may_close) continue;
    const Status refusal = WhyRefused(table, server, ack, entry);
    if (!refusal.ok()) return FailTable(table, refusal);
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

void Client::SendKeys(Transport& transport, Table& table, Server& server, RequestPart& part,
                      bool push) {
  if (part.with_keys) return;  // They are on their way.
  part.with_keys = true;
  part.sent = false;
  ++traffic_.lists_missed;
  if (push) {  // Those behind it were answered GAP or will be: all are sent again, in order.
    table.servers.at(server.index).went_back_at = transport.now();
    server.inflight_bytes = 0;
    table.MarkPushesUnsent(server.index);
  }
  Flush(transport, server);
}

void Client::OnPullResponse(Transport& transport, Server& server, const wire::Frame& frame) {
  auto decoded = wire::DecodePullResponse(frame.body.bytes());
  if (!decoded.ok()) return FailServer(server, decoded.status());
  wire::PullResponse& response = decoded.value();
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
    if (entry.code == EntryCode::kFailed) {
      return FailTable(*table,
                       Status(StatusCode::kInvalidArgument,
                              "pull refused: updater '" + table->view.spec.options.updater.name +
                                  "' fails at key " + std::to_string(entry.clock) +
                                  "; the server's log says why",
                              server.channel.name()));
    }
    if (entry.code == EntryCode::kNoKeys)
      return SendKeys(transport, *table, server, *part, /*push=*/false);
    busy |= entry.code != EntryCode::kOk;
  }
  if (busy) return;  // Sent again by OnWake.
  Status wrong = UnpackAnswer(*table, pull, *part, response);
  if (wrong.ok()) wrong = StorePulled(pull, *part, response);
  if (!wrong.ok())
    return FailTable(*table, Status(wrong.code(), wrong.message(), server.channel.name()));
  traffic_.pulled_bytes += frame.body.size() + wire::kHeaderBytes;
  traffic_.before_filters_bytes +=
      frame.body.size() + wire::kHeaderBytes +
      (response.packed.form == wire::Form::kPlain ? 0 : response.floats.size_bytes()) -
      wire::PackedBytes(response.packed);
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

Result<Scanned> Client::OnScanned(TableId id, Server& server, const Result<wire::Frame>& answer) {
  const auto body = wire::AnswerBody(answer, wire::ScanResponse::kType);
  if (!body.ok()) return body.status();
  const auto decoded = wire::DecodeScanResponse(body.value());
  if (!decoded.ok()) return decoded.status();
  const wire::ScanResponse& response = decoded.value();
  if (response.code != EntryCode::kOk) {
    Table* table = FindTable(id);
    if (table == nullptr) return Status(StatusCode::kCancelled, "detached");
    FailTable(*table, LostRows(*table, server, response.code));
    return table->failed;
  }
  return Scanned{.keys = {response.keys.begin(), response.keys.end()},
                 .floats = {response.floats.begin(), response.floats.end()},
                 .floats_per_key = response.floats_per_key,
                 .end = response.end,
                 .next = response.next,
                 .counted = response.counted};
}

bool Client::OnAnswer(Server& server, const wire::Frame& frame) {
  for (const auto& [id, table] : tables_) {
    const auto found = table->asks.find(frame.header.request_id);
    if (found == table->asks.end() || found->second.part.server != server.index) continue;
    server.retry = options_.retry_min;
    traffic_.AddPulled(frame.body.size() + wire::kHeaderBytes);
    callbacks_.emplace_back(
        [done = std::move(found->second.done), frame] { done(Result<wire::Frame>(frame)); });
    table->asks.erase(found);
    return true;
  }
  return false;
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

Status Client::Refusal(const Server& server) {
  return Status(StatusCode::kUnavailable, server.channel.last_error().message(),
                server.channel.name());
}

Status Client::Leave(Transport& transport, TableId id, Done done) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  if (!table->failed.ok()) return table->failed;
  if (!table->pushes.empty() || !table->opened() || table->leaving) {
    return Status(StatusCode::kInvalidArgument,
                  table->leaving ? "the stream has left its group already"
                                 : "a stream leaves its group when its pushes have ended");
  }
  table->leaving = true;
  table->left = std::move(done);
  for (const auto& [index, state] : table->servers) {
    if (servers_[index]->channel.ready()) SendRetire(transport, *table, *servers_[index]);
  }
  return {};
}

void Client::SendRetire(Transport& transport, Table& table, Server& server) {
  table.servers.at(server.index).retire_sent_at = transport.now();
  server.channel.Send(transport, wire::MakeFrame(wire::RetireStream{.table = table.view.table,
                                                                    .stream = table.binding.stream},
                                                 next_request_++));
}

void Client::OnRetired(Table& table, Server& server, const wire::OpenAck& ack) {
  if (ack.stream != table.binding.stream || ack.session == table.binding.session) return;
  const auto state = table.servers.find(server.index);
  if (state == table.servers.end()) return;
  state->second.retired = true;
  const bool everywhere =
      std::ranges::all_of(table.servers, [](const auto& entry) { return entry.second.retired; });
  if (everywhere && table.left)
    callbacks_.emplace_back([done = std::exchange(table.left, nullptr)] { done({}); });
}

void Client::FailTable(Table& table, const Status& why) {
  if (!table.failed.ok()) return;
  table.failed = why.ok() ? Status(StatusCode::kCancelled, "detached") : why;
  const Status status = table.failed;
  if (table.attached) {
    callbacks_.emplace_back(
        [done = std::exchange(table.attached, nullptr), status] { done(status); });
  }
  if (table.left)
    callbacks_.emplace_back([done = std::exchange(table.left, nullptr), status] { done(status); });
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
  for (auto& [id, ask] : table.asks) {
    callbacks_.emplace_back([done = std::move(ask.done), status] { done(status); });
  }
  table.asks.clear();
  for (auto& [id, call] : table.calls) {
    callbacks_.emplace_back([done = std::move(call.done), status] { done(status); });
  }
  table.calls.clear();
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
    if (oldest) text += " for " + DurationText(now - *oldest);
    if (!server->channel.ready())
      text += ", not connected: " + server->channel.last_error().ToString();
  }
  return text;
}

}  // namespace steelyard::client
