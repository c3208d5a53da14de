#include "api/cluster_node.h"

#include <utility>

namespace steelyard::api {

using transport::LinkId;
using transport::Transport;

namespace {

constexpr runtime::Duration kAskAgainAfter = std::chrono::milliseconds(250);
/// As a submitter's: above the streams that the scheduler gives to worker slots.
constexpr StreamId kClientStreams = StreamId{1} << 31;

}  // namespace

ClusterNode::ClusterNode(Options options)
    : identity_{.role = wire::Role::kClient,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = 0,
                .listen_address = {},
                .description = std::move(options.description)},
      head_(std::move(options.head_address), &identity_),
      client_(&identity_, {}) {}

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
  client_.Attach(
      transport, view,
      {.group = 0, .stream = kClientStreams + identity_.node, .session = 1, .first_step = 0},
      std::move(done));
  ArmAlarm(transport);
}

void ClusterNode::OnStart(Transport& transport) {
  head_.Start(transport);
  ArmAlarm(transport);
}

void ClusterNode::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string&) {
  if (accepted) {
    transport.Close(link);
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  } else {
    client_.OnOpen(transport, link);
  }
  ArmAlarm(transport);
}

void ClusterNode::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (head_.Owns(link)) {
    bool consumed = false;
    const auto event = head_.OnFrame(transport, frame, consumed);
    if (event == rpc::Channel::Event::kReady) {
      if (joined_) std::exchange(joined_, nullptr)({});
      for (auto& [id, question] : questions_) Send(transport, question);
    }
    if (!consumed) OnAnswer(std::move(frame));
  } else {
    client_.OnFrame(transport, link, frame);
  }
  Settle(transport);
}

void ClusterNode::OnAnswer(wire::Frame frame) {
  const auto found = questions_.find(frame.header.request_id);
  if (found == questions_.end()) return;  // A repeated answer.
  const Answered done = std::move(found->second.done);
  questions_.erase(found);
  if (frame.header.type != wire::MessageType::kRefused) return done(std::move(frame));
  const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
  done(refused.ok() ? refused.value().ToStatus() : refused.status());
}

void ClusterNode::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) {
    (void)head_.OnClose(transport, why);
  } else {
    client_.OnClose(transport, link, why);
  }
  Settle(transport);
}

void ClusterNode::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  client_.OnWake(transport);
  for (auto& [id, question] : questions_) {
    if (head_.ready() && transport.now() >= question.asked_at + kAskAgainAfter)
      Send(transport, question);
  }
  Settle(transport);
}

void ClusterNode::Settle(Transport& transport) {
  // A node that has not joined yet waits for its head as long as its owner does.
  if (failure_.ok() && (!joined_ || head_.refused())) failure_ = head_.failure(transport.now());
  if (!failure_.ok()) {
    if (joined_) std::exchange(joined_, nullptr)(failure_);
    for (auto& [id, question] : std::exchange(questions_, {})) question.done(failure_);
  }
  ArmAlarm(transport);
}

void ClusterNode::ArmAlarm(Transport& transport) {
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  if (const auto client = client_.next_wake()) transport.WakeAt(*client);
  if (!head_.ready()) return;
  for (const auto& [id, question] : questions_)
    transport.WakeAt(question.asked_at + kAskAgainAfter);
}

}  // namespace steelyard::api
