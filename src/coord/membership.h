// Membership: which nodes belong to the cluster, and which of them are dead.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rpc/acceptor.h"
#include "runtime/time.h"
#include "steelyard/status.h"
#include "transport/transport.h"
#include "wire/control_messages.h"

namespace steelyard::coord {

/// A process that joined. It keeps its id for its life; another process at the same address gets another id.
struct Member {
  NodeId id = 0;
  wire::Role role = wire::Role::kClient;
  Incarnation incarnation = 0;
  std::string listen_address;
  std::string description;     ///< "pid 4711"
  transport::LinkId link = 0;  ///< 0 while its connection is down.
  runtime::Time last_heard{0};
  runtime::Time link_lost{0};

  /// "server 2 (127.0.0.1:4071, pid 4711)".
  std::string name() const;
};

/// A member that is gone for good, and why.
struct Departure {
  Member member;
  Status why;
};

/// Registers nodes, hears their heartbeats, and declares those dead that fell silent.
///
/// A node whose connection closed has reconnect_max to come back; one that is connected but silent has dead_after. The
/// head's own stalls are measured and extend both. Dead members never come back: their process must join anew.
///
/// Threads: confined to the head's loop. PURE: the caller passes the time.
/// Source:  section 1.7 of the protocol.
class Membership {
 public:
  struct Options {
    runtime::Duration heartbeat = std::chrono::milliseconds(50);
    runtime::Duration dead_after = std::chrono::milliseconds(750);
    runtime::Duration reconnect_max = std::chrono::milliseconds(400);
  };
  explicit Membership(Options options) : options_(options) {}

  /// Register the sender of a HELLO, or recognise it when it reconnects.
  /// @param departed  receives an earlier process at the same listen address, which must have ended.
  /// Errors: kUnavailable  the process was declared dead; it must not go on under its old identity.
  Result<NodeId> Join(runtime::Time now, transport::LinkId link, const wire::Hello& hello,
                      std::vector<Departure>& departed);

  void OnHeard(runtime::Time now, transport::LinkId link);
  void OnClose(runtime::Time now, transport::LinkId link);

  /// Remove `id` at once: its process is known to have ended.
  std::optional<Departure> Remove(NodeId id, const Status& why);

  /// Return the members that died since the last call.
  std::vector<Departure> OnWake(runtime::Time now);
  std::optional<runtime::Time> next_wake() const;

  const Member* Find(NodeId id) const;
  const Member* FindByLink(transport::LinkId link) const;
  /// Connected members of a role, by id: who may be given work.
  std::vector<const Member*> Live(wire::Role role) const;
  /// Every member, by id.
  const std::map<NodeId, Member>& members() const { return members_; }
  const Options& options() const { return options_; }

  /// So many of the dead are remembered and refused when they come back.
  static constexpr std::size_t kDeadMax = 4096;

 private:
  void Bury(const Member& member);

  Options options_;
  std::map<NodeId, Member> members_;
  std::map<Incarnation, NodeId> dead_;
  std::deque<Incarnation> dead_order_;  ///< Oldest death first.
  NodeId next_id_ = 1;
  std::optional<runtime::Time> due_;
};

}  // namespace steelyard::coord
