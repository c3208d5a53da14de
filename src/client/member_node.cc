#include "client/member_node.h"

#include <utility>

namespace steelyard::client {

using transport::LinkId;
using transport::Transport;

MemberNode::MemberNode(wire::Role role, Options options)
    : identity_{.role = role,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = 0,
                .listen_address = {},
                .description = std::move(options.description)},
      head_(std::move(options.head_address), &identity_),
      client_(&identity_, {}) {}

void MemberNode::OnStart(Transport& transport) {
  OnBegin(transport);
  head_.Start(transport);
  ArmAlarm(transport);
}

void MemberNode::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string&) {
  if (accepted) {
    transport.Close(link);
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  } else {
    client_.OnOpen(transport, link);
  }
  EndTurn(transport);
}

void MemberNode::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (head_.Owns(link)) {
    bool consumed = false;
    const auto event = head_.OnFrame(transport, frame, consumed);
    if (event == rpc::Channel::Event::kReady) OnHeadReady(transport);
    if (!consumed) OnHeadFrame(transport, std::move(frame));
  } else {
    client_.OnFrame(transport, link, frame);
  }
  EndTurn(transport);
}

void MemberNode::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) {
    (void)head_.OnClose(transport, why);
  } else {
    client_.OnClose(transport, link, why);
  }
  EndTurn(transport);
}

void MemberNode::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  client_.OnWake(transport);
  EndTurn(transport);
}

void MemberNode::AttachAlone(Transport& transport, const wire::View& view, Client::Done done) {
  AttachMember(transport, view, 0, 0, 1, std::move(done));
}

void MemberNode::AttachMember(Transport& transport, const wire::View& view, JobId group,
                              Step first_step, std::uint32_t members_min, Client::Done done) {
  client_.Attach(transport, view,
                 {.group = group,
                  .stream = OwnStream(identity_.node),
                  .session = 1,
                  .first_step = first_step,
                  .members_min = members_min},
                 std::move(done));
}

void MemberNode::EndTurn(Transport& transport) {
  OnTurn(transport);
  ArmAlarm(transport);
}

void MemberNode::ArmAlarm(Transport& transport) {
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  if (const auto client = client_.next_wake()) transport.WakeAt(*client);
  if (const auto own = next_turn()) transport.WakeAt(*own);
}

}  // namespace steelyard::client
