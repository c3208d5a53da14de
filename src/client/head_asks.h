// HeadAsks: a node's questions to its head, each of which any frame answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "rpc/head_link.h"
#include "runtime/time.h"
#include "steelyard/status.h"
#include "transport/transport.h"
#include "wire/frame.h"

namespace steelyard::client {

/// Sends questions, again until they are answered; those asked before there is a head wait for it.
///
/// Ownership: borrows the link to the head.
/// Threads:   confined to the loop of its node. PURE.
class HeadAsks {
 public:
  using Answered = std::function<void(Result<wire::Frame>)>;
  /// A question that is not answered is asked again after this time.
  static constexpr runtime::Duration kAskAgainAfter = std::chrono::milliseconds(250);

  explicit HeadAsks(rpc::HeadLink* head) : head_(head) {}

  /// @param request  must be harmless when repeated; its request id is filled in.
  /// @param done     is called once. Errors: what the head refused with; what Fail() was given.
  void Ask(transport::Transport& transport, wire::Frame request, Answered done);

  /// Takes an answer to one of the questions; anything else is passed over.
  void OnFrame(wire::Frame frame);
  /// The link to the head is a new one.
  void OnHeadReady(transport::Transport& transport);
  void OnTurn(transport::Transport& transport);
  std::optional<runtime::Time> next_turn() const;
  /// The head is gone for good: every question ends.
  void Fail(const Status& why);

 private:
  struct Question {
    wire::Frame request;
    Answered done;
    runtime::Time asked_at{0};
  };
  void Send(transport::Transport& transport, Question& question);

  rpc::HeadLink* head_;
  std::map<std::uint64_t, Question> questions_;  ///< By request id.
  std::uint64_t next_request_ = 1;
};

}  // namespace steelyard::client
