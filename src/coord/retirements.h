// Retirements: streams whose process has died or whose job has ended, until every server has let them go.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "coord/membership.h"
#include "coord/tables.h"

namespace steelyard::coord {

/// A program that dies leaves its worker groups, and so do the workers of a job that ends: what waits for it at the servers is looked at again. Each server is told
/// until it answers; one that departs meanwhile need not know, and one that joins later has none of its frames.
///
/// Threads: confined to the head's loop. PURE.
class Retirements {
 public:
  explicit Retirements(const Membership* members) : members_(members) {}

  void Add(StreamId stream, std::vector<Outgoing>& out);
  void OnAnswer(NodeId server, StreamId stream) { untold_.erase({server, stream}); }
  void OnWake(runtime::Time now, std::vector<Outgoing>& out);
  std::size_t untold_count() const { return untold_.size(); }

 private:
  static Outgoing Tell(NodeId server, StreamId stream);

  const Membership* members_;
  std::set<std::pair<NodeId, StreamId>> untold_;
  runtime::Time told_at_{0};
};

}  // namespace steelyard::coord
