// MakeTestIdentity: for tests: who a node says it is.
#pragma once

#include "rpc/identity.h"

namespace steelyard::rpc {

inline Identity MakeTestIdentity(wire::Role role = wire::Role::kWorker) {
  return {.role = role,
          .node = 9,
          .incarnation = 99,
          .cluster_id = 0,
          .listen_address = {},
          .description = {}};
}

}  // namespace steelyard::rpc
