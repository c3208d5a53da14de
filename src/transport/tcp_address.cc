// Addresses of TcpTransport: text to sockaddr and back.
#include "transport/tcp_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace steelyard::transport {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
constexpr std::size_t kUnixPathOffset = offsetof(sockaddr_un, sun_path);
/// Unix sockets do not tune themselves: 4 MB let a whole body pass in one call (docs: transports were measured so).
constexpr int kUnixBufferBytes = 4 << 20;

template <typename T>
SocketAddress Wrap(const T& address, std::size_t size) {
  return CopySocketAddress(&address, size);
}

template <typename T>
T Unwrap(const SocketAddress& address) {
  T result{};
  std::memcpy(&result, &address.storage, std::min<std::size_t>(sizeof result, address.size));
  return result;
}

Status NotAnAddress(const std::string& text, const char* why) {
  return Status(
      StatusCode::kInvalidArgument,
      fmt::format("\"{}\" is no address: {}; write HOST:PORT, e.g. 127.0.0.1:4070", text, why));
}

}  // namespace

Result<TcpAddress> ParseTcpAddress(const std::string& text) {
  TcpAddress address;
  if (text.starts_with(kUnixScheme)) {
    address.path = text.substr(kUnixScheme.size());
    if (address.path.empty()) return NotAnAddress(text, "the path is missing");
    if (address.path.size() >= sizeof(sockaddr_un{}.sun_path)) {
      return NotAnAddress(text, "the path of a Unix-domain socket has at most 107 bytes");
    }
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return NotAnAddress(text, "the port is missing");
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return NotAnAddress(text, "an IPv6 host stands in brackets, as in [::1]:4070");
  }
  if (address.host.empty()) return NotAnAddress(text, "the host is missing");
  const char* first = text.data() + colon + 1;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, address.port);
  if (error != std::errc() || end != last) {
    return NotAnAddress(text, "the port is not a number from 0 to 65535");
  }
  return address;
}

SocketAddress CopySocketAddress(const void* address, std::size_t size) {
  SocketAddress result;
  result.size = static_cast<socklen_t>(std::min(size, sizeof result.storage));
  std::memcpy(&result.storage, address, result.size);
  return result;
}

Status CheckPeerAddress(const std::string& text) {
  const Result<TcpAddress> address = ParseTcpAddress(text);
  if (!address.ok()) return address.status();
  if (address.value().is_unix() || address.value().port != 0) return {};
  return NotAnAddress(text, "nobody listens at port 0");
}

std::vector<SocketAddress> NumericAddresses(const TcpAddress& address) {
  if (address.is_unix()) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, address.path.data(), address.path.size());
    if (address.is_file()) return {Wrap(local, kUnixPathOffset + address.path.size() + 1)};
    // The kernel's name space: a zero byte instead of the '@', and no zero at the end. It chooses a name itself when the
    // address ends before the path.
    local.sun_path[0] = '\0';
    return {Wrap(
        local, address.path.size() == 1 ? kUnixPathOffset : kUnixPathOffset + address.path.size())};
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) return {Wrap(v4, sizeof v4)};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    return {Wrap(v6, sizeof v6)};
  }
  return {};
}

std::string FormatSocketAddress(const SocketAddress& address) {
  char host[INET6_ADDRSTRLEN] = {};
  switch (address.storage.ss_family) {
    case AF_INET: {
      const auto v4 = Unwrap<sockaddr_in>(address);
      ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
      return fmt::format("{}:{}", host, ntohs(v4.sin_port));
    }
    case AF_INET6: {
      const auto v6 = Unwrap<sockaddr_in6>(address);
      ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
      return fmt::format("[{}]:{}", host, ntohs(v6.sin6_port));
    }
    default: {
      const auto local = Unwrap<sockaddr_un>(address);
      if (address.size <= kUnixPathOffset) return fmt::format("{}(peer)", kUnixScheme);
      const std::string_view bytes(
          local.sun_path,
          std::min<std::size_t>(address.size - kUnixPathOffset, sizeof local.sun_path));
      if (bytes.front() == '\0') return fmt::format("{}@{}", kUnixScheme, bytes.substr(1));
      return fmt::format("{}{}", kUnixScheme, bytes.substr(0, bytes.find('\0')));
    }
  }
}

std::optional<SocketAddress> SameHostName(const SocketAddress& address) {
  const std::string text = FormatSocketAddress(address);
  const bool all_interfaces = text.starts_with("0.0.0.0:") || text.starts_with("[::]:");
  if (all_interfaces || text.starts_with(kUnixScheme)) return std::nullopt;
  return NumericAddresses({.path = "@steelyard-" + text}).front();
}

std::optional<uid_t> PeerUser(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

void SetConnectionOptions(int fd, int user_timeout_ms) {
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  // Each of these only tunes: a connection without it still works.
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  if (domain == AF_UNIX) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kUnixBufferBytes, sizeof kUnixBufferBytes);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kUnixBufferBytes, sizeof kUnixBufferBytes);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

}  // namespace steelyard::transport
