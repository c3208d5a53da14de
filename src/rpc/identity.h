// Identity: who a node is on every connection it makes or accepts.
#pragma once

#include <string>
#include <utility>

#include "steelyard/types.h"
#include "wire/control_messages.h"

namespace steelyard::rpc {

/// Who this node is. (node, incarnation) never names two processes.
struct Identity {
  wire::Role role = wire::Role::kClient;
  NodeId node = 0;  ///< Issued by the head in HELLO_ACK; 0 before that, and for the head itself.
  Incarnation incarnation = 0;
  std::uint64_t cluster_id = 0;  ///< Learnt from the head.
  std::string listen_address;    ///< Where this node accepts connections; empty for none.
  std::string description;       ///< For people: "pid 4711".
};

/// Fill in the header fields that say who sends.
inline wire::Frame Stamp(wire::Frame frame, const Identity& self) {
  frame.header.cluster_id = self.cluster_id;
  frame.header.source = self.node;
  frame.header.source_incarnation = self.incarnation;
  return frame;
}

}  // namespace steelyard::rpc
