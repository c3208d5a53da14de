// How a client sends: what is due to a server, within its credit, each part as one frame.
#include <algorithm>
#include <utility>

#include "client/client_state.h"

namespace steelyard::client {

using filter::Direction;
using transport::Transport;

namespace {

JobId GroupOf(const PullRequest& request, const StreamBinding& binding) {
  return request.group == 0 ? binding.group : request.group;
}

}  // namespace

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
    for (auto& [request_id, call] : table->calls) {
      for (RequestPart& part : call.parts) {
        if (part.server == server.index && !part.done && !part.sent)
          SendCallPart(transport, *table, request_id, call, part);
      }
    }
    for (auto& [request_id, ask] : table->asks) {
      if (ask.part.server != server.index || ask.part.sent) continue;
      ask.part.sent = true;
      ask.part.sent_at = transport.now();
      traffic_.AddPushed(ask.frame.body.size() + wire::kHeaderBytes);
      server.channel.Send(transport, ask.frame);
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
    if (part == push.parts.end() || part->done) continue;
    if (part->sent && push.call) return true;
    if (part->sent) continue;
    const std::size_t bytes = PartBytes(push, *part);
    if (server.inflight_bytes > 0 && server.inflight_bytes + bytes > credit) return false;
    server.inflight_bytes += bytes;
    SendPushPart(transport, table, push, *part);
    if (push.call) return true;  // A server would refuse what comes after it until it is done.
  }
  return true;
}

void Client::SendPushPart(Transport& transport, Table& table, PendingPush& push, PushPart& part) {
  part.request_id = next_request_++;
  part.acked_ts_when_sent = std::min(table.acked_ts(), push.ts - 1);
  wire::Frame frame =
      push.call ? MakeCallFrame(table.view, table.binding, *push.call, &push, part, part.request_id)
                : MakePushFrame(table, push, part);
  part.sent = true;
  part.sent_at = transport.now();
  traffic_.AddPushed(frame.body.size() + wire::kHeaderBytes);
  servers_[part.server]->channel.Send(transport, std::move(frame));
}

wire::Frame Client::MakePushFrame(Table& table, const PendingPush& push, const PushPart& part) {
  std::vector<wire::PushEntry> entries;
  entries.reserve(part.slices.size());
  for (const std::uint32_t index : part.slices) {
    const placement::KeySlice& slice = push.slices[index];
    entries.push_back({.segment = slice.segment,
                       .count = slice.count,
                       .epoch = table.view.segments[slice.segment].epoch,
                       .prev_ts = push.prev_ts[index]});
  }
  const std::size_t width = push.request.floats_per_key;
  const GatheredSlices gathered(push.request.keys, push.request.floats, width, push.slices,
                                part.slices);
  const StreamBinding& binding = table.binding;
  wire::Push message{.table = table.view.table,
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
                     .floats = gathered.floats()};
  const bool named = push.request.all_of && !part.with_keys;
  if ((named || table.Packs(Direction::kPush)) && !gathered.keys().empty()) {
    message.packed = PackKeys(table, Direction::kPush, part, gathered.keys(), push.request.all_of);
    message.packed.floats =
        table.filters->stack.EncodeFloats(gathered.floats(), message.floats_per_key);
    message.keys = {};
    message.floats = {};
    traffic_.before_filters_bytes += gathered.keys().size_bytes() + gathered.floats().size_bytes() -
                                     wire::PackedBytes(message.packed);
  }
  return wire::MakeFrame(message, part.request_id);
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
  wire::Pull message{.table = table.view.table,
                     .group = GroupOf(pull.request, binding),
                     .stream = binding.stream,
                     .session = binding.session,
                     .acked_ts = pull.acked_ts,
                     .step = pull.request.step,
                     .gate_step = pull.request.gate_step,
                     .columns = pull.request.columns,
                     .entries = entries,
                     .keys = gathered.keys()};
  std::size_t packed_away = 0;
  const bool named = pull.request.all_of && !part.with_keys;
  if (named || table.Packs(Direction::kPull)) {
    message.answer_codecs = table.filters->stack.answer_codecs();
    message.packed = PackKeys(table, Direction::kPull, part, gathered.keys(), pull.request.all_of);
    message.keys = {};
    packed_away = gathered.keys().size_bytes();
  }
  wire::Frame frame = wire::MakeFrame(message, request_id);
  part.sent = true;
  part.sent_at = transport.now();
  traffic_.pulled_bytes += frame.body.size() + wire::kHeaderBytes;
  traffic_.before_filters_bytes +=
      frame.body.size() + wire::kHeaderBytes + packed_away - wire::PackedBytes(message.packed);
  servers_[part.server]->channel.Send(transport, std::move(frame));
}

}  // namespace steelyard::client
