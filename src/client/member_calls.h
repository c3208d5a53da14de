// MemberCalls: a program's calls at members of groups, and those at itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "rpc/call_window.h"
#include "rpc/head_link.h"
#include "steelyard/status.h"
#include "transport/transport.h"
#include "wire/member_messages.h"

namespace steelyard::client {

/// What a member answers to a call: what its function returned, or why there is nothing.
wire::MemberAnswer AnswerTo(const wire::MemberCall& call, const Result<std::string>& answer);

/// Sends calls to the head, which passes them on, until each is answered; hands over calls at this program once each.
///
/// Ownership: borrows the link to the head.
/// Threads:   confined to the loop of its node. PURE.
class MemberCalls {
 public:
  using Answered = std::function<void(Result<wire::MemberAnswer>)>;
  using Handler = std::function<void(const wire::MemberCall&)>;

  explicit MemberCalls(rpc::HeadLink* head) : head_(head) {}

  /// Takes each call at this program; it is to be followed by Answer() with its number, any time.
  void HandleWith(Handler handler) { handler_ = std::move(handler); }
  /// `done` comes once. Errors: kResourceExhausted  too many are open; what Fail() was given.
  void Call(transport::Transport& transport, wire::MemberCall call, Answered done);
  void Answer(transport::Transport& transport, const wire::MemberAnswer& answer);

  /// @return whether the frame belongs to calls.
  bool OnFrame(transport::Transport& transport, const wire::Frame& frame);
  /// The link to the head is a new one.
  void OnHeadReady(transport::Transport& transport);
  void OnTurn(transport::Transport& transport);
  std::optional<runtime::Time> next_turn() const;
  /// The head is gone for good: everything open ends.
  void Fail(const Status& why);

 private:
  void OnCall(transport::Transport& transport, const wire::MemberCall& call);
  void Flush(transport::Transport& transport);

  rpc::HeadLink* head_;
  Handler handler_;
  rpc::CallsOut out_;
  rpc::CallsIn in_;
  std::map<std::uint64_t, Answered> open_;
  rpc::CallsOut::Frames frames_;  ///< To be sent; empty between calls.
};

}  // namespace steelyard::client
