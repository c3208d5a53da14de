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

void ClusterNode::Ask(Transport& transport, wire::Frame request, Answered done) {
  if (!failure_.ok()) return done(failure_);
  request.header.request_id = next_request_++;
  Question& question = questions_[request.header.request_id];
  question = {.request = std::move(request), .done = std::move(done)};
  if (head_.ready()) Send(transport, question);
  ArmAlarm(transport);
}

void ClusterNode::Send(Transport& transport, Question& question) {
  question.asked_at = transport.now();
  head_.Send(transport, question.request);
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
  for (auto& [id, question] : questions_) Send(transport, question);
  calls_.OnHeadReady(transport);
}

void ClusterNode::Call(Transport& transport, wire::MemberCall call,
                       client::MemberCalls::Answered done) {
  if (!failure_.ok()) return done(failure_);
  calls_.Call(transport, std::move(call), std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::OnHeadFrame(Transport& transport, wire::Frame frame) {
  if (calls_.OnFrame(transport, frame)) return;
  const auto found = questions_.find(frame.header.request_id);
  if (found == questions_.end()) return;  // A repeated answer.
  const Answered done = std::move(found->second.done);
  questions_.erase(found);
  if (frame.header.type != wire::MessageType::kRefused) return done(std::move(frame));
  const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
  done(refused.ok() ? refused.value().ToStatus() : refused.status());
}

void ClusterNode::OnTurn(Transport& transport) {
  for (auto& [id, question] : questions_) {
    if (head_.ready() && transport.now() >= question.asked_at + kAskAgainAfter)
      Send(transport, question);
  }
  calls_.OnTurn(transport);
  // A node that has not joined yet waits for its head as long as its owner does.
  if (failure_.ok() && (!joined_ || head_.refused())) failure_ = head_.failure(transport.now());
  if (failure_.ok()) return;
  if (joined_) std::exchange(joined_, nullptr)(failure_);
  for (auto& [id, question] : std::exchange(questions_, {})) question.done(failure_);
  calls_.Fail(failure_);
}

std::optional<runtime::Time> ClusterNode::next_turn() const {
  std::optional<runtime::Time> next = calls_.next_turn();
  if (!head_.ready()) return next;
  for (const auto& [id, question] : questions_) {
    const runtime::Time again = question.asked_at + kAskAgainAfter;
    next = next ? std::min(*next, again) : again;
  }
  return next;
}

}  // namespace steelyard::api
