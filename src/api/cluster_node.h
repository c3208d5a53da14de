// ClusterNode: a program's node: joined to the head as a client, asking it questions, with tables attached.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "client/client.h"
#include "rpc/head_link.h"
#include "transport/transport.h"

namespace steelyard::api {

/// Threads: confined to its loop.
class ClusterNode final : public transport::Node {
 public:
  struct Options {
    std::string head_address;
    Incarnation incarnation = 0;
    std::string description;  ///< "pid 4711"
  };
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
  client::Client& client() { return client_; }
  /// After requests to client(): be woken when they want it.
  void ArmAlarm(transport::Transport& transport);
  const rpc::HeadLink& head() const { return head_; }

  void OnStart(transport::Transport& transport) override;
  void OnOpen(transport::Transport& transport, transport::LinkId link, bool accepted,
              const std::string& peer) override;
  void OnFrame(transport::Transport& transport, transport::LinkId link, wire::Frame frame) override;
  void OnClose(transport::Transport& transport, transport::LinkId link, const Status& why) override;
  void OnWake(transport::Transport& transport) override;

 private:
  struct Question {
    wire::Frame request;
    Answered done;
    runtime::Time asked_at{0};
  };

  void Send(transport::Transport& transport, Question& question);
  void OnAnswer(wire::Frame frame);
  /// Once the head is gone for good: nothing that waits for it will come.
  void Settle(transport::Transport& transport);

  rpc::Identity identity_;
  rpc::HeadLink head_;
  client::Client client_;
  std::function<void(const Status&)> joined_;
  std::map<std::uint64_t, Question> questions_;  ///< By request id.
  std::uint64_t next_request_ = 1;
  Status failure_;
};

}  // namespace steelyard::api
