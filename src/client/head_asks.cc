#include "client/head_asks.h"

#include <algorithm>
#include <utility>

#include "wire/control_messages.h"
#include "wire/message_codec.h"

namespace steelyard::client {

using transport::Transport;

void HeadAsks::Ask(Transport& transport, wire::Frame request, Answered done) {
  request.header.request_id = next_request_++;
  Question& question = questions_[request.header.request_id];
  question = {.request = std::move(request), .done = std::move(done)};
  if (head_->ready()) Send(transport, question);
}

void HeadAsks::Send(Transport& transport, Question& question) {
  question.asked_at = transport.now();
  head_->Send(transport, question.request);
}

void HeadAsks::OnFrame(wire::Frame frame) {
  const auto question = questions_.extract(frame.header.request_id);
  if (question.empty()) return;  // A repeated answer.
  const Answered& done = question.mapped().done;
  if (frame.header.type != wire::MessageType::kRefused) return done(std::move(frame));
  const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
  done(refused.ok() ? refused.value().ToStatus() : refused.status());
}

void HeadAsks::OnHeadReady(Transport& transport) {
  for (auto& [id, question] : questions_) Send(transport, question);
}

void HeadAsks::OnTurn(Transport& transport) {
  if (!head_->ready()) return;
  for (auto& [id, question] : questions_) {
    if (transport.now() >= question.asked_at + kAskAgainAfter) Send(transport, question);
  }
}

std::optional<runtime::Time> HeadAsks::next_turn() const {
  if (!head_->ready() || questions_.empty()) return {};
  const auto asked_at = [](const auto& entry) { return entry.second.asked_at; };
  return asked_at(*std::ranges::min_element(questions_, {}, asked_at)) + kAskAgainAfter;
}

void HeadAsks::Fail(const Status& why) {
  for (auto& [id, question] : std::exchange(questions_, {})) question.done(why);
}

}  // namespace steelyard::client
