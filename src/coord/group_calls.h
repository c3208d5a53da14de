// GroupCalls: which programs answer functions as members of which group, and the calls that pass through the head.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coord/membership.h"
#include "coord/tables.h"
#include "rpc/call_window.h"
#include "wire/member_messages.h"

namespace steelyard::coord {

/// Passes a call on to the member or members that it names, gathers what they answer, and answers the caller once: when
/// all have answered, have gone, or its patience is over. Each of both ways repeats until it is answered (rpc::CallsOut)
/// and takes each call once (rpc::CallsIn).
///
/// Threads: confined to the head's loop. PURE.
/// Cost:    a copy of the arguments for each member called, kept until it answers; answers until the caller has them.
class GroupCalls {
 public:
  explicit GroupCalls(const Membership* members) : members_(members) {}

  void Serve(NodeId program, std::uint64_t request_id, const wire::GroupServe& serve,
             std::vector<Outgoing>& out);
  void OnCall(runtime::Time now, NodeId caller, const wire::MemberCall& call,
              std::vector<Outgoing>& out);
  void OnAnswer(NodeId callee, const wire::MemberAnswer& answer, std::vector<Outgoing>& out);
  void OnDone(NodeId caller, const wire::MemberDone& done);
  void OnDeparture(const Departure& gone, std::vector<Outgoing>& out);
  void OnWake(runtime::Time now, std::vector<Outgoing>& out);

  std::size_t open_count() const { return calls_.size(); }

 private:
  using CallId = std::pair<NodeId, std::uint64_t>;  ///< The caller and its number.
  struct Seat {
    NodeId program = 0;
    std::set<std::string> functions;
  };
  struct Group {
    std::map<std::uint32_t, Seat> seats;  ///< By member.
    /// Members that came when it was full. Of jobs alone: a program hears of it, a worker works on.
    std::map<std::uint32_t, NodeId> turned_away;
    bool empty() const { return seats.empty() && turned_away.empty(); }
  };
  struct Run {
    CallId call;
    std::size_t result = 0;  ///< Index of the call's results.
  };
  struct Program {
    rpc::CallsIn in;
    rpc::CallsOut out;
    std::map<std::uint64_t, Run> runs;  ///< Given to it and not ended, by the number there.
  };
  struct Call {
    wire::MemberCall asked;
    runtime::Time deadline{0};
    std::vector<wire::MemberResult> results;
    std::map<std::size_t, std::pair<NodeId, std::uint64_t>> open;  ///< By result: callee, number.
  };

  void Begin(runtime::Time now, CallId id, const wire::MemberCall& asked,
             std::vector<Outgoing>& out);
  /// Give the call to a member, or say in its result why not.
  void Give(runtime::Time now, CallId id, Call& call, std::uint32_t member, const Seat& seat,
            std::vector<Outgoing>& out);
  void EndOne(const Run& run, wire::MemberResult result, std::vector<Outgoing>& out);
  void Finish(CallId id, std::vector<Outgoing>& out);
  void GiveUp(Call& call, std::vector<Outgoing>& out);
  std::string NameOf(std::uint32_t group, std::uint32_t member, NodeId program) const;
  static void Send(NodeId to, std::vector<wire::Frame>& frames, std::vector<Outgoing>& out);

  const Membership* members_;
  std::map<std::uint32_t, Group> groups_;  ///< By number.
  std::map<NodeId, Program> programs_;     ///< That call or are called.
  std::map<CallId, Call> calls_;           ///< Open ones.
};

}  // namespace steelyard::coord
