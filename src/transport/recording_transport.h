// RecordingTransport: for tests: keeps what a state machine sends; the test owns the clock and plays the peers.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "transport/transport.h"
#include "wire/message_codec.h"

namespace steelyard::transport {

/// A frame and where it went.
struct SentFrame {
  LinkId link = 0;
  wire::Frame frame;
};

/// Delivers nothing by itself. Time stands still until the test moves it; nothing is called back.
class RecordingTransport : public Transport {
 public:
  runtime::Time now() const override { return now_; }
  std::uint64_t Random() override { return random_ += 0x9e3779b97f4a7c15; }
  LinkId Connect(const std::string& address) override {
    connected.emplace_back(address);
    return ++last_link_;
  }
  void Send(LinkId link, wire::Frame frame) override {
    if (!closed.contains(link)) sent.push_back({link, std::move(frame)});
  }
  std::size_t queued_bytes(LinkId) const override { return 0; }
  void SetFrameBytesMax(LinkId, std::size_t) override {}
  void Close(LinkId link) override { closed.insert(link); }
  void WakeAt(runtime::Time when) override { alarm = alarm ? std::min(*alarm, when) : when; }

  /// A link that a peer opened.
  LinkId Accept() { return ++last_link_; }
  LinkId last_link() const { return last_link_; }

  /// Move the clock. @return true when the alarm is due; it is gone then, as it would be once it rang.
  bool Advance(runtime::Duration by) {
    now_ += by;
    if (!alarm || *alarm > now_) return false;
    alarm.reset();
    return true;
  }

  /// Move the clock to the alarm, which must be set.
  void AdvanceToAlarm() {
    now_ = std::max(now_, alarm.value());
    alarm.reset();
  }

  /// Take the frames of one type out of what was sent.
  std::vector<SentFrame> Take(wire::MessageType type) {
    std::vector<SentFrame> taken;
    std::erase_if(sent, [&](SentFrame& frame) {
      if (frame.frame.header.type != type) return false;
      taken.push_back(std::move(frame));
      return true;
    });
    return taken;
  }

  /// Take the messages of one type that went to any link.
  template <typename Message>
  std::vector<Message> TakeMessages() {
    std::vector<Message> messages;
    for (const SentFrame& sent_frame : Take(Message::kType)) {
      messages.push_back(wire::Decode<Message>(sent_frame.frame.body.bytes()).value());
    }
    return messages;
  }

  std::vector<SentFrame> sent;
  std::vector<std::string> connected;
  std::set<LinkId> closed;
  std::optional<runtime::Time> alarm;

 private:
  runtime::Time now_ = std::chrono::seconds(1000);
  LinkId last_link_ = 0;
  std::uint64_t random_ = 1;
};

}  // namespace steelyard::transport
