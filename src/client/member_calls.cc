#include "client/member_calls.h"

#include <string>
#include <utility>

namespace steelyard::client {

using transport::Transport;
using wire::MessageType;

wire::MemberAnswer AnswerTo(const wire::MemberCall& call, const Result<std::string>& answer) {
  constexpr std::size_t kMessageMax = 4096;
  wire::MemberResult result{
      .member = call.member, .code = StatusCode::kOk, .message = {}, .bytes = {}};
  if (!answer.ok()) {
    result.code = answer.status().code();
    result.message = answer.status().ToString().substr(0, kMessageMax);
  } else if (answer.value().size() > wire::kCallBytesMax) {
    result.code = StatusCode::kResourceExhausted;
    result.message = "'" + call.function + "' answers " + std::to_string(answer.value().size()) +
                     " bytes, more than " + std::to_string(wire::kCallBytesMax) +
                     "; what is larger belongs in a table";
  } else {
    result.bytes = answer.value();
  }
  return {.number = call.number, .results = {std::move(result)}};
}

void MemberCalls::Call(Transport& transport, wire::MemberCall call, Answered done) {
  if (out_.full()) {
    return done(Status(StatusCode::kResourceExhausted,
                       std::to_string(out_.open_count()) +
                           " calls at members are open; wait for some, or for the oldest one"));
  }
  open_[out_.Add(transport.now(), std::move(call), frames_)] = std::move(done);
  Flush(transport);
}

void MemberCalls::Answer(Transport& transport, const wire::MemberAnswer& answer) {
  if (in_.Answer(answer)) frames_.push_back(wire::MakeFrame(answer));
  Flush(transport);
}

bool MemberCalls::OnFrame(Transport& transport, const wire::Frame& frame) {
  switch (frame.header.type) {
    case MessageType::kMemberCall:
      if (const auto call = wire::Decode<wire::MemberCall>(frame.body.bytes()); call.ok())
        OnCall(transport, call.value());
      return true;
    case MessageType::kMemberAnswer:
      if (auto answer = wire::Decode<wire::MemberAnswer>(frame.body.bytes()); answer.ok()) {
        const std::uint64_t number = answer.value().number;
        const bool first = out_.OnAnswer(number, frames_);
        Flush(transport);
        auto open = open_.extract(number);
        if (first && !open.empty()) open.mapped()(std::move(answer.value()));
      }
      return true;
    case MessageType::kMemberDone:
      if (const auto over = wire::Decode<wire::MemberDone>(frame.body.bytes()); over.ok())
        in_.OnDone(over.value());
      return true;
    default:
      return false;
  }
}

void MemberCalls::OnCall(Transport& transport, const wire::MemberCall& call) {
  switch (in_.Take(call)) {
    case rpc::CallsIn::Taken::kNew:
      if (handler_) return handler_(call);
      return Answer(transport, {.number = call.number,
                                .results = {{.member = call.member,
                                             .code = StatusCode::kUnavailable,
                                             .message = "the program ends and answers no more",
                                             .bytes = {}}}});
    case rpc::CallsIn::Taken::kAnswered:
      frames_.push_back(wire::MakeFrame(in_.answer(call.number)));
      return Flush(transport);
    case rpc::CallsIn::Taken::kOpen:
    case rpc::CallsIn::Taken::kOver:
    case rpc::CallsIn::Taken::kTooMany:  // It is repeated, and taken once there is room.
      return;
  }
}

void MemberCalls::OnHeadReady(Transport& transport) {
  out_.Repeat(transport.now(), frames_, /*all=*/true);
  Flush(transport);
}

void MemberCalls::OnTurn(Transport& transport) {
  if (!head_->ready()) return;
  out_.Repeat(transport.now(), frames_);
  Flush(transport);
}

std::optional<runtime::Time> MemberCalls::next_turn() const {
  return head_->ready() ? out_.next_wake() : std::nullopt;
}

void MemberCalls::Fail(const Status& why) {
  for (auto& [number, done] : std::exchange(open_, {})) {
    (void)out_.OnAnswer(number, frames_);
    done(why);
  }
  frames_.clear();
}

void MemberCalls::Flush(Transport& transport) {
  for (wire::Frame& frame : frames_) head_->Send(transport, std::move(frame));
  frames_.clear();
}

}  // namespace steelyard::client
