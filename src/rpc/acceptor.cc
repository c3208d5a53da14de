#include "rpc/acceptor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace steelyard::rpc {

using transport::LinkId;
using transport::Transport;

void Acceptor::OnOpen(runtime::Time now, LinkId link, const std::string& address) {
  links_[link] = {.opened = now, .greeted = false, .peer = {}, .terms = {}};
  links_[link].peer.address = address;
}

std::optional<wire::Hello> Acceptor::ReadHello(Transport& transport, LinkId link,
                                               const wire::Frame& frame) {
  if (frame.header.type != wire::MessageType::kHello) {
    Refuse(transport, link, Status(StatusCode::kInvalidArgument, "the first frame must be HELLO"));
    return std::nullopt;
  }
  const auto hello = wire::Decode<wire::Hello>(frame.body.bytes());
  if (!hello.ok()) {
    Refuse(transport, link, hello.status());
    return std::nullopt;
  }
  const wire::Hello& h = hello.value();
  Status wrong;
  if (wire::kVersion < h.version_min || wire::kVersion > h.version_max) {
    wrong = Status(StatusCode::kInvalidArgument,
                   "peer speaks protocol versions " + std::to_string(h.version_min) + " to " +
                       std::to_string(h.version_max) + ", this node speaks " +
                       std::to_string(wire::kVersion));
  } else if (h.cluster_id != 0 && self_->cluster_id != 0 && h.cluster_id != self_->cluster_id) {
    wrong = Status(StatusCode::kInvalidArgument,
                   "peer belongs to another cluster (" + std::to_string(h.cluster_id) +
                       "), this one is " + std::to_string(self_->cluster_id));
  } else if (h.expected_incarnation != 0 && h.expected_incarnation != self_->incarnation) {
    wrong = Status(StatusCode::kUnavailable,
                   "the " + std::string(wire::RoleName(self_->role)) +
                       " at this address was restarted: what the earlier process held is lost");
  }
  if (!wrong.ok()) {
    Refuse(transport, link, wrong);
    return std::nullopt;
  }
  return h;
}

void Acceptor::Welcome(Transport& transport, LinkId link, const wire::Hello& hello, NodeId node,
                       wire::HelloAck terms) {
  Link& entry = links_[link];
  entry.greeted = true;
  entry.peer = {.role = hello.role,
                .node = node,
                .incarnation = hello.incarnation,
                .listen_address = hello.listen_address,
                .description = hello.description,
                .address = std::move(entry.peer.address)};
  transport.SetFrameBytesMax(link, wire::kFrameBytesMax);
  terms.cluster_id = self_->cluster_id;
  terms.your_node = node;
  terms.my_node = self_->node;
  terms.my_incarnation = self_->incarnation;
  terms.body_bytes_max = wire::kFrameBytesMax;
  entry.terms = terms;
  WelcomeAgain(transport, link);
}

void Acceptor::WelcomeAgain(Transport& transport, LinkId link) {
  transport.Send(link, Stamp(wire::MakeFrame(links_.at(link).terms), *self_));
}

void Acceptor::Refuse(Transport& transport, LinkId link, const Status& why) {
  transport.Send(link, Stamp(wire::MakeFrame(wire::Refused::From(why)), *self_));
  transport.Close(link);
  links_.erase(link);
}

const Peer* Acceptor::PeerOf(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() || !found->second.greeted ? nullptr : &found->second.peer;
}

std::optional<runtime::Time> Acceptor::OnWake(Transport& transport) {
  std::optional<runtime::Time> next;
  std::vector<LinkId> silent;
  for (const auto& [link, entry] : links_) {
    if (entry.greeted) continue;
    const runtime::Time due = entry.opened + kGreetingMax;
    if (due <= transport.now()) {
      silent.push_back(link);
    } else {
      next = next ? std::min(*next, due) : due;
    }
  }
  for (const LinkId link : silent) {
    transport.Close(link);
    links_.erase(link);
  }
  return next;
}

}  // namespace steelyard::rpc
