#include "job/head_call.h"

#include <algorithm>
#include <utility>

namespace steelyard::job {

using transport::Transport;

namespace {

constexpr std::uint64_t kRequest = 1;

}  // namespace

HeadCall::HeadCall(Options options, runtime::Duration patience, wire::Frame request, Done done)
    : MemberNode(wire::Role::kClient, std::move(options)),
      patience_(patience),
      request_(std::move(request)),
      done_(std::move(done)) {
  request_.header.request_id = kRequest;
}

void HeadCall::OnBegin(Transport& transport) {
  started_ = transport.now();
}

void HeadCall::Ask(Transport& transport) {
  asked_at_ = transport.now();
  head_.Send(transport, request_);
}

void HeadCall::OnHeadReady(Transport& transport) {
  Ask(transport);
}

void HeadCall::OnHeadFrame(Transport& transport, wire::Frame frame) {
  if (frame.header.request_id != kRequest) return;
  if (frame.header.type != wire::MessageType::kRefused) return End(transport, std::move(frame));
  const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
  End(transport, refused.ok() ? refused.value().ToStatus() : refused.status());
}

void HeadCall::End(Transport& transport, Result<wire::Frame> answer) {
  if (!done_) return;
  std::exchange(done_, nullptr)(std::move(answer));
  head_.Stop(transport);  // Nothing is left to do.
}

void HeadCall::OnTurn(Transport& transport) {
  if (!done_) return;
  const runtime::Time now = transport.now();
  if (const Status lost = head_.failure(now); !lost.ok()) {
    End(transport, lost);
  } else if (now - started_ >= patience_) {
    const std::string why =
        head_.ready() ? "it does not answer the question" : head_.channel().last_error().message();
    End(transport, Status(StatusCode::kUnavailable,
                          "no head answers within " +
                              std::to_string(patience_.count() / 1'000'000'000) + " s: " + why,
                          head_.channel().options().address));
  } else if (head_.ready() && now >= asked_at_ + kAskAgainAfter) {
    Ask(transport);
  }
}

std::optional<runtime::Time> HeadCall::next_turn() const {
  if (!done_) return {};
  const runtime::Time end = started_ + patience_;
  return head_.ready() ? std::min(end, asked_at_ + kAskAgainAfter) : end;
}

}  // namespace steelyard::job
