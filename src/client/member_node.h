// MemberNode: what every node but head and server is: joined to a head, with a client that talks to servers.
#pragma once

#include <optional>
#include <string>

#include "client/client.h"
#include "client/head_asks.h"
#include "rpc/head_link.h"
#include "rpc/identity.h"
#include "transport/transport.h"

namespace steelyard::client {

/// The stream of a node that holds no worker slot of a job: above those that the scheduler gives out.
constexpr StreamId OwnStream(NodeId node) {
  return (StreamId{1} << 31) + node;
}
/// The worker group that programs agree on by its number, above those of jobs. @param number  below 2^31.
constexpr JobId OwnGroup(std::uint32_t number) {
  return (JobId{1} << 31) | number;
}

/// Passes the transport's events to the link to the head and to the client, and says to the class derived from it what
/// remains. It takes no connections.
///
/// Threads: confined to its loop.
class MemberNode : public transport::Node {
 public:
  struct Options {
    std::string head_address;
    Incarnation incarnation = 0;
    std::string description;  ///< "pid 4711"
  };
  MemberNode(wire::Role role, Options options);

  void OnStart(transport::Transport& transport) final;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) final;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) final;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) final;
  void OnWake(transport::Transport& transport) final;

  const rpc::HeadLink& head() const { return head_; }

 protected:
  /// Before the first connection is made.
  virtual void OnBegin(transport::Transport&) {}
  /// The head has greeted this node; again after each lost connection.
  virtual void OnHeadReady(transport::Transport&) {}
  /// What the head sent.
  virtual void OnHeadFrame(transport::Transport& transport, wire::Frame frame) = 0;
  /// The last of each event: look at what may have failed or be due.
  virtual void OnTurn(transport::Transport&) {}
  /// When OnTurn() is wanted next, apart from what the links want.
  virtual std::optional<runtime::Time> next_turn() const { return {}; }

  /// Use a table outside of any worker group, as a stream of this node's own.
  void AttachAlone(transport::Transport& transport, const wire::View& view, Client::Done done);
  /// Likewise, as a member of a group.
  void AttachMember(transport::Transport& transport, const wire::View& view, JobId group,
                    Step first_step, std::uint32_t members_min, Client::Done done);
  /// A question to the head that is not answered is asked again after this time.
  static constexpr runtime::Duration kAskAgainAfter = HeadAsks::kAskAgainAfter;
  /// Set the node's alarm; after requests that were not made in one of the calls above.
  void ArmAlarm(transport::Transport& transport);

  rpc::Identity identity_;
  rpc::HeadLink head_;
  Client client_;

 private:
  void EndTurn(transport::Transport& transport);
};

}  // namespace steelyard::client
