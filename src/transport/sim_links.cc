// SimWorld: connections between nodes, what travels on them, and what goes wrong there.
#include <fmt/format.h>

#include <algorithm>

#include "base/duration_text.h"
#include "base/hash.h"
#include "transport/sim_state.h"

namespace steelyard::transport {
namespace {

using State = SimEnd::State;

std::size_t BytesOf(const wire::Frame& frame) {
  return wire::kHeaderBytes + frame.body.size();
}

bool IsLive(const SimEnd& end) {
  return end.state == State::kConnecting || end.state == State::kOpen;
}

/// Keep a peer's retries apart from each other; Linux starts with a second, which tests need not wait for.
constexpr runtime::Duration kSynRetry = std::chrono::milliseconds(200);

Status Unavailable(std::string message) {
  return Status(StatusCode::kUnavailable, std::move(message));
}

}  // namespace

// ---- What nodes do.

LinkId SimWorld::Impl::Connect(NodeIndex from, const std::string& address) {
  const std::uint64_t number = next_connection++;
  const LinkId link = 2 * number;
  SimConnection& connection = connections[number];
  connection.ends[0].node = from;
  const auto target = node_of_address.find(address);
  if (target == node_of_address.end()) {
    FailEnd(link, Delay() + Delay(), Unavailable(fmt::format("connection to {} refused", address)));
    return link;
  }
  connection.ends[1].node = target->second;
  if (random.Chance(options.faults.break_link)) {
    ++counts.links_broken;
    FailEnd(link, options.connect_timeout,
            Unavailable(fmt::format("connection to {} timed out", address)));
    return link;
  }
  Schedule(
      now + Delay(),
      std::make_unique<SimEvent>(SimEvent{
          .kind = SimEventKind::kSyn, .link = link, .deadline = now + options.connect_timeout}));
  return link;
}

void SimWorld::Impl::Send(LinkId link, wire::Frame frame) {
  SimEnd& end = *FindEnd(link);
  if (!IsLive(end)) return;
  const std::size_t bytes = BytesOf(frame);
  if (end.queued_bytes + bytes > kQueuedBytesMax) {
    const std::string message = fmt::format("{} bytes wait for {}, which does not take them",
                                            end.queued_bytes, PeerOf(link));
    FailEnd(link, {}, Status(StatusCode::kResourceExhausted, message));
    return SendClosed(link);
  }
  end.queued_bytes += bytes;
  if (end.state == State::kConnecting) return end.early.push_back(std::move(frame));
  Transmit(link, std::move(frame));
}

void SimWorld::Impl::Close(LinkId link) {
  SimEnd& end = *FindEnd(link);
  const bool was_live = IsLive(end);
  end.state = State::kClosed;
  if (was_live && PeerListens(link)) SendClosed(link);
  ForgetIfClosed(link);
}

// ---- The network.

runtime::Duration SimWorld::Impl::Delay() {
  return random.Between(options.delay_min, options.delay_max);
}

SimEnd* SimWorld::Impl::FindEnd(LinkId link) {
  const auto found = connections.find(link / 2);
  return found == connections.end() ? nullptr : &found->second.ends[link % 2];
}

const std::string& SimWorld::Impl::PeerOf(LinkId link) {
  return nodes[FindEnd(link ^ 1)->node]->address;
}

void SimWorld::Impl::Transmit(LinkId from, wire::Frame frame) {
  SimEnd& end = *FindEnd(from);
  const FaultOptions& faults = options.faults;
  const std::size_t bytes = BytesOf(frame);
  if (random.Chance(faults.break_link)) return BreakConnection(from);
  if (random.Chance(faults.drop)) {
    ++counts.dropped;
    end.queued_bytes -= bytes;
    return;
  }
  frame.header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
  frame.header.body_crc = Crc32c(frame.body.bytes());
  auto event = std::make_unique<SimEvent>(SimEvent{.kind = SimEventKind::kFrame,
                                                   .node = FindEnd(from ^ 1)->node,
                                                   .link = from ^ 1,
                                                   .header = wire::EncodeHeader(frame.header),
                                                   .body = std::move(frame.body),
                                                   .queued_bytes = bytes});
  if (random.Chance(faults.corrupt)) Corrupt(*event);
  if (random.Chance(faults.duplicate)) {
    ++counts.duplicated;
    auto copy = std::make_unique<SimEvent>(*event);
    copy->queued_bytes = 0;
    Put(from, std::move(copy), false, random.Between({}, faults.slow_delay_max));
  }
  if (random.Chance(faults.reorder)) {
    ++counts.reordered;
    return Put(from, std::move(event), false, random.Between({}, faults.slow_delay_max));
  }
  runtime::Duration extra{};
  if (random.Chance(faults.slow)) {
    ++counts.slowed;
    extra = random.Between({}, faults.slow_delay_max);
  }
  Put(from, std::move(event), true, extra);
}

void SimWorld::Impl::Put(LinkId from, std::unique_ptr<SimEvent> event, bool in_order,
                         runtime::Duration extra) {
  SimEnd& end = *FindEnd(from);
  runtime::Time when = std::max(now + Delay() + extra, end.first_arrival);
  if (in_order) {
    when = std::max(when, end.last_arrival);
    end.last_arrival = when;
  }
  Schedule(when, std::move(event));
}

void SimWorld::Impl::Corrupt(SimEvent& event) {
  ++counts.corrupted;
  Buffer body =
      Buffer::Allocate(event.body.size());  // The sender's buffer is shared: never touch it.
  std::copy(event.body.bytes().begin(), event.body.bytes().end(), body.writable().begin());
  const std::uint64_t flips = 1 + random.Below(4);
  for (std::uint64_t i = 0; i < flips; ++i) {
    const std::size_t at = random.Below(event.header.size() + body.size());
    std::byte& victim =
        at < event.header.size() ? event.header[at] : body.writable()[at - event.header.size()];
    victim ^= static_cast<std::byte>(1 + random.Below(255));
  }
  event.body = std::move(body);
}

void SimWorld::Impl::BreakConnection(LinkId link) {
  ++counts.links_broken;
  for (const LinkId end : {link, link ^ 1}) {
    if (IsLive(*FindEnd(end))) {
      FailEnd(end, Delay(), Unavailable(PeerOf(end) + " reset the connection"));
    }
  }
}

void SimWorld::Impl::FailEnd(LinkId link, runtime::Duration after, Status why) {
  SimEnd& end = *FindEnd(link);
  end.state = State::kFailing;
  end.held.clear();
  end.early.clear();
  Schedule(
      now + after,
      std::make_unique<SimEvent>(SimEvent{
          .kind = SimEventKind::kFailed, .node = end.node, .link = link, .why = std::move(why)}));
}

void SimWorld::Impl::SendClosed(LinkId from, runtime::Duration extra) {
  FindEnd(from)->told_peer = true;
  const LinkId to = from ^ 1;
  Put(from,
      std::make_unique<SimEvent>(
          SimEvent{.kind = SimEventKind::kClosed,
                   .node = FindEnd(to)->node,
                   .link = to,
                   .why = Unavailable(PeerOf(to) + " closed the connection")}),
      true, extra);
}

bool SimWorld::Impl::PeerListens(LinkId link) {
  const LinkId peer = link ^ 1;
  const State state = FindEnd(peer)->state;
  // An acceptor that is still connecting has not heard of the connection.
  return state == State::kOpen || (state == State::kConnecting && peer % 2 == 0);
}

void SimWorld::Impl::ForgetIfClosed(LinkId link) {
  const auto found = connections.find(link / 2);
  if (found == connections.end()) return;
  const SimConnection& connection = found->second;
  // An acceptor that was never reached is still connecting.
  const bool acceptor_done =
      connection.ends[1].state == State::kClosed || connection.ends[1].state == State::kConnecting;
  if (connection.ends[0].state == State::kClosed && acceptor_done) connections.erase(found);
}

// ---- What arrives.

bool SimWorld::Impl::Arrive(std::unique_ptr<SimEvent>& event) {
  const auto found = connections.find(event->link / 2);
  if (found == connections.end()) return false;
  const SimEnd& end = found->second.ends[event->link % 2];
  switch (event->kind) {
    case SimEventKind::kSyn:
      return end.state == State::kConnecting;
    case SimEventKind::kTimeout:
      return true;
    case SimEventKind::kAccepted:
    case SimEventKind::kFailed:
      return end.state != State::kClosed;
    default:
      return ArriveByWire(event, found->second);
  }
}

bool SimWorld::Impl::ArriveByWire(std::unique_ptr<SimEvent>& event, SimConnection& connection) {
  const LinkId from = event->link ^ 1;
  SimEnd& sender = connection.ends[from % 2];
  SimEnd& receiver = connection.ends[event->link % 2];
  if (!event->arrived) {
    if (Blocked(sender.node, receiver.node)) {
      Hold(std::move(event));
      return false;
    }
    if (HostIsDark(receiver.node)) {
      if (!sender.into_void) sender.blocked_since = now;
      sender.into_void = true;
      ArmTimeout(from);
      return false;
    }
  }
  const bool frame = event->kind == SimEventKind::kFrame;
  const bool opening = event->kind == SimEventKind::kOpened;
  const bool useful = opening ? receiver.state == State::kConnecting : IsLive(receiver);
  if (useful && !(frame && sender.lost)) return true;
  if (frame) sender.queued_bytes -= event->queued_bytes;
  if (frame && receiver.state == State::kClosed && !receiver.told_peer && IsLive(sender)) {
    FailEnd(from, Delay(), Unavailable(PeerOf(from) + " reset the connection"));
  }
  return false;
}

void SimWorld::Impl::Hold(std::unique_ptr<SimEvent> event) {
  const LinkId from = event->link ^ 1;
  SimEnd& sender = *FindEnd(from);
  if (sender.held.empty()) sender.blocked_since = now;
  if (event->kind == SimEventKind::kFrame) ArmTimeout(from);
  sender.held.push_back(std::move(event));
}

void SimWorld::Impl::ReleaseHeld() {
  for (auto& [number, connection] : connections) {
    for (const LinkId from : {2 * number, 2 * number + 1}) {
      SimEnd& sender = connection.ends[from % 2];
      if (sender.held.empty() || Blocked(sender.node, connection.ends[(from ^ 1) % 2].node)) {
        continue;
      }
      for (auto& event : std::exchange(sender.held, {})) Put(from, std::move(event));
    }
  }
}

void SimWorld::Impl::ArmTimeout(LinkId link) {
  SimEnd& end = *FindEnd(link);
  if (end.timeout_armed) return;
  end.timeout_armed = true;
  Schedule(end.blocked_since + options.link_timeout,
           std::make_unique<SimEvent>(SimEvent{.kind = SimEventKind::kTimeout, .link = link}));
}

void SimWorld::Impl::HandleTimeout(LinkId link) {
  SimEnd& end = *FindEnd(link);
  end.timeout_armed = false;
  if (!IsLive(end) || (end.held.empty() && !end.into_void)) return;
  if (now < end.blocked_since + options.link_timeout) return ArmTimeout(link);
  FailEnd(link, {},
          Unavailable(fmt::format("{} did not acknowledge data for {}", PeerOf(link),
                                  DurationText(options.link_timeout))));
  SendClosed(link);
}

void SimWorld::Impl::HandleSyn(SimEvent& event) {
  const LinkId link = event.link;
  SimConnection& connection = connections.at(link / 2);
  SimEnd& acceptor = connection.ends[1];
  const NodeIndex from = connection.ends[0].node;
  if (Blocked(from, acceptor.node) || Blocked(acceptor.node, from) || HostIsDark(acceptor.node)) {
    if (now >= event.deadline) {
      return FailEnd(link, {},
                     Unavailable(fmt::format("connection to {} timed out after {}", PeerOf(link),
                                             DurationText(options.connect_timeout))));
    }
    return Schedule(std::min(now + kSynRetry, event.deadline),
                    std::make_unique<SimEvent>(SimEvent{
                        .kind = SimEventKind::kSyn, .link = link, .deadline = event.deadline}));
  }
  if (nodes[acceptor.node]->node == nullptr) {
    return FailEnd(link, Delay(),
                   Unavailable(fmt::format("connection to {} refused", PeerOf(link))));
  }
  acceptor.state = State::kOpen;
  Schedule(now, std::make_unique<SimEvent>(SimEvent{
                    .kind = SimEventKind::kAccepted, .node = acceptor.node, .link = link ^ 1}));
  Put(link ^ 1, std::make_unique<SimEvent>(
                    SimEvent{.kind = SimEventKind::kOpened, .node = from, .link = link}));
  acceptor.first_arrival = acceptor.last_arrival;
}

void SimWorld::Impl::DeliverToLink(SimEvent& event) {
  const LinkId link = event.link;
  SimEnd& end = *FindEnd(link);
  if (event.kind == SimEventKind::kFrame) return DeliverFrame(event, end);
  if (event.kind == SimEventKind::kAccepted || event.kind == SimEventKind::kOpened) {
    const bool accepted = event.kind == SimEventKind::kAccepted;
    if (!accepted) {
      end.state = State::kOpen;
      for (wire::Frame& frame : std::exchange(end.early, {})) {
        if (end.state == State::kOpen) Transmit(link, std::move(frame));
      }
    }
    return InNode(event.node, [&](Node& node, Transport& world) {
      node.OnOpen(world, link, accepted, PeerOf(link));
    });
  }
  end.state = State::kClosed;
  ForgetIfClosed(link);
  InNode(event.node, [&](Node& node, Transport& world) { node.OnClose(world, link, event.why); });
}

void SimWorld::Impl::DeliverFrame(SimEvent& event, SimEnd& end) {
  const LinkId link = event.link;
  FindEnd(link ^ 1)->queued_bytes -= event.queued_bytes;
  const Result<wire::FrameHeader> header = wire::DecodeHeader(event.header, end.body_bytes_max);
  const Status checked =
      header.ok() ? wire::CheckBody(header.value(), event.body.bytes()) : header.status();
  if (checked.ok()) {
    return InNode(event.node, [&](Node& node, Transport& world) {
      node.OnFrame(world, link, {header.value(), std::move(event.body)});
    });
  }
  const Status why(checked.code(), checked.message(), PeerOf(link));
  Close(link);
  InNode(event.node, [&](Node& node, Transport& world) { node.OnClose(world, link, why); });
}

// ---- Crashes.

void SimWorld::Impl::CloseLinksOf(NodeIndex node, CrashKind kind) {
  std::vector<LinkId> links;
  for (const auto& [number, connection] : connections) {
    for (const LinkId link : {2 * number, 2 * number + 1}) {
      const SimEnd& end = connection.ends[link % 2];
      if (end.node == node && end.state != State::kClosed) links.push_back(link);
    }
  }
  for (const LinkId link : links) {
    SimEnd* end = FindEnd(link);
    if (end == nullptr) continue;  // Its other end was this node's too.
    const bool was_live = IsLive(*end);
    // An acceptor that the request has not reached yet is nobody's so far.
    if (link % 2 == 1 && end->state == State::kConnecting) continue;
    end->state = State::kClosed;
    end->early.clear();
    if (kind == CrashKind::kSilent) {
      end->held.clear();
    } else if (was_live && PeerListens(link)) {
      end->lost = random.Chance(0.5);  // What was not sent yet dies with the process, or does not.
      SendClosed(link, random.Between({}, options.crash_notice_max));
    }
    ForgetIfClosed(link);
  }
}

void SimWorld::Impl::ResetLinksInto(NodeIndex node) {
  for (const auto& [number, connection] : connections) {
    for (const LinkId link : {2 * number, 2 * number + 1}) {
      const SimEnd& peer = connection.ends[(link ^ 1) % 2];
      const SimEnd& end = connection.ends[link % 2];
      if (end.into_void && peer.node == node && IsLive(end)) {
        FailEnd(link, Delay(), Unavailable(PeerOf(link) + " reset the connection"));
      }
    }
  }
}

}  // namespace steelyard::transport
