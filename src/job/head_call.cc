#include "job/head_call.h"

#include <utility>

namespace steelyard::job {

using transport::LinkId;
using transport::Transport;

namespace {

constexpr runtime::Duration kAskAgainAfter = std::chrono::milliseconds(250);
constexpr std::uint64_t kRequest = 1;

}  // namespace

HeadCall::HeadCall(Options options, wire::Frame request, Done done)
    : identity_{.role = wire::Role::kClient,
                .node = 0,
                .incarnation = options.incarnation,
                .cluster_id = 0,
                .listen_address = {},
                .description = std::move(options.description)},
      head_(options.head_address, &identity_),
      head_address_(std::move(options.head_address)),
      patience_(options.patience),
      request_(std::move(request)),
      done_(std::move(done)) {
  request_.header.request_id = kRequest;
}

void HeadCall::OnStart(Transport& transport) {
  started_ = transport.now();
  head_.Start(transport);
  ArmAlarm(transport);
}

void HeadCall::Ask(Transport& transport) {
  asked_at_ = transport.now();
  head_.Send(transport, request_);
}

void HeadCall::OnOpen(Transport& transport, LinkId link, bool accepted, const std::string&) {
  if (accepted) {
    transport.Close(link);
  } else if (head_.Owns(link)) {
    head_.OnOpen(transport);
  }
  ArmAlarm(transport);
}

void HeadCall::OnFrame(Transport& transport, LinkId link, wire::Frame frame) {
  if (!head_.Owns(link)) return;
  bool consumed = false;
  const auto event = head_.OnFrame(transport, frame, consumed);
  if (event == rpc::Channel::Event::kReady) Ask(transport);
  if (!consumed && frame.header.request_id == kRequest) {
    if (frame.header.type == wire::MessageType::kRefused) {
      const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
      End(refused.ok() ? refused.value().ToStatus() : refused.status());
    } else {
      End(std::move(frame));
    }
  }
  ArmAlarm(transport);
}

void HeadCall::End(Result<wire::Frame> answer) {
  if (done_) std::exchange(done_, nullptr)(std::move(answer));
}

void HeadCall::OnClose(Transport& transport, LinkId link, const Status& why) {
  if (head_.Owns(link)) (void)head_.OnClose(transport, why);
  ArmAlarm(transport);
}

void HeadCall::OnWake(Transport& transport) {
  (void)head_.OnWake(transport);
  const runtime::Time now = transport.now();
  if (const Status lost = head_.failure(now); !lost.ok()) {
    End(lost);
  } else if (now - started_ >= patience_) {
    const std::string why =
        head_.ready() ? "it does not answer the question" : head_.channel().last_error().message();
    End(Status(StatusCode::kUnavailable,
               "no head answers within " + std::to_string(patience_.count() / 1'000'000'000) +
                   " s: " + why,
               head_address_));
  } else if (head_.ready() && now >= asked_at_ + kAskAgainAfter) {
    Ask(transport);
  }
  ArmAlarm(transport);
}

void HeadCall::ArmAlarm(Transport& transport) {
  if (!done_) return;
  if (const auto head = head_.next_wake()) transport.WakeAt(*head);
  transport.WakeAt(started_ + patience_);
  if (head_.ready()) transport.WakeAt(asked_at_ + kAskAgainAfter);
}

}  // namespace steelyard::job
