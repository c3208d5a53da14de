#include "coord/membership.h"

#include <algorithm>

#include "base/duration_text.h"

namespace steelyard::coord {

using runtime::Time;
using transport::LinkId;

std::string Member::name() const {
  std::string text = std::string(wire::RoleName(role)) + " " + std::to_string(id) + " (";
  if (!listen_address.empty()) text += listen_address;
  if (!listen_address.empty() && !description.empty()) text += ", ";
  return text + description + ")";
}

Result<NodeId> Membership::Join(Time now, LinkId link, const wire::Hello& hello,
                                std::vector<Departure>& departed) {
  if (dead_.contains(hello.incarnation)) {
    return Status(StatusCode::kUnavailable,
                  "this process was declared dead and its work given up; start it again");
  }
  for (auto& [id, member] : members_) {
    if (member.incarnation == hello.incarnation) {
      member.link = link;
      member.last_heard = now;
      return id;
    }
  }
  if (!hello.listen_address.empty()) {
    for (auto& [id, member] : members_) {
      if (member.listen_address != hello.listen_address) continue;
      departed.push_back({member, Status(StatusCode::kUnavailable,
                                         "was restarted: what it held is lost", member.name())});
    }
    for (const Departure& gone : departed) {
      Bury(gone.member);
    }
  }
  const NodeId id = next_id_++;
  members_[id] = {.id = id,
                  .role = hello.role,
                  .incarnation = hello.incarnation,
                  .listen_address = hello.listen_address,
                  .description = hello.description,
                  .link = link,
                  .last_heard = now,
                  .link_lost = now};
  return id;
}

void Membership::Bury(const Member& member) {
  if (dead_.emplace(member.incarnation, member.id).second)
    dead_order_.push_back(member.incarnation);
  if (dead_order_.size() > kDeadMax) {
    dead_.erase(dead_order_.front());
    dead_order_.pop_front();
  }
  members_.erase(member.id);
}

void Membership::OnHeard(Time now, LinkId link) {
  for (auto& [id, member] : members_) {
    if (member.link == link) member.last_heard = now;
  }
}

void Membership::OnClose(Time now, LinkId link) {
  for (auto& [id, member] : members_) {
    if (member.link != link) continue;
    member.link = 0;
    member.link_lost = now;
  }
}

std::optional<Departure> Membership::Remove(NodeId id, const Status& why) {
  const auto found = members_.find(id);
  if (found == members_.end()) return std::nullopt;
  Departure gone{found->second, why};
  Bury(gone.member);
  return gone;
}

std::vector<Departure> Membership::OnWake(Time now) {
  // A wake-up that comes late means that this process stood still: nobody is to blame for silence in that time.
  const runtime::Duration stall =
      due_ && now > *due_ + options_.heartbeat ? now - *due_ : runtime::Duration(0);
  due_ = now + options_.heartbeat;
  std::vector<Departure> departures;
  for (auto& [id, member] : members_) {
    member.last_heard += stall;
    member.link_lost += stall;
    if (member.link == 0 && now - member.link_lost > options_.reconnect_max) {
      departures.push_back(
          {member, Status(StatusCode::kUnavailable,
                          "died: its connection closed and it did not come back within " +
                              DurationText(options_.reconnect_max),
                          member.name())});
    } else if (member.link != 0 && now - member.last_heard > options_.dead_after) {
      departures.push_back(
          {member, Status(StatusCode::kUnavailable,
                          "died: no heartbeat for " + DurationText(now - member.last_heard),
                          member.name())});
    }
  }
  for (const Departure& gone : departures) {
    Bury(gone.member);
  }
  return departures;
}

std::optional<Time> Membership::next_wake() const {
  if (members_.empty()) return std::nullopt;
  return due_;
}

const Member* Membership::Find(NodeId id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* Membership::FindByLink(LinkId link) const {
  for (const auto& [id, member] : members_) {
    if (member.link == link && link != 0) return &member;
  }
  return nullptr;
}

std::vector<const Member*> Membership::Live(wire::Role role) const {
  std::vector<const Member*> live;
  for (const auto& [id, member] : members_) {
    if (member.role == role && member.link != 0) live.push_back(&member);
  }
  return live;
}

}  // namespace steelyard::coord
