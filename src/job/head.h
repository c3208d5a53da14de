// Head: the node that knows the cluster: server manager (membership, tables) and scheduler (jobs) behind connections.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coord/group_calls.h"
#include "coord/membership.h"
#include "coord/retirements.h"
#include "coord/tables.h"
#include "job/scheduler.h"
#include "rpc/acceptor.h"
#include "transport/transport.h"
#include "wire/cluster_messages.h"

namespace steelyard::job {

/// Threads: confined to its loop.
class Head : public transport::Node {
 public:
  struct Options {
    std::uint64_t cluster_id = 0;  ///< Not 0; drawn by who starts the cluster.
    Incarnation incarnation = 0;
    std::string listen_address;
    coord::Membership::Options membership;
    bool names_workers = false;  ///< See Scheduler::Options.
    std::string description{};   ///< "pid 4711"
    /// Takes a line about each server, worker and job that comes or goes; may be empty.
    std::function<void(const std::string&)> log{};
    std::function<std::unique_ptr<DelayPolicy>()> make_delay_policy = MakeAdaptiveDelay;
  };
  explicit Head(Options options);

  void OnStart(transport::Transport& transport) override;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) override;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) override;
  void OnWake(transport::Transport& transport) override;

  const coord::Membership& membership() const { return membership_; }

 private:
  void OnHello(transport::Transport& transport, transport::LinkId link, const wire::Frame& frame);
  void Dispatch(NodeId from, const wire::Frame& frame, std::vector<coord::Outgoing>& out);
  void DispatchToScheduler(NodeId from, const wire::Frame& frame,
                           std::vector<coord::Outgoing>& out);
  void DispatchToCalls(NodeId from, const wire::Frame& frame, std::vector<coord::Outgoing>& out);
  void DropTable(NodeId from, std::uint64_t request_id, TableId table,
                 std::vector<coord::Outgoing>& out);
  wire::ClusterStatus StatusFor(NodeId asker) const;
  void LogMember(NodeId id);
  void HandleDepartures(const std::vector<coord::Departure>& departures,
                        std::vector<coord::Outgoing>& out);
  void SendAll(transport::Transport& transport, std::vector<coord::Outgoing>& out);
  void Tick(transport::Transport& transport, std::vector<coord::Outgoing>& out);

  rpc::Identity identity_;
  rpc::Acceptor acceptor_;
  coord::Membership membership_;
  coord::Tables tables_;
  coord::Retirements retirements_;
  coord::GroupCalls calls_;
  std::function<void(const std::string&)> log_;
  Scheduler scheduler_;
  NodeId newest_ = 0;  ///< The member that joined last.
  runtime::Time last_now_{0};
};

}  // namespace steelyard::job
