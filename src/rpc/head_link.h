// HeadLink: a node's membership in its cluster: the channel to the head and the heartbeats on it.
#pragma once

#include <optional>
#include <string>

#include "rpc/channel.h"
#include "rpc/identity.h"

namespace steelyard::rpc {

/// Keeps a node registered with the head. Learns the node id and cluster id from the first greeting and keeps them.
///
/// Ownership: borrows the Identity and completes it.
/// Threads:   confined to the node's loop.
class HeadLink {
 public:
  HeadLink(std::string head_address, Identity* self);

  void Start(transport::Transport& transport) { channel_.Start(transport); }
  void Stop(transport::Transport& transport) { channel_.Stop(transport); }
  bool Owns(transport::LinkId link) const { return channel_.Owns(link); }
  void OnOpen(transport::Transport& transport) { channel_.OnOpen(transport); }
  Channel::Event OnFrame(transport::Transport& transport, const wire::Frame& frame, bool& consumed);
  Channel::Event OnClose(transport::Transport& transport, const Status& why);
  /// @return kLost when the head fell silent; the link is closed and comes back by itself.
  Channel::Event OnWake(transport::Transport& transport);
  std::optional<runtime::Time> next_wake() const;

  bool ready() const { return channel_.ready(); }
  void Send(transport::Transport& transport, wire::Frame frame) {
    channel_.Send(transport, std::move(frame));
  }
  const Channel& channel() const { return channel_; }
  /// The head, or whoever answers at its address, refused this node for good.
  bool refused() const { return refused_ || !wrong_peer_.ok(); }

  /// The error to end with when the head refused this node, or has been away for longer than kHeadAwayMax; else OK.
  Status failure(runtime::Time now) const;

  /// A node without a head for this long gives up (a head that restarts needs a moment).
  static constexpr runtime::Duration kHeadAwayMax = std::chrono::seconds(10);

 private:
  Identity* self_;
  Channel channel_;
  bool refused_ = false;
  Status wrong_peer_;  ///< Not OK when somebody else answers at the head's address.
  std::uint64_t sequence_ = 0;
  runtime::Time next_beat_{0};
  runtime::Time last_heard_{0};
};

}  // namespace steelyard::rpc
