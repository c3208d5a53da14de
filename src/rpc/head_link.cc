#include "rpc/head_link.h"

#include <algorithm>
#include <utility>

#include "base/duration_text.h"

namespace steelyard::rpc {

using runtime::Duration;
using transport::Transport;

namespace {

/// A period that a head may ask for; anything else would spin or overflow.
bool IsPeriod(std::uint64_t nanoseconds) {
  return nanoseconds >= 1'000'000 && nanoseconds <= 2'592'000'000'000'000;  // 30 days
}

}  // namespace

HeadLink::HeadLink(std::string head_address, Identity* self)
    : self_(self),
      channel_({.address = std::move(head_address),
                .peer_name = "the head",
                .retry_max = std::chrono::milliseconds(100),
                // Three tries fit into the time that the head gives a lost connection to come back.
                .handshake_min = std::chrono::milliseconds(75)},
               self) {}

Channel::Event HeadLink::OnFrame(Transport& transport, const wire::Frame& frame, bool& consumed) {
  last_heard_ = transport.now();
  const Channel::Event event = channel_.OnFrame(transport, frame, consumed);
  if (event == Channel::Event::kReady) {
    const wire::HelloAck& terms = channel_.terms();
    if (terms.my_node != 0 || !IsPeriod(terms.heartbeat_ns) || !IsPeriod(terms.dead_after_ns)) {
      wrong_peer_ = Status(StatusCode::kUnavailable,
                           "node " + std::to_string(terms.my_node) +
                               " answers at this address, which is not a head; give the head's",
                           channel_.name());
      channel_.Stop(transport);
      return Channel::Event::kRefused;
    }
    self_->node = channel_.terms().your_node;
    self_->cluster_id = channel_.terms().cluster_id;
    next_beat_ = transport.now();
  }
  refused_ |= event == Channel::Event::kRefused;
  consumed |= frame.header.type == wire::MessageType::kHeartbeatAck;
  return event;
}

Channel::Event HeadLink::OnClose(Transport& transport, const Status& why) {
  return channel_.OnClose(transport, why);
}

Channel::Event HeadLink::OnWake(Transport& transport) {
  channel_.OnWake(transport);
  if (!ready()) return Channel::Event::kNone;
  const runtime::Time now = transport.now();
  const Duration dead_after(static_cast<std::int64_t>(channel_.terms().dead_after_ns));
  // A stall of this process looks like silence: the beat that is overdue by as much goes out first, and its answer is
  // waited for.
  const bool stalled = now > next_beat_ + dead_after / 2;
  if (stalled) last_heard_ = std::max(last_heard_, now - dead_after / 2);
  if (now >= next_beat_) {
    channel_.Send(transport, wire::MakeFrame(wire::Heartbeat{.sequence = ++sequence_}));
    next_beat_ = now + Duration(static_cast<std::int64_t>(channel_.terms().heartbeat_ns));
  }
  if (now - last_heard_ > dead_after) {
    return OnClose(transport, Status(StatusCode::kUnavailable,
                                     "no heartbeat answered for " + DurationText(dead_after),
                                     channel_.name()));
  }
  return Channel::Event::kNone;
}

std::optional<runtime::Time> HeadLink::next_wake() const {
  if (!ready()) return channel_.next_wake();
  return next_beat_;
}

Status HeadLink::failure(runtime::Time now) const {
  if (!wrong_peer_.ok()) return wrong_peer_;
  if (refused_) {
    // A node that knows its cluster is refused by the head of another one, at the same address.
    const bool restarted =
        self_->cluster_id != 0 && channel_.last_error().code() == StatusCode::kInvalidArgument;
    return Status(StatusCode::kUnavailable,
                  "refused by the head: " + channel_.last_error().ToString() +
                      (restarted ? "; the head was restarted, its tables and jobs are lost" : ""),
                  channel_.name());
  }
  if (ready() || now - channel_.down_since() < kHeadAwayMax) return {};
  return Status(StatusCode::kUnavailable,
                "the head has been unreachable for " + DurationText(kHeadAwayMax) + ": " +
                    channel_.last_error().ToString(),
                channel_.name());
}

}  // namespace steelyard::rpc
