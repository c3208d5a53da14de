// NodeHost: one node on one loop, over the memory of this process or over sockets of this machine.
#pragma once

#include <memory>
#include <string>

#include "hosted_node.h"
#include "runtime/real_loop.h"
#include "steelyard/status.h"
#include "transport/inproc_transport.h"
#include "transport/tcp_transport.h"
#include "transport/transport.h"

namespace steelyard::cli {

/// Where the processes of one command listen: by a name in the kernel, which leaves neither port nor file behind however
/// its process ends.
inline constexpr const char* kLocalAddress = "unix:@";

/// Ownership: borrows loop and network; borrows the node from Start() on.
/// Threads:   construct, Listen() and Start() on the loop or before it runs; destroy on it or after it.
class NodeHost {
 public:
  /// @param network  nullptr: sockets.
  NodeHost(runtime::RealLoop& loop, transport::InprocNetwork* network) {
    if (network != nullptr) {
      inproc_ = std::make_unique<transport::InprocTransport>(*network, loop, node_);
    } else {
      tcp_ = std::make_unique<transport::TcpTransport>(loop, node_);
    }
  }

  /// Take connections as "inproc:NAME" or by a free kLocalAddress. @return the address.
  Result<std::string> Listen(const std::string& name) {
    return inproc_ != nullptr ? inproc_->Listen("inproc:" + name) : tcp_->Listen(kLocalAddress);
  }

  void Start(transport::Node& node) {
    node_.Host(node, nullptr);
    inproc_ != nullptr ? inproc_->Start() : tcp_->Start();
  }

  transport::Transport& transport() {
    return inproc_ != nullptr ? static_cast<transport::Transport&>(*inproc_) : *tcp_;
  }

 private:
  HostedNode node_;
  std::unique_ptr<transport::InprocTransport> inproc_;
  std::unique_ptr<transport::TcpTransport> tcp_;
};

}  // namespace steelyard::cli
