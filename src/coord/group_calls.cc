#include "coord/group_calls.h"

#include <algorithm>
#include <utility>

#include "base/duration_text.h"

namespace steelyard::coord {

using runtime::Time;
using wire::kEveryMember;

namespace {

/// A result that is no answer.
wire::MemberResult Failed(std::uint32_t member, StatusCode code, std::string why) {
  return {.member = member, .code = code, .message = std::move(why), .bytes = {}};
}

std::string Quoted(const std::string& name) {
  return "'" + name + "'";
}

/// The groups that programs agree on; those of jobs have the job's number as it is.
constexpr std::uint32_t kNumbered = std::uint32_t{1} << 31;

bool IsOfJob(std::uint32_t group) {
  return (group & kNumbered) == 0;
}

/// As those who call it write it.
std::string GroupName(std::uint32_t group) {
  return IsOfJob(group) ? "the group of job " + std::to_string(group)
                        : "group " + std::to_string(group & ~kNumbered);
}

/// "0, 1, 2", the first few of many.
template <typename Items, typename Text>
std::string List(const Items& items, Text&& text) {
  constexpr std::size_t kShown = 16;
  std::string list;
  std::size_t count = 0;
  for (const auto& item : items) {
    if (count++ == kShown) return list + ", ...";
    list += (list.empty() ? "" : ", ") + text(item);
  }
  return list;
}

}  // namespace

void GroupCalls::Send(NodeId to, std::vector<wire::Frame>& frames, std::vector<Outgoing>& out) {
  for (wire::Frame& frame : frames) out.push_back({to, std::move(frame)});
  frames.clear();
}

std::string GroupCalls::NameOf(std::uint32_t group, std::uint32_t member, NodeId program) const {
  const Member* known = members_->Find(program);
  return "member " + std::to_string(member) + " of " + GroupName(group) + " (" +
         (known == nullptr ? "client " + std::to_string(program) : known->name()) + ")";
}

void GroupCalls::Serve(NodeId program, std::uint64_t request_id, const wire::GroupServe& serve,
                       std::vector<Outgoing>& out) {
  const auto refuse = [&](StatusCode code, const std::string& why) {
    out.push_back(Refuse(program, request_id, Status(code, why)));
  };
  auto& group = groups_[serve.group];
  const auto seat = group.seats.find(serve.member);
  const bool others = seat != group.seats.end() && seat->second.program != program;
  if (serve.functions.empty()) {
    if (!others) group.seats.erase(serve.member);
    group.turned_away.erase(serve.member);
    if (group.empty()) groups_.erase(serve.group);
  } else if (others) {
    return refuse(StatusCode::kInvalidArgument,
                  NameOf(serve.group, serve.member, seat->second.program) +
                      " is there already; give each program of a group another number");
  } else if (seat == group.seats.end() && group.seats.size() >= wire::kGroupMembersMax) {
    if (IsOfJob(serve.group)) group.turned_away[serve.member] = program;
    return refuse(StatusCode::kResourceExhausted,
                  GroupName(serve.group) + " has " + std::to_string(wire::kGroupMembersMax) +
                      " members that answer functions, the most there may be");
  } else {
    group.turned_away.erase(serve.member);
    group.seats[serve.member] = {.program = program,
                                 .functions = {serve.functions.begin(), serve.functions.end()}};
  }
  out.push_back(
      {program, wire::MakeFrame(wire::GroupServed{.group = serve.group, .member = serve.member},
                                request_id)});
}

void GroupCalls::OnCall(Time now, NodeId caller, const wire::MemberCall& call,
                        std::vector<Outgoing>& out) {
  Program& program = programs_[caller];
  switch (program.in.Take(call)) {
    case rpc::CallsIn::Taken::kNew:
      return Begin(now, {caller, call.number}, call, out);
    case rpc::CallsIn::Taken::kAnswered:
      out.push_back({caller, wire::MakeFrame(program.in.answer(call.number))});
      return;
    case rpc::CallsIn::Taken::kOpen:
    case rpc::CallsIn::Taken::kOver:
    case rpc::CallsIn::Taken::kTooMany:  // It is repeated, and taken once there is room.
      return;
  }
}

void GroupCalls::Begin(Time now, CallId id, const wire::MemberCall& asked,
                       std::vector<Outgoing>& out) {
  constexpr std::uint64_t kPatienceMax = std::uint64_t{1} << 60;  // No sum with it overflows.
  Call& call = calls_[id];
  call.asked = asked;
  call.deadline =
      now + runtime::Duration(static_cast<std::int64_t>(std::min(asked.patience_ns, kPatienceMax)));
  const auto group = groups_.find(asked.group);
  const auto fail = [&](const std::string& why, StatusCode code = StatusCode::kNotFound) {
    call.results.push_back(Failed(asked.member, code, why));
    Finish(id, out);
  };
  if (group == groups_.end()) {
    return fail(GroupName(asked.group) + " has no member that answers functions" +
                (IsOfJob(asked.group) ? ": no such job runs now" : ""));
  }
  const auto& [seats, turned_away] = group->second;
  const auto those = [&] {
    return List(seats, [](const auto& entry) { return std::to_string(entry.first); });
  };
  const auto seat = seats.find(asked.member);
  const bool every = asked.member == kEveryMember;
  if (!turned_away.empty() && (every || turned_away.contains(asked.member))) {
    // All or an error: the answers of some would be taken for those of all.
    return fail(GroupName(asked.group) + " has " +
                    std::to_string(seats.size() + turned_away.size()) + " members, more than the " +
                    std::to_string(wire::kGroupMembersMax) +
                    " that can answer functions; call those one by one: " + those(),
                StatusCode::kResourceExhausted);
  }
  if (every) {
    for (const auto& [member, at] : seats) Give(now, id, call, member, at, out);
  } else if (seat != seats.end()) {
    Give(now, id, call, asked.member, seat->second, out);
  } else {
    return fail(GroupName(asked.group) + " has no member " + std::to_string(asked.member) +
                "; it has " + those());
  }
  if (call.open.empty()) Finish(id, out);
}

void GroupCalls::Give(Time now, CallId id, Call& call, std::uint32_t member, const Seat& seat,
                      std::vector<Outgoing>& out) {
  const auto name = [&] { return NameOf(call.asked.group, member, seat.program); };
  call.results.push_back({.member = member, .code = StatusCode::kOk, .message = {}, .bytes = {}});
  wire::MemberResult& result = call.results.back();
  Program& program = programs_[seat.program];
  if (!seat.functions.contains(call.asked.function)) {
    result = Failed(member, StatusCode::kNotFound,
                    name() + " has no function " + Quoted(call.asked.function) + "; it has " +
                        List(seat.functions, Quoted));
  } else if (program.out.full()) {
    result = Failed(member, StatusCode::kResourceExhausted,
                    name() + " has " + std::to_string(program.out.open_count()) +
                        " calls to answer; call again when it has answered some");
  } else {
    std::vector<wire::Frame> frames;
    wire::MemberCall given = call.asked;
    given.member = member;
    const std::uint64_t number = program.out.Add(now, std::move(given), frames);
    const std::size_t index = call.results.size() - 1;
    program.runs[number] = {.call = id, .result = index};
    call.open[index] = {seat.program, number};
    Send(seat.program, frames, out);
  }
}

void GroupCalls::OnAnswer(NodeId callee, const wire::MemberAnswer& answer,
                          std::vector<Outgoing>& out) {
  const auto found = programs_.find(callee);
  if (found == programs_.end()) return;
  std::vector<wire::Frame> frames;
  const bool first = found->second.out.OnAnswer(answer.number, frames);
  Send(callee, frames, out);
  const auto run = found->second.runs.find(answer.number);
  if (!first || run == found->second.runs.end()) return;
  const Run ended = run->second;
  found->second.runs.erase(run);
  EndOne(ended, answer.results.front(), out);
}

void GroupCalls::EndOne(const Run& run, wire::MemberResult result, std::vector<Outgoing>& out) {
  const auto found = calls_.find(run.call);
  if (found == calls_.end()) return;
  Call& call = found->second;
  result.member = call.results[run.result].member;
  call.results[run.result] = std::move(result);
  call.open.erase(run.result);
  if (call.open.empty()) Finish(run.call, out);
}

void GroupCalls::Finish(CallId id, std::vector<Outgoing>& out) {
  const auto found = calls_.find(id);
  const wire::MemberAnswer answer{.number = id.second, .results = std::move(found->second.results)};
  calls_.erase(found);
  if (programs_[id.first].in.Answer(answer)) out.push_back({id.first, wire::MakeFrame(answer)});
}

void GroupCalls::GiveUp(Call& call, std::vector<Outgoing>& out) {
  for (const auto& [index, at] : call.open) {
    Program& program = programs_[at.first];
    std::vector<wire::Frame> frames;
    program.out.GiveUp(at.second, frames);
    program.runs.erase(at.second);
    Send(at.first, frames, out);
  }
}

void GroupCalls::OnDone(NodeId caller, const wire::MemberDone& done) {
  const auto found = programs_.find(caller);
  // A call that is open has no answer to forget: only its caller's death ends it early.
  if (found != programs_.end() && !calls_.contains({caller, done.number}))
    found->second.in.OnDone(done);
}

void GroupCalls::OnDeparture(const Departure& gone, std::vector<Outgoing>& out) {
  const NodeId program = gone.member.id;
  for (auto& [number, group] : groups_) {
    std::erase_if(group.seats, [&](const auto& seat) { return seat.second.program == program; });
    std::erase_if(group.turned_away, [&](const auto& entry) { return entry.second == program; });
  }
  std::erase_if(groups_, [](const auto& entry) { return entry.second.empty(); });
  for (auto at = calls_.lower_bound({program, 0});
       at != calls_.end() && at->first.first == program;) {
    GiveUp(at->second, out);
    at = calls_.erase(at);
  }
  const auto found = programs_.find(program);
  if (found == programs_.end()) return;
  const std::map<std::uint64_t, Run> runs = std::move(found->second.runs);
  programs_.erase(found);
  for (const auto& [number, run] : runs) {
    const auto call = calls_.find(run.call);
    if (call == calls_.end()) continue;
    const std::uint32_t member = call->second.results[run.result].member;
    EndOne(
        run,
        Failed(member, StatusCode::kUnavailable,
               "member " + std::to_string(member) + " of " + GroupName(call->second.asked.group) +
                   " is gone and had not answered " + Quoted(call->second.asked.function) +
                   ", which may have run: " + gone.why.ToString()),
        out);
  }
}

void GroupCalls::OnWake(Time now, std::vector<Outgoing>& out) {
  std::vector<CallId> late;
  for (const auto& [id, call] : calls_) {
    if (now >= call.deadline) late.push_back(id);
  }
  for (const CallId& id : late) {
    Call& call = calls_.at(id);
    for (const auto& [index, at] : call.open) {
      const std::uint32_t member = call.results[index].member;
      call.results[index] =
          Failed(member, StatusCode::kDeadlineExceeded,
                 NameOf(call.asked.group, member, at.first) + " has not answered " +
                     Quoted(call.asked.function) + " within " +
                     DurationText(std::chrono::nanoseconds(call.asked.patience_ns)) +
                     "; it may have run, or run yet");
    }
    GiveUp(call, out);
    Finish(id, out);
  }
  std::vector<wire::Frame> frames;
  for (auto& [id, program] : programs_) {
    program.out.Repeat(now, frames);
    Send(id, frames, out);
  }
}

}  // namespace steelyard::coord
