// Acceptor: the greeting of incoming connections and who is on the other side of each.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "rpc/identity.h"
#include "runtime/time.h"
#include "transport/transport.h"

namespace steelyard::rpc {

/// Who is on the other side of an accepted link.
struct Peer {
  wire::Role role = wire::Role::kClient;
  NodeId node = 0;
  Incarnation incarnation = 0;
  std::string listen_address;
  std::string description;
  std::string address;  ///< The connection's far end.
};

/// Greets every accepted link and forgets it when it closes. A link that does not greet in time is closed.
///
/// Ownership: borrows the Identity, which must outlive it.
/// Threads:   confined to the node's loop.
class Acceptor {
 public:
  explicit Acceptor(const Identity* self) : self_(self) {}

  void OnOpen(runtime::Time now, transport::LinkId link, const std::string& address);
  void OnClose(transport::LinkId link) { links_.erase(link); }
  bool Owns(transport::LinkId link) const { return links_.contains(link); }

  /// Read the HELLO that must be a link's first frame. A wrong version, cluster or expected incarnation is answered
  /// with REFUSED and the link closed.
  std::optional<wire::Hello> ReadHello(transport::Transport& transport, transport::LinkId link,
                                       const wire::Frame& frame);

  /// Answer a HELLO that ReadHello() returned; from now on PeerOf(link) knows the peer. Completes `terms` with who we are.
  void Welcome(transport::Transport& transport, transport::LinkId link, const wire::Hello& hello,
               NodeId node, wire::HelloAck terms);

  /// Answer a greeted link's repeated HELLO as the first one: that answer may be lost.
  void WelcomeAgain(transport::Transport& transport, transport::LinkId link);

  /// Answer with REFUSED and close.
  void Refuse(transport::Transport& transport, transport::LinkId link, const Status& why);

  /// The greeted peer, or nullptr.
  const Peer* PeerOf(transport::LinkId link) const;

  /// Close links that have not greeted; @return when to look again.
  std::optional<runtime::Time> OnWake(transport::Transport& transport);

  static constexpr runtime::Duration kGreetingMax = std::chrono::seconds(5);

 private:
  struct Link {
    runtime::Time opened{0};
    bool greeted = false;
    Peer peer;
    wire::HelloAck terms;  ///< As answered.
  };
  const Identity* self_;
  std::map<transport::LinkId, Link> links_;
};

}  // namespace steelyard::rpc
