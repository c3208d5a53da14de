// Channel: one outgoing connection that is greeted, kept alive by reconnecting, and can say why it is down.
#pragma once

#include <optional>
#include <string>

#include "rpc/identity.h"
#include "runtime/time.h"
#include "steelyard/status.h"
#include "transport/transport.h"

namespace steelyard::rpc {

/// Connects to one peer, greets it with HELLO until it answers, and connects again with backoff whenever the link is lost.
///
/// The owner passes on the transport's callbacks for links that Owns() names, and calls OnWake() when next_wake() is due.
///
/// Ownership: borrows the Identity, which must outlive it.
/// Threads:   confined to the node's loop.
class Channel {
 public:
  struct Options {
    std::string address;
    std::string peer_name;             ///< For messages: "server 2", "the head".
    Incarnation peer_incarnation = 0;  ///< Refuse to talk to any other process; 0 takes anyone.
    runtime::Duration retry_min = std::chrono::milliseconds(10);
    runtime::Duration retry_max = std::chrono::milliseconds(500);
    /// First limit of connecting and greeting; doubles with each failure up to handshake_max.
    runtime::Duration handshake_min = std::chrono::milliseconds(150);
    runtime::Duration handshake_max = std::chrono::seconds(2);
  };
  enum class Event {
    kNone,
    kReady,  ///< Greeted: Send() works; terms() are known. What was sent on an earlier link may be lost.
    kLost,     ///< It was ready and is not any more; it reconnects by itself.
    kRefused,  ///< The peer refused for good (another version, cluster or incarnation): last_error(). No more tries.
  };

  Channel(Options options, const Identity* self);

  void Start(transport::Transport& transport);
  void Stop(transport::Transport& transport);

  bool Owns(transport::LinkId link) const { return link != 0 && link == link_; }
  void OnOpen(transport::Transport& transport);
  /// Offer a frame; one that belongs to the handshake is consumed, any other leaves `frame` to the owner.
  Event OnFrame(transport::Transport& transport, const wire::Frame& frame, bool& consumed);
  Event OnClose(transport::Transport& transport, const Status& why);
  void OnWake(transport::Transport& transport);
  std::optional<runtime::Time> next_wake() const { return wake_; }

  bool ready() const { return state_ == State::kReady; }
  /// The peer refused for good; last_error() says why.
  bool refused() const { return state_ == State::kRefused; }
  const wire::HelloAck& terms() const { return terms_; }
  const Options& options() const { return options_; }
  /// Why the last link ended; OK when none did.
  const Status& last_error() const { return last_error_; }
  /// Since when it has not been ready; meaningless while ready().
  runtime::Time down_since() const { return down_since_; }
  /// "server 2 (127.0.0.1:4071)".
  std::string name() const { return options_.peer_name + " (" + options_.address + ")"; }

  /// Send a stamped frame; swallowed unless ready().
  void Send(transport::Transport& transport, wire::Frame frame);

 private:
  enum class State { kStopped, kWaiting, kConnecting, kGreeting, kReady, kRefused };
  void Connect(transport::Transport& transport);
  void Greet(transport::Transport& transport);

  Options options_;
  const Identity* self_;
  State state_ = State::kStopped;
  transport::LinkId link_ = 0;
  wire::HelloAck terms_;
  Status last_error_;
  runtime::Duration retry_{0};
  runtime::Duration handshake_{0};
  runtime::Time handshake_end_{0};
  runtime::Duration greet_again_{0};  ///< Until HELLO is repeated; doubles each time.
  runtime::Time down_since_{0};
  std::optional<runtime::Time> wake_;
};

}  // namespace steelyard::rpc
