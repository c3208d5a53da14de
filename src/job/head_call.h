// HeadCall: a node that asks the head one question.
#pragma once

#include <functional>
#include <string>

#include "rpc/head_link.h"
#include "transport/transport.h"

namespace steelyard::job {

/// Joins the cluster as a client, sends one request, again until it is answered, and hands over the answer.
///
/// Threads: confined to its loop.
class HeadCall : public transport::Node {
 public:
  struct Options {
    std::string head_address;
    Incarnation incarnation = 0;
    std::string description;  ///< "pid 4711"
    runtime::Duration patience = std::chrono::seconds(5);
  };
  /// Called once, on the loop. Errors: what the head refused with; kUnavailable  no head answers there in time.
  using Done = std::function<void(Result<wire::Frame> answer)>;

  /// @param request  must be harmless when repeated; its request id is filled in.
  HeadCall(Options options, wire::Frame request, Done done);

  void OnStart(transport::Transport& transport) override;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) override;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) override;
  void OnWake(transport::Transport& transport) override;

 private:
  void Ask(transport::Transport& transport);
  void End(Result<wire::Frame> answer);
  void ArmAlarm(transport::Transport& transport);

  rpc::Identity identity_;
  rpc::HeadLink head_;
  std::string head_address_;
  runtime::Duration patience_;
  wire::Frame request_;
  Done done_;
  runtime::Time started_{0};
  runtime::Time asked_at_{0};
};

}  // namespace steelyard::job
