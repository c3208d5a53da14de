#include "rpc/call_window.h"

#include <algorithm>
#include <utility>

namespace steelyard::rpc {

using runtime::Time;

namespace {

constexpr runtime::Duration kRepeatFirst = std::chrono::milliseconds(250);
constexpr runtime::Duration kRepeatMax = std::chrono::seconds(2);

}  // namespace

std::uint64_t CallsOut::Add(Time now, wire::MemberCall call, Frames& out) {
  const std::uint64_t number = next_++;
  call.number = number;
  Open& open = open_[number];
  call.floor = floor();
  open = {.call = std::move(call), .again = now + kRepeatFirst, .wait = kRepeatFirst};
  out.push_back(wire::MakeFrame(open.call));
  return number;
}

bool CallsOut::OnAnswer(std::uint64_t number, Frames& out) {
  const bool first = open_.erase(number) > 0;
  if (number < next_)
    out.push_back(wire::MakeFrame(wire::MemberDone{.number = number, .floor = floor()}));
  return first;
}

void CallsOut::Repeat(Time now, Frames& out, bool all) {
  for (auto& [number, open] : open_) {
    if (!all && now < open.again) continue;
    open.wait = all ? kRepeatFirst : std::min(2 * open.wait, kRepeatMax);
    open.again = now + open.wait;
    open.call.floor = floor();
    out.push_back(wire::MakeFrame(open.call));
  }
}

std::optional<Time> CallsOut::next_wake() const {
  std::optional<Time> next;
  for (const auto& [number, open] : open_) next = next ? std::min(*next, open.again) : open.again;
  return next;
}

CallsIn::Taken CallsIn::Take(const wire::MemberCall& call) {
  Forget(call.floor);
  if (call.number < floor_) return Taken::kOver;
  const auto found = calls_.find(call.number);
  if (found != calls_.end()) {
    if (found->second.over) return Taken::kOver;
    return found->second.answer ? Taken::kAnswered : Taken::kOpen;
  }
  if (open_ >= kOpenCallsMax || call.number - floor_ >= kCallSpanMax) return Taken::kTooMany;
  calls_.try_emplace(call.number);
  ++open_;
  return Taken::kNew;
}

bool CallsIn::Answer(const wire::MemberAnswer& answer) {
  const auto found = calls_.find(answer.number);
  if (found == calls_.end() || found->second.over || found->second.answer) return false;
  found->second.answer = answer;
  --open_;
  return true;
}

void CallsIn::OnDone(const wire::MemberDone& done) {
  Forget(std::min(done.floor, floor_ + kCallSpanMax));
  if (done.number < floor_ || done.number - floor_ >= kCallSpanMax) return;
  Close(calls_[done.number]);  // A copy that is still on its way must not run.
}

void CallsIn::Close(Call& call) {
  if (!call.over && !call.answer && open_ > 0) --open_;
  call = {.over = true, .answer = {}};
}

void CallsIn::Forget(std::uint64_t floor) {
  floor_ = std::max(floor_, floor);
  while (!calls_.empty() && calls_.begin()->first < floor_) {
    Close(calls_.begin()->second);
    calls_.erase(calls_.begin());
  }
}

}  // namespace steelyard::rpc
