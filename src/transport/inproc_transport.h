// InprocTransport: nodes of one process that hand each other frames without bytes, copies or checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/real_loop.h"
#include "transport/transport.h"

namespace steelyard::transport {

class InprocTransport;

/// The names under which nodes of one process listen.
///
/// Threads: safe from any. Outlives its transports.
class InprocNetwork {
 public:
  InprocNetwork();
  ~InprocNetwork();
  InprocNetwork(const InprocNetwork&) = delete;
  InprocNetwork& operator=(const InprocNetwork&) = delete;

 private:
  friend class InprocTransport;
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

/// One node on one loop; several nodes may share a loop or have one each.
///
/// Ownership: borrows the network, the loop and the node; destroy it before them.
/// Threads:   Transport's calls from the loop. Construct, Listen() and Start() before the loop runs or on it; destroy on
///            the loop (not from a callback of this node) or once the loop has stopped.
class InprocTransport final : public Transport {
 public:
  InprocTransport(InprocNetwork& network, runtime::RealLoop& loop, Node& node);
  ~InprocTransport() override;
  InprocTransport(const InprocTransport&) = delete;
  InprocTransport& operator=(const InprocTransport&) = delete;

  /// Take connections at `address` ("inproc:NAME"); return it.
  /// Errors: kInvalidArgument  not such an address.
  ///         kUnavailable      a node already listens there.
  Result<std::string> Listen(const std::string& address);
  /// Post Node::OnStart; no other callback comes before it.
  void Start();

  runtime::Time now() const override;
  std::uint64_t Random() override;
  LinkId Connect(const std::string& address) override;
  void Send(LinkId link, wire::Frame frame) override;
  std::size_t queued_bytes(LinkId link) const override;
  void SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) override;
  void Close(LinkId link) override;
  void WakeAt(runtime::Time when) override;

 private:
  struct Impl;
  friend class InprocNetwork;
  std::unique_ptr<Impl> impl_;
};

}  // namespace steelyard::transport
