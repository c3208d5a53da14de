#include "server/fair_turns.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace steelyard::server {

using transport::LinkId;

std::size_t FairTurns::CostOf(const wire::Frame& frame) {
  return frame.body.size() + wire::kHeaderBytes;
}

FairTurns::PartyId FairTurns::PartyOf(LinkId link) const {
  const auto group = groups_.find(link);
  return group == groups_.end() ? kAlone | link : group->second;
}

void FairTurns::Assign(LinkId link, JobId group) {
  const PartyId before = PartyOf(link);
  if (group == 0 || before == group) return;
  groups_[link] = group;
  Party& party = parties_[group];
  if (const auto old = parties_.find(before); old != parties_.end()) {
    for (Waiting& waiting : old->second.waiting) {
      if (waiting.link == link) party.waiting.push_back(waiting);
    }
    std::erase_if(old->second.waiting,
                  [&](const Waiting& waiting) { return waiting.link == link; });
  }
  if (before == (kAlone | link)) parties_.erase(before);
}

bool FairTurns::Alone(PartyId id, runtime::Time now) const {
  return std::ranges::none_of(parties_, [&](const auto& other) {
    return other.first != id &&
           (!other.second.waiting.empty() || other.second.heard + kPresent > now);
  });
}

bool FairTurns::Admit(runtime::Time now, LinkId link, const wire::Frame& frame) {
  const PartyId id = PartyOf(link);
  const auto [at, fresh] = parties_.try_emplace(id);
  Party& party = at->second;
  party.heard = now;
  const std::size_t cost = CostOf(frame);
  if (party.waiting.empty()) {
    if (party.credit >= cost) {
      party.credit -= cost;
      return true;
    }
    if (Alone(id, now)) {
      party.credit = kQuantum;
      return true;
    }
  }
  std::size_t& of_link = bytes_of_[link];
  if (of_link + cost > bytes_max_) {
    ++dropped_;
    return false;
  }
  of_link += cost;
  bytes_ += cost;
  ++waiting_;
  party.waiting.push_back({.link = link, .frame = frame});
  return false;
}

void FairTurns::Turn(const Serve& serve) {
  std::vector<PartyId> order;
  for (auto at = parties_.lower_bound(next_); at != parties_.end(); ++at)
    order.push_back(at->first);
  for (auto at = parties_.begin(); at != parties_.lower_bound(next_); ++at)
    order.push_back(at->first);
  for (const PartyId id : order) {
    const auto found = parties_.find(id);
    if (found == parties_.end()) continue;  // `serve` ended its connection.
    Party& party = found->second;
    // Credit is saved up only for a request that is larger than a turn's.
    party.credit = kQuantum + (party.waiting.empty() ? 0 : party.credit);
    while (!party.waiting.empty() && CostOf(party.waiting.front().frame) <= party.credit) {
      const Waiting due = std::move(party.waiting.front());
      party.waiting.pop_front();
      const std::size_t cost = CostOf(due.frame);
      party.credit -= cost;
      bytes_ -= cost;
      --waiting_;
      const auto of_link = bytes_of_.find(due.link);
      of_link->second -= cost;
      if (of_link->second == 0) bytes_of_.erase(of_link);
      serve(due.link, due.frame);
      if (!parties_.contains(id)) break;
    }
  }
  if (!order.empty()) next_ = order.front() + 1;
}

void FairTurns::ForgetLink(LinkId link) {
  const PartyId id = PartyOf(link);
  const auto party = parties_.find(id);
  if (party != parties_.end()) {
    waiting_ -= std::erase_if(party->second.waiting,
                              [&](const Waiting& waiting) { return waiting.link == link; });
  }
  if (const auto of_link = bytes_of_.find(link); of_link != bytes_of_.end()) {
    bytes_ -= of_link->second;
    bytes_of_.erase(of_link);
  }
  groups_.erase(link);
  const bool used =
      std::ranges::any_of(groups_, [&](const auto& entry) { return entry.second == id; });
  if (!used) parties_.erase(id);
}

}  // namespace steelyard::server
