// TcpTransport: a node whose frames travel over TCP, or over Unix-domain sockets on one host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/real_loop.h"
#include "transport/transport.h"

namespace steelyard::transport {

/// Limits of a TcpTransport; the defaults are meant to stay.
struct TcpOptions {
  std::size_t links_max = kLinksMax;
  std::size_t queued_bytes_max = kQueuedBytesMax;
  runtime::Duration connect_timeout = std::chrono::seconds(5);
  /// Data that the peer's host does not acknowledge for this long ends a link (TCP_USER_TIMEOUT).
  runtime::Duration user_timeout = std::chrono::seconds(10);
  /// Processes of one user on one host meet over Unix-domain sockets: a listener at HOST:PORT takes connections at a name
  /// in the kernel, too (SameHostName()), and whoever connects to HOST:PORT tries that name first.
  bool same_host_names = false;
};

/// One node on one loop.
///
/// Addresses are HOST:PORT ("127.0.0.1:4070", "[::1]:4070", "head.example:4070"), "unix:/path" or "unix:@name", to which only
/// the same user and root may connect.
/// Ownership: borrows the loop and the node; destroy it before them.
/// Threads:   Transport's calls from the loop. Construct, Listen() and Start() before the loop runs or on it; destroy on
///            the loop (not from a callback of this node) or once the loop has stopped.
class TcpTransport final : public Transport {
 public:
  TcpTransport(runtime::RealLoop& loop, Node& node, const TcpOptions& options = {});
  /// Closes all links at once; the kernel still sends what it had taken of their queues.
  ~TcpTransport() override;
  TcpTransport(const TcpTransport&) = delete;
  TcpTransport& operator=(const TcpTransport&) = delete;

  /// Take connections at `address`; a port of 0 takes a free one. Names are looked up before it returns.
  ///
  /// @return the address that others can connect to, with the real port.
  /// Errors: kInvalidArgument  not an address, or an unknown host.
  ///         kUnavailable      the port is in use or not ours to use.
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
  // Final, and deleted as itself only.
  struct Impl;  // NOLINT(cppcoreguidelines-virtual-class-destructor)
  std::shared_ptr<Impl> impl_;
};

}  // namespace steelyard::transport
