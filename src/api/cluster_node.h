// ClusterNode: a program's node: joined to the head as a client, asking it questions, with tables attached.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "client/member_calls.h"
#include "client/member_node.h"
#include "client/member_tasks.h"
#include "steelyard/task.h"
#include "transport/transport.h"

namespace steelyard::api {

/// Threads: confined to its loop.
class ClusterNode final : public client::MemberNode {
 public:
  using Answered = std::function<void(Result<wire::Frame>)>;

  explicit ClusterNode(Options options);

  /// Call `done` once, when the head has greeted or refused this node, or at once if it has. A head that is not there yet
  /// is waited for.
  void OnceJoined(std::function<void(const Status&)> done);
  /// Ask the head, again until it answers. @param request  must be harmless when repeated.
  /// Errors: what the head refused with; kUnavailable  the head is gone.
  void Ask(transport::Transport& transport, wire::Frame request, Answered done);
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
  struct Question {
    wire::Frame request;
    Answered done;
    runtime::Time asked_at{0};
  };

  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;
  void Send(transport::Transport& transport, Question& question);

  client::MemberTasks tasks_{&client_};
  client::MemberCalls calls_{&head_};
  std::function<void(const Status&)> joined_;
  std::map<std::uint64_t, Question> questions_;  ///< By request id.
  std::uint64_t next_request_ = 1;
  Status failure_;
};

}  // namespace steelyard::api
