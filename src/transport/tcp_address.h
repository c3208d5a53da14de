// Addresses of TcpTransport as people write them: HOST:PORT, [IPV6]:PORT, unix:PATH and unix:@NAME.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::transport {

/// An address taken apart.
struct TcpAddress {
  std::string host = {};  ///< A number or a name.
  std::uint16_t port = 0;
  /// Of a Unix-domain socket; then host and port mean nothing. With '@' before it, a name that lives in the kernel and
  /// goes with its process, instead of a file; '@' alone takes any free name.
  std::string path = {};

  bool is_unix() const { return !path.empty(); }
  bool is_file() const { return is_unix() && path.front() != '@'; }
};

/// A socket address of any family.
struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

/// Copy a sockaddr of `size` bytes.
SocketAddress CopySocketAddress(const void* address, std::size_t size);

/// Take apart "127.0.0.1:4070", "[::1]:4070", "host:4070", "unix:/path" or "unix:@name".
/// Errors: kInvalidArgument  anything else.
Result<TcpAddress> ParseTcpAddress(const std::string& text);

/// Check that `text` can be connected to, which may then still fail.
/// Errors: kInvalidArgument  ParseTcpAddress() refuses, or port 0, which only listeners have.
Status CheckPeerAddress(const std::string& text);

/// The socket addresses that need no look-up: those of a numeric host or a path; empty for a name.
std::vector<SocketAddress> NumericAddresses(const TcpAddress& address);

/// Write a socket address as ParseTcpAddress() reads it.
std::string FormatSocketAddress(const SocketAddress& address);

/// The name in the kernel, "unix:@steelyard-127.0.0.1:4070", at which a listener at `address` also takes connections from its
/// host: both names reach no further than a network namespace. None for a Unix-domain socket and an address of all
/// interfaces.
std::optional<SocketAddress> SameHostName(const SocketAddress& address);

/// The user that the process at the other end of a Unix-domain socket ran as when it connected or listened; none for
/// another socket.
std::optional<uid_t> PeerUser(int fd);

/// Set the options of a connected socket: no delay, the time after which unacknowledged data ends the connection, and
/// large buffers for a Unix-domain socket.
void SetConnectionOptions(int fd, int user_timeout_ms);

}  // namespace steelyard::transport
