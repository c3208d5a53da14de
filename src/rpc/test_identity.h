// For tests: who a node says it is, and what its peer answers.
#pragma once

#include "rpc/identity.h"
#include "wire/control_messages.h"

namespace steelyard::rpc {

inline Identity MakeTestIdentity(wire::Role role = wire::Role::kWorker) {
  return {.role = role,
          .node = 9,
          .incarnation = 99,
          .cluster_id = 0,
          .listen_address = {},
          .description = {}};
}

/// A greeting of the test identity in cluster 7, with no limit that a test would meet.
inline wire::HelloAck MakeTestWelcome(NodeId node, Incarnation incarnation) {
  return {.cluster_id = 7,
          .your_node = 9,
          .my_node = node,
          .my_incarnation = incarnation,
          .body_bytes_max = wire::kFrameBytesMax,
          .inflight_bytes_max = wire::kFrameBytesMax,
          .heartbeat_ns = 1'000'000'000,
          .dead_after_ns = 600'000'000'000};
}

}  // namespace steelyard::rpc
