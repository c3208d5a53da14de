#include "job/head_call.h"

#include <algorithm>
#include <utility>

#include "base/duration_text.h"

namespace steelyard::job {

using transport::Transport;

HeadCall::HeadCall(Options options, runtime::Duration patience, wire::Frame request, Done done)
    : MemberNode(wire::Role::kClient, std::move(options)),
      patience_(patience),
      request_(std::move(request)),
      done_(std::move(done)) {}

void HeadCall::OnBegin(Transport& transport) {
  started_ = transport.now();
  asks_.Ask(transport, std::move(request_),
            [this, &transport](Result<wire::Frame> answer) { End(transport, std::move(answer)); });
}

void HeadCall::OnHeadReady(Transport& transport) {
  asks_.OnHeadReady(transport);
}

void HeadCall::OnHeadFrame(Transport& /*transport*/, wire::Frame frame) {
  asks_.OnFrame(std::move(frame));
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
                          "no head answers within " + DurationText(patience_) + ": " + why,
                          head_.channel().options().address));
  } else {
    asks_.OnTurn(transport);
  }
}

std::optional<runtime::Time> HeadCall::next_turn() const {
  if (!done_) return {};
  const runtime::Time end = started_ + patience_;
  return std::min(end, asks_.next_turn().value_or(end));
}

}  // namespace steelyard::job
