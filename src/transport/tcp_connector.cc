// TcpConnector on Asio: resolver, socket and timer of one attempt.
#include "transport/tcp_connector.h"

#include <fmt/format.h>
#include <unistd.h>

#include <asio/basic_stream_socket.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/duration_text.h"
#include "transport/tcp_address.h"

namespace steelyard::transport {
namespace {

using Endpoint = asio::generic::stream_protocol::endpoint;

Endpoint ToEndpoint(const SocketAddress& address) {
  return {reinterpret_cast<const sockaddr*>(&address.storage), address.size};
}

SocketAddress ToSocketAddress(const Endpoint& endpoint) {
  return CopySocketAddress(endpoint.data(), endpoint.size());
}

}  // namespace

struct TcpConnector::State : std::enable_shared_from_this<State> {
  State(runtime::RealLoop& loop, std::string address, const Options& with,
        std::function<void(Result<int>)> fn)
      : context(loop.context()),
        resolver(context),
        socket(context),
        limit(context),
        text(std::move(address)),
        options(with),
        done(std::move(fn)) {}

  void Start() {
    Result<TcpAddress> address = ParseTcpAddress(text);
    if (!address.ok()) return FailLater(address.status());
    parsed = std::move(address.value());
    limit.expires_after(options.timeout);
    limit.async_wait([self = shared_from_this()](const std::error_code& error) {
      if (error) return;
      self->Finish(Status(StatusCode::kUnavailable,
                          fmt::format("connection to {} timed out after {}", self->text,
                                      DurationText(self->options.timeout))));
    });
    for (const SocketAddress& numeric : NumericAddresses(parsed)) Add(numeric);
    if (!endpoints.empty()) return Try();
    resolver.async_resolve(
        parsed.host, std::to_string(parsed.port), asio::ip::resolver_base::numeric_service,
        [self = shared_from_this()](const std::error_code& error,
                                    const asio::ip::tcp::resolver::results_type& results) {
          if (error) {
            return self->Finish(Status(StatusCode::kUnavailable,
                                       fmt::format("connection to {} failed: cannot find the "
                                                   "host: {}",
                                                   self->text, error.message())));
          }
          for (const auto& result : results) self->Add(ToSocketAddress(result.endpoint()));
          self->Try();
        });
  }

  void Add(const SocketAddress& address) {
    const auto name = options.same_host_names ? SameHostName(address) : std::nullopt;
    if (name) endpoints.push_back(ToEndpoint(*name));
    endpoints.push_back(ToEndpoint(address));
  }

  /// Try the next endpoint.
  void Try() {
    if (!done) return;
    std::error_code ignored;
    (void)socket.close(ignored);
    socket.async_connect(endpoints[next], [self = shared_from_this()](std::error_code error) {
      if (!self->done) return;
      if (!error && (self->IsSelfConnected() || self->IsForeign()))
        error = asio::error::connection_refused;
      if (!error) return self->Succeed();
      if (++self->next < self->endpoints.size()) return self->Try();
      self->Finish(self->Describe(error));
    });
  }

  /// A free port of this machine may be picked as our own: then TCP connects the socket to itself.
  bool IsSelfConnected() {
    std::error_code error;
    const Endpoint local = socket.local_endpoint(error);
    const Endpoint remote = socket.remote_endpoint(error);
    return !error && endpoints[next].protocol().family() != AF_UNIX && local == remote;
  }

  /// Anybody may take a name in the kernel: one that stands for an address is believed of a process of this user only.
  bool IsForeign() {
    if (endpoints[next].protocol().family() != AF_UNIX || parsed.is_unix()) return false;
    return PeerUser(socket.native_handle()) != ::geteuid();
  }

  Status Describe(const std::error_code& error) const {
    // A missing path of a Unix-domain socket is what a closed port is to TCP.
    if (error == asio::error::connection_refused || error.value() == ENOENT) {
      return Status(StatusCode::kUnavailable,
                    fmt::format("connection to {} refused: no process listens there", text));
    }
    return Status(StatusCode::kUnavailable,
                  fmt::format("connection to {} failed: {}", text, error.message()));
  }

  void Succeed() {
    std::error_code error;
    const int fd = socket.release(error);
    if (error) return Finish(Describe(error));
    Finish(fd);
  }

  void Finish(Result<int> result) {
    const auto told = std::exchange(done, nullptr);
    Cancel();
    if (told) told(std::move(result));
  }

  void FailLater(Status why) {
    asio::post(context, [self = shared_from_this(), why = std::move(why)] { self->Finish(why); });
  }

  void Cancel() {
    done = nullptr;
    std::error_code ignored;
    (void)socket.close(ignored);
    try {
      resolver.cancel();
      limit.cancel();
    } catch (const std::system_error&) {
      // Asio declares both to throw; neither has anything to fail here, and `done` is empty: nothing more comes of them.
    }
  }

  asio::io_context& context;
  asio::ip::tcp::resolver resolver;
  asio::basic_stream_socket<asio::generic::stream_protocol> socket;
  asio::steady_timer limit;
  const std::string text;
  const Options options;
  TcpAddress parsed;
  std::function<void(Result<int>)> done;  // Empty: finished or not wanted any more.
  std::vector<Endpoint> endpoints;
  std::size_t next = 0;
};

TcpConnector::TcpConnector(runtime::RealLoop& loop, const std::string& address,
                           const Options& options, std::function<void(Result<int> fd)> done)
    : state_(std::make_shared<State>(loop, address, options, std::move(done))) {
  state_->Start();
}

TcpConnector::~TcpConnector() {
  state_->Cancel();
}

}  // namespace steelyard::transport
