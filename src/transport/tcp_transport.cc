// TcpTransport: listening sockets and the table of links.
#include "transport/tcp_transport.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/error.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/tcp_address.h"
#include "transport/tcp_connector.h"
#include "transport/tcp_link.h"

namespace steelyard::transport {
namespace {

using Protocol = asio::generic::stream_protocol;
using Endpoint = Protocol::endpoint;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

constexpr int kBacklog = 1024;
/// Pause before accepting again when the process has no descriptor left.
constexpr runtime::Duration kAcceptPause = std::chrono::milliseconds(100);

std::uint64_t DrawSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

SocketAddress ToSocketAddress(const Endpoint& endpoint) {
  return CopySocketAddress(endpoint.data(), endpoint.size());
}

/// A path left behind by a process that is gone refuses connections and may be replaced.
bool IsStaleUnixSocket(const SocketAddress& address, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int rc = ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  const bool refused = rc != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return refused;
}

/// Whether the process at the other end runs as this process's user, or as root.
bool IsSameUser(int fd) {
  const std::optional<uid_t> peer = PeerUser(fd);
  return peer && (*peer == ::geteuid() || *peer == 0);
}

Status ListenFailure(const std::string& address, const std::error_code& error) {
  std::string what = error.message();
  if (error == asio::error::address_in_use) {
    what = "it is in use; stop the process that uses it, or choose another port (0: any free one)";
  } else if (error == asio::error::access_denied) {
    what = "permission denied; ports below 1024 need privileges, a path needs a writable folder";
  } else if (error.value() == EADDRNOTAVAIL) {
    what = "no interface of this machine has that address";
  }
  return Status(StatusCode::kUnavailable, fmt::format("cannot listen at {}: {}", address, what));
}

/// The first address to listen at; looks a name up, which may take a while.
Result<SocketAddress> ResolveToListen(asio::io_context& context, const std::string& text,
                                      const TcpAddress& address) {
  const std::vector<SocketAddress> numeric = NumericAddresses(address);
  if (!numeric.empty()) return numeric[0];
  asio::ip::tcp::resolver resolver(context);
  std::error_code error;
  const auto found = resolver.resolve(
      address.host, std::to_string(address.port),
      asio::ip::resolver_base::passive | asio::ip::resolver_base::numeric_service, error);
  if (error || found.empty()) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("cannot listen at {}: host \"{}\" not found: {}", text, address.host,
                              error.message()));
  }
  return ToSocketAddress(Endpoint(found.begin()->endpoint()));
}

/// A listening socket; removes its path, if it has one.
struct Listener {
  explicit Listener(asio::io_context& context) : acceptor(context), pause(context) {}
  ~Listener() {
    if (!path.empty()) ::unlink(path.c_str());
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// @param file  the path that the address names in the file system; empty when it names none.
  std::error_code Open(const SocketAddress& address, const std::string& file) {
    const Endpoint endpoint(reinterpret_cast<const sockaddr*>(&address.storage), address.size);
    std::error_code error;
    if (!file.empty() && IsStaleUnixSocket(address, file)) ::unlink(file.c_str());
    if (acceptor.open(endpoint.protocol(), error)) return error;
    if (file.empty() && acceptor.set_option(Acceptor::reuse_address(true), error)) return error;
    if (acceptor.bind(endpoint, error)) return error;
    path = file;
    return acceptor.listen(kBacklog, error);
  }

  Acceptor acceptor;
  asio::steady_timer pause;
  std::string path;
  bool same_user_only = false;
};

}  // namespace

struct TcpTransport::Impl final : TcpLinkOwner, std::enable_shared_from_this<Impl> {
  Impl(TcpTransport& owner, runtime::RealLoop& on_loop, Node& of_node, const TcpOptions& with)
      : self(owner), loop(on_loop), node(of_node), options(with), alarm(on_loop, [this] {
          node.OnWake(self);
        }) {}

  struct Entry {
    std::unique_ptr<TcpLink> link;
    std::unique_ptr<TcpConnector> connector;
  };

  void Begin() {
    node.OnStart(self);
    started = true;
    for (const auto& listener : listeners) Accept(*listener);
  }

  void Add(std::unique_ptr<Listener> listener) {
    listeners.push_back(std::move(listener));
    if (started) Accept(*listeners.back());
  }

  /// Beside a listener at `address`. A name that somebody else has is done without: the address works for all.
  void ListenOnHost(const SocketAddress& address) {
    const std::optional<SocketAddress> name = SameHostName(address);
    if (!name) return;
    auto listener = std::make_unique<Listener>(loop.context());
    listener->same_user_only = true;
    if (!listener->Open(*name, "")) Add(std::move(listener));
  }

  void Accept(Listener& listener) {
    listener.acceptor.async_accept(
        [weak = weak_from_this(), &listener](const std::error_code& error, auto socket) {
          const std::shared_ptr<Impl> impl = weak.lock();
          if (impl == nullptr || !impl->alive || error == asio::error::operation_aborted) return;
          if (error) return impl->AcceptLater(listener);
          impl->Adopt(std::move(socket), listener.same_user_only);
          if (impl->alive) impl->Accept(listener);
        });
  }

  void AcceptLater(Listener& listener) {
    listener.pause.expires_after(kAcceptPause);
    listener.pause.async_wait([weak = weak_from_this(), &listener](const std::error_code& error) {
      const std::shared_ptr<Impl> impl = weak.lock();
      if (!error && impl != nullptr && impl->alive) impl->Accept(listener);
    });
  }

  template <typename Socket>
  void Adopt(Socket socket, bool same_user_only) {
    // Where this returns, the socket closes.
    if (links.size() >= options.links_max) return;
    if (same_user_only && !IsSameUser(socket.native_handle())) return;
    std::error_code error;
    const Endpoint remote = socket.remote_endpoint(error);
    const int fd = error ? -1 : socket.release(error);
    if (error) return;  // The peer is gone already.
    const LinkId id = next_link++;
    Open(id, AddLink(id, FormatSocketAddress(ToSocketAddress(remote))), fd, true);
  }

  TcpLink& AddLink(LinkId id, std::string peer) {
    Entry& entry = links[id];
    entry.link = std::make_unique<TcpLink>(
        loop, *this, id, TcpLink::Peer{std::move(peer), options.queued_bytes_max});
    return *entry.link;
  }

  void Open(LinkId id, TcpLink& link, int fd, bool accepted) {
    using Milliseconds = std::chrono::duration<int, std::milli>;
    SetConnectionOptions(fd,
                         std::chrono::duration_cast<Milliseconds>(options.user_timeout).count());
    const std::string peer = link.peer();
    link.Open(fd);
    node.OnOpen(self, id, accepted, peer);
  }

  LinkId Connect(const std::string& address) {
    const LinkId id = next_link++;
    const bool full = links.size() >= options.links_max;
    AddLink(id, address);
    if (full) {
      const Status why(
          StatusCode::kResourceExhausted,
          fmt::format("cannot connect to {}: {} links are open", address, options.links_max));
      loop.Post([weak = weak_from_this(), id, why] {
        const std::shared_ptr<Impl> impl = weak.lock();
        if (impl != nullptr && impl->alive && impl->links.contains(id)) impl->OnLinkFailed(id, why);
      });
      return id;
    }
    links[id].connector = std::make_unique<TcpConnector>(
        loop, address,
        TcpConnector::Options{.timeout = options.connect_timeout,
                              .same_host_names = options.same_host_names},
        [this, id](const Result<int>& fd) {
          // The connector that calls is destroyed with this function: nothing of it is used after.
          const std::unique_ptr<TcpConnector> finished = std::move(links.at(id).connector);
          if (!fd.ok()) return OnLinkFailed(id, fd.status());
          Open(id, *links.at(id).link, fd.value(), false);
        });
    return id;
  }

  void OnLinkFrame(LinkId link, wire::Frame frame) override {
    node.OnFrame(self, link, std::move(frame));
  }

  void OnLinkFailed(LinkId link, const Status& why) override {
    links.erase(link);
    node.OnClose(self, link, why);
  }

  void Close(LinkId id) {
    const auto found = links.find(id);
    if (found == links.end()) return;
    found->second.link->Close();
    links.erase(found);
  }

  void Shutdown() {
    alive = false;
    links.clear();
    listeners.clear();
    alarm.Cancel();
  }

  TcpLink* Find(LinkId id) {
    const auto found = links.find(id);
    return found == links.end() ? nullptr : found->second.link.get();
  }

  TcpTransport& self;
  runtime::RealLoop& loop;
  Node& node;
  const TcpOptions options;
  runtime::RealAlarm alarm;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unordered_map<LinkId, Entry> links;
  LinkId next_link = 1;
  std::mt19937_64 random{DrawSeed()};
  bool started = false;
  bool alive =
      true;  // Until the transport's destructor; handlers may hold this object a little longer.
};

TcpTransport::TcpTransport(runtime::RealLoop& loop, Node& node, const TcpOptions& options)
    : impl_(std::make_shared<Impl>(*this, loop, node, options)) {}

TcpTransport::~TcpTransport() {
  impl_->Shutdown();
}

Result<std::string> TcpTransport::Listen(const std::string& address) {
  const Result<TcpAddress> parsed = ParseTcpAddress(address);
  if (!parsed.ok()) return parsed.status();
  asio::io_context& context = impl_->loop.context();
  const Result<SocketAddress> resolved = ResolveToListen(context, address, parsed.value());
  if (!resolved.ok()) return resolved.status();
  auto listener = std::make_unique<Listener>(context);
  const TcpAddress& target = parsed.value();
  // A name in the kernel has no owner and permissions, as a file has.
  listener->same_user_only = target.is_unix() && !target.is_file();
  std::error_code error = listener->Open(resolved.value(), target.is_file() ? target.path : "");
  if (error) return ListenFailure(address, error);
  const Endpoint local = listener->acceptor.local_endpoint(error);
  if (error) return ListenFailure(address, error);
  impl_->Add(std::move(listener));
  if (impl_->options.same_host_names) impl_->ListenOnHost(ToSocketAddress(local));
  return FormatSocketAddress(ToSocketAddress(local));
}

void TcpTransport::Start() {
  impl_->loop.Post([weak = std::weak_ptr<Impl>(impl_)] {
    const std::shared_ptr<Impl> impl = weak.lock();
    if (impl != nullptr && impl->alive) impl->Begin();
  });
}

runtime::Time TcpTransport::now() const {
  return impl_->loop.now();
}
std::uint64_t TcpTransport::Random() {
  return impl_->random();
}
LinkId TcpTransport::Connect(const std::string& address) {
  return impl_->Connect(address);
}

void TcpTransport::Send(LinkId link, wire::Frame frame) {
  if (TcpLink* open = impl_->Find(link)) open->Send(std::move(frame));
}

std::size_t TcpTransport::queued_bytes(LinkId link) const {
  const TcpLink* open = impl_->Find(link);
  return open == nullptr ? 0 : open->queued_bytes();
}

void TcpTransport::SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) {
  if (TcpLink* open = impl_->Find(link)) open->SetFrameBytesMax(body_bytes_max);
}

void TcpTransport::Close(LinkId link) {
  impl_->Close(link);
}
void TcpTransport::WakeAt(runtime::Time when) {
  impl_->alarm.RingAt(when);
}

}  // namespace steelyard::transport
