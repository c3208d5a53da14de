// HeadCall: a node that asks the head one question.
#pragma once

#include <functional>
#include <optional>

#include "client/head_asks.h"
#include "client/member_node.h"
#include "transport/transport.h"

namespace steelyard::job {

/// Joins the cluster as a client, sends one request, again until it is answered, and hands over the answer.
///
/// Threads: confined to its loop.
class HeadCall : public client::MemberNode {
 public:
  /// Called once, on the loop. Errors: what the head refused with; kUnavailable  no head answers there in time.
  using Done = std::function<void(Result<wire::Frame> answer)>;

  /// @param request  must be harmless when repeated; its request id is filled in.
  HeadCall(Options options, runtime::Duration patience, wire::Frame request, Done done);

 private:
  void OnBegin(transport::Transport& transport) override;
  void OnHeadReady(transport::Transport& transport) override;
  void OnHeadFrame(transport::Transport& transport, wire::Frame frame) override;
  void OnTurn(transport::Transport& transport) override;
  std::optional<runtime::Time> next_turn() const override;
  void End(transport::Transport& transport, Result<wire::Frame> answer);

  runtime::Duration patience_;
  wire::Frame request_;
  Done done_;
  client::HeadAsks asks_{&head_};
  runtime::Time started_{0};
};

}  // namespace steelyard::job
