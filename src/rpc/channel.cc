#include "rpc/channel.h"

#include <algorithm>
#include <utility>

namespace steelyard::rpc {

using transport::Transport;

namespace {

/// A greeting may be lost on a link that stays; repeating it costs less than another connection.
constexpr runtime::Duration kGreetAgainMin = std::chrono::milliseconds(20);

}  // namespace

Channel::Channel(Options options, const Identity* self)
    : options_(std::move(options)),
      self_(self),
      retry_(options_.retry_min),
      handshake_(options_.handshake_min) {}

void Channel::Start(Transport& transport) {
  if (state_ != State::kStopped) return;
  down_since_ = transport.now();
  Connect(transport);
}

void Channel::Stop(Transport& transport) {
  if (link_ != 0) transport.Close(link_);
  link_ = 0;
  state_ = State::kStopped;
  wake_.reset();
}

void Channel::Connect(Transport& transport) {
  state_ = State::kConnecting;
  link_ = transport.Connect(options_.address);
  handshake_end_ = transport.now() + handshake_;
  wake_ = handshake_end_;
}

void Channel::OnOpen(Transport& transport) {
  if (state_ != State::kConnecting) return;
  state_ = State::kGreeting;
  greet_again_ = kGreetAgainMin;
  Greet(transport);
}

void Channel::Greet(Transport& transport) {
  wire::Hello hello;
  hello.role = self_->role;
  hello.node = self_->node;
  hello.incarnation = self_->incarnation;
  hello.cluster_id = self_->cluster_id;
  hello.expected_incarnation = options_.peer_incarnation;
  hello.listen_address = self_->listen_address;
  hello.description = self_->description;
  transport.Send(link_, Stamp(wire::MakeFrame(hello), *self_));
  wake_ = std::min(handshake_end_, transport.now() + greet_again_);
  greet_again_ *= 2;
}

Channel::Event Channel::OnFrame(Transport& transport, const wire::Frame& frame, bool& consumed) {
  consumed = state_ != State::kReady;
  if (state_ != State::kGreeting) {
    // A repeated greeting is harmless; anything else on a ready channel is the owner's.
    consumed |= frame.header.type == wire::MessageType::kHelloAck;
    return Event::kNone;
  }
  if (frame.header.type == wire::MessageType::kHelloAck) {
    const auto ack = wire::Decode<wire::HelloAck>(frame.body.bytes());
    if (!ack.ok()) return OnClose(transport, ack.status());
    terms_ = ack.value();
    transport.SetFrameBytesMax(link_, wire::kFrameBytesMax);
    state_ = State::kReady;
    retry_ = options_.retry_min;
    handshake_ = options_.handshake_min;
    wake_.reset();
    return Event::kReady;
  }
  if (frame.header.type == wire::MessageType::kRefused) {
    const auto refused = wire::Decode<wire::Refused>(frame.body.bytes());
    last_error_ = refused.ok() ? refused.value().ToStatus() : refused.status();
    transport.Close(link_);
    link_ = 0;
    state_ = State::kRefused;
    wake_.reset();
    return Event::kRefused;
  }
  return Event::kNone;  // Nothing else is answered before the greeting.
}

Channel::Event Channel::OnClose(Transport& transport, const Status& why) {
  const bool was_ready = ready();
  if (was_ready) down_since_ = transport.now();
  transport.Close(link_);
  link_ = 0;
  last_error_ = why;
  state_ = State::kWaiting;
  // Half of the delay is random, so that many nodes do not come back at the same moment.
  const auto half = retry_.count() / 2;
  const auto jitter =
      static_cast<std::int64_t>(transport.Random() % static_cast<std::uint64_t>(half + 1));
  wake_ = transport.now() + runtime::Duration(half + jitter);
  retry_ = std::min(retry_ * 2, options_.retry_max);
  return was_ready ? Event::kLost : Event::kNone;
}

void Channel::OnWake(Transport& transport) {
  if (!wake_ || transport.now() < *wake_) return;
  wake_.reset();
  if (state_ == State::kWaiting) {
    Connect(transport);
  } else if (state_ == State::kGreeting && transport.now() < handshake_end_) {
    Greet(transport);
  } else if (state_ == State::kConnecting || state_ == State::kGreeting) {
    handshake_ = std::min(handshake_ * 2, options_.handshake_max);
    (void)OnClose(transport,
                  Status(StatusCode::kDeadlineExceeded, "no answer to the greeting", name()));
  }
}

void Channel::Send(Transport& transport, wire::Frame frame) {
  if (ready()) transport.Send(link_, Stamp(std::move(frame), *self_));
}

}  // namespace steelyard::rpc
