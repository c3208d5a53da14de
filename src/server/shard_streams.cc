// Streams: who may push to a shard's segments, and in which worker group they count.
#include <limits>
#include <string>

#include "server/shard.h"

namespace steelyard::server {

using transport::LinkId;

bool Shard::HasRoomForStream(const Table& table, engine::SegmentClock& clock) {
  if (clock.stream_count() < kStreamsMax) return true;
  clock.ForgetSilent([&](StreamId stream) { return !table.group_of.contains(stream); });
  return clock.stream_count() < kStreamsMax;
}

void Shard::Open(LinkId link, const wire::OpenStream& open, std::uint64_t request_id,
                 Outbox& outbox) {
  const auto refuse = [&](StatusCode code, std::string why) {
    outbox.emplace_back(
        link, wire::MakeFrame(wire::Refused::From(Status(code, std::move(why))), request_id));
  };
  Table* table = FindTable(open.table);
  if (table == nullptr) {
    return refuse(StatusCode::kUnavailable,
                  "table " + std::to_string(open.table) + " is not held by this server");
  }
  if (open.group != 0 && retired_.contains(open.stream)) {
    return refuse(StatusCode::kCancelled,
                  "stream " + std::to_string(open.stream) + " has left its worker group");
  }
  wire::OpenAck ack{
      .table = open.table, .stream = open.stream, .session = open.session, .clocks = {}};
  for (SegmentId i = 0; i < table->segments.size(); ++i) {
    if (table->segments[i] == nullptr) continue;
    engine::SegmentClock& clock = table->segments[i]->clock;
    if (!clock.knows(open.stream) && !HasRoomForStream(*table, clock)) {
      return refuse(StatusCode::kResourceExhausted,
                    "table '" + table->view.spec.options.name + "' has been pushed to by " +
                        std::to_string(kStreamsMax) +
                        " programs and workers, which is as many as it remembers; copy it to a new "
                        "one (table dump, table load)");
    }
    const Session owner = clock.Open(open.stream, open.session);
    if (owner > open.session) {
      return refuse(StatusCode::kCancelled,
                    "stream " + std::to_string(open.stream) + " is taken over by session " +
                        std::to_string(owner) + "; this process has session " +
                        std::to_string(open.session));
    }
    if (clock.ts(open.stream) > 0)
      ack.clocks.push_back({.segment = i, .ts = clock.ts(open.stream)});
  }
  outbox.emplace_back(link, wire::MakeFrame(ack, request_id));
  if (open.group == 0) return;
  Group& group = table->groups[open.group];
  table->group_of[open.stream] = open.group;
  if (group.clock.Join(open.stream, open.session, open.first_step, open.members_min))
    Advance(*table, group, outbox);
}

wire::Frame Shard::Retire(const wire::RetireStream& retire, std::uint64_t request_id,
                          Outbox& outbox) {
  constexpr Session kNobody = std::numeric_limits<Session>::max();
  for (auto& [id, table] : tables_) {
    if (retire.table != 0 && retire.table != id) continue;
    const auto member = table.group_of.find(retire.stream);
    // Nobody waits for a stream of no group: its process may have been silent for a while only, and goes on.
    if (retire.table == 0 && member == table.group_of.end()) continue;
    for (const auto& segment : table.segments) {
      if (segment != nullptr && segment->clock.knows(retire.stream))
        (void)segment->clock.Open(retire.stream, kNobody);
    }
    if (member == table.group_of.end()) continue;
    Group& group = table.groups[member->second];
    if (group.clock.Retire(retire.stream)) Advance(table, group, outbox);
  }
  if (retire.table == 0 && retired_.insert(retire.stream).second) {
    retired_order_.push_back(retire.stream);
    if (retired_order_.size() > kRetiredMax) {
      retired_.erase(retired_order_.front());
      retired_order_.pop_front();
    }
  }
  return wire::MakeFrame(
      wire::OpenAck{
          .table = retire.table, .stream = retire.stream, .session = kNobody, .clocks = {}},
      request_id);
}

}  // namespace steelyard::server
