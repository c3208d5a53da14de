#include "api/cluster_node.h"

#include <algorithm>
#include <utility>

namespace steelyard::api {

using transport::Transport;

ClusterNode::ClusterNode(Options options) : MemberNode(wire::Role::kClient, std::move(options)) {}

void ClusterNode::OnceJoined(std::function<void(const Status&)> done) {
  if (head_.ready() || !failure_.ok()) return done(failure_);
  joined_ = std::move(done);
}

void ClusterNode::Ask(Transport& transport, wire::Frame request, client::HeadAsks::Answered done) {
  if (!failure_.ok()) return done(failure_);
  asks_.Ask(transport, std::move(request), std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::Attach(Transport& transport, const wire::View& view, client::Client::Done done) {
  tasks_.Begin(view.table, 0, 0);
  AttachAlone(transport, view, std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::Join(Transport& transport, const wire::View& view, const Membership& membership,
                       client::Client::Done done) {
  tasks_.Begin(view.table, membership.group.id, membership.first_step);
  AttachMember(transport, view, membership.group.id, membership.first_step, membership.members,
               std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::OnHeadReady(Transport& transport) {
  if (joined_) std::exchange(joined_, nullptr)({});
  asks_.OnHeadReady(transport);
  calls_.OnHeadReady(transport);
}

void ClusterNode::Call(Transport& transport, wire::MemberCall call,
                       client::MemberCalls::Answered done) {
  if (!failure_.ok()) return done(failure_);
  calls_.Call(transport, std::move(call), std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::OnHeadFrame(Transport& transport, wire::Frame frame) {
  if (!calls_.OnFrame(transport, frame)) asks_.OnFrame(std::move(frame));
}

void ClusterNode::OnTurn(Transport& transport) {
  asks_.OnTurn(transport);
  calls_.OnTurn(transport);
  // A node that has not joined yet waits for its head as long as its owner does.
  if (failure_.ok() && (!joined_ || head_.refused())) failure_ = head_.failure(transport.now());
  if (failure_.ok()) return;
  if (joined_) std::exchange(joined_, nullptr)(failure_);
  asks_.Fail(failure_);
  calls_.Fail(failure_);
}

std::optional<runtime::Time> ClusterNode::next_turn() const {
  const std::optional<runtime::Time> ask = asks_.next_turn();
  const std::optional<runtime::Time> call = calls_.next_turn();
  return ask && call ? std::min(*ask, *call) : ask ? ask : call;
}

}  // namespace steelyard::api
