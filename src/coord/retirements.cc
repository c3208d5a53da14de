#include "coord/retirements.h"

namespace steelyard::coord {
namespace {

constexpr runtime::Duration kTellAgainAfter = std::chrono::milliseconds(250);

}  // namespace

Outgoing Retirements::Tell(NodeId server, StreamId stream) {
  return {server, wire::MakeFrame(wire::RetireStream{.table = 0, .stream = stream})};
}

void Retirements::Add(StreamId stream, std::vector<Outgoing>& out) {
  for (const auto& [id, member] : members_->members()) {
    if (member.role != wire::Role::kServer) continue;
    untold_.emplace(id, stream);
    out.push_back(Tell(id, stream));
  }
}

void Retirements::OnWake(runtime::Time now, std::vector<Outgoing>& out) {
  if (untold_.empty() || now < told_at_ + kTellAgainAfter) return;
  told_at_ = now;
  std::erase_if(untold_,
                [&](const auto& untold) { return members_->Find(untold.first) == nullptr; });
  for (const auto& [server, stream] : untold_) out.push_back(Tell(server, stream));
}

}  // namespace steelyard::coord
