// ClusterNode: a program's node: joined to the head as a client, asking it questions, with tables attached.
#pragma once

#include <functional>
#include <optional>

#include "client/head_asks.h"
#include "client/member_calls.h"
#include "client/member_node.h"
#include "client/member_tasks.h"
#include "steelyard/task.h"
#include "transport/transport.h"

namespace steelyard::api {

/// Threads: confined to its loop.
class ClusterNode final : public client::MemberNode {
 public:
  explicit ClusterNode(Options options);

  /// Call `done` once, when the head has greeted or refused this node, or at once if it has. A head that is not there yet
  /// is waited for.
  void OnceJoined(std::function<void(const Status&)> done);
  /// Ask the head, as HeadAsks::Ask(). Errors: also kUnavailable  the head is gone.
  void Ask(transport::Transport& transport, wire::Frame request, client::HeadAsks::Answered done);
  /// Use a table as one stream of pushes.
  void Attach(transport::Transport& transport, const wire::View& view, client::Client::Done done);
  /// Use it as a member of a group, from now on.
  void Join(transport::Transport& transport, const wire::View& view, const Membership& membership,
            client::Client::Done done);
  client::Client& client() { return client_; }
  client::MemberTasks& tasks() { return tasks_; }
  client::MemberCalls& calls() { return calls_; }
  /// Call at members through the head. `done` comes once, as MemberCalls::Call().
  void Call(transport::Transport& transport, wire::MemberCall call,
            client::MemberCalls::Answered done);
  /// After requests to client(): be woken when they want it.
  using MemberNode::ArmAlarm;

 private:
  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;

  client::MemberTasks tasks_{&client_};
  client::HeadAsks asks_{&head_};
  client::MemberCalls calls_{&head_};
  std::function<void(const Status&)> joined_;
  Status failure_;
};

}  // namespace steelyard::api
