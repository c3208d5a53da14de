// How fast a Transport moves frames between two threads: large bodies there, large bodies back, small frames, and one
// at a time; beside blocking sockets that move the same bytes without frames or checksums.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "runtime/real_loop.h"
#include "transport/inproc_transport.h"
#include "transport/tcp_transport.h"
#include "usage.h"

namespace {

using namespace steelyard;
using namespace steelyard::transport;

constexpr const char* kUsage =
    "transport_bench [raw|tcp|unix|inproc]...\n\n"
    "How fast frames move between two threads, over each of these or all; raw: blocking sockets, "
    "without frames.\n";

struct Load {
  const char* name;
  std::size_t request_bytes;
  std::size_t answer_bytes;
  std::size_t in_flight;
  std::size_t count;
};

constexpr Load kLoads[] = {{"push 800 kB, 16 in flight", 800'000, 0, 16, 20'000},
                           {"pull 800 kB, 16 in flight", 0, 800'000, 16, 20'000},
                           {"64 B frames, 64 in flight", 64, 64, 64, 1'000'000},
                           {"64 B frames, 1 in flight", 64, 64, 1, 50'000}};

Buffer Filled(std::size_t size) {
  Buffer buffer = Buffer::Allocate(size);
  std::ranges::fill(buffer.writable(), std::byte{3});
  return buffer;
}

class Server final : public Node {
 public:
  explicit Server(const Load& load) : answer_(Filled(load.answer_bytes)) {}
  void OnStart(Transport&) override {}
  void OnOpen(Transport& transport, LinkId link, bool, const std::string&) override {
    transport.SetFrameBytesMax(link, wire::kFrameBytesMax);
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame frame) override {
    frame.body = answer_;
    transport.Send(link, std::move(frame));
  }
  void OnClose(Transport&, LinkId, const Status&) override {}
  void OnWake(Transport&) override {}

 private:
  const Buffer answer_;
};

class Client final : public Node {
 public:
  Client(const Load& load, std::string address)
      : load_(load), address_(std::move(address)), request_(Filled(load.request_bytes)) {}

  /// Seconds from the first request to the last answer.
  std::future<double> result() { return result_.get_future(); }

  void OnStart(Transport& transport) override { transport.Connect(address_); }
  void OnOpen(Transport& transport, LinkId link, bool, const std::string&) override {
    transport.SetFrameBytesMax(link, wire::kFrameBytesMax);
    start_ = transport.now();
    for (std::size_t i = 0; i < load_.in_flight; ++i) Request(transport, link);
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame) override {
    if (sent_ < load_.count) Request(transport, link);
    if (++answered_ < load_.count) return;
    result_.set_value(std::chrono::duration<double>(transport.now() - start_).count());
  }
  void OnClose(Transport&, LinkId, const Status& why) override {
    fmt::print(stderr, "{}\n", why.ToString());
    std::exit(1);
  }
  void OnWake(Transport&) override {}

 private:
  void Request(Transport& transport, LinkId link) {
    wire::Frame frame;
    frame.header.type = wire::MessageType::kPush;
    frame.header.request_id = ++sent_;
    frame.body = request_;
    transport.Send(link, std::move(frame));
  }

  const Load& load_;
  const std::string address_;
  const Buffer request_;
  runtime::Time start_{};
  std::size_t sent_ = 0, answered_ = 0;
  std::promise<double> result_;
};

/// CPU time of all threads so far; unlike the wall's, it does not grow while other programs run.
double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Print(const char* kind, const Load& load, double seconds, double cpu) {
  const double count = static_cast<double>(load.count);
  const double bytes = count * static_cast<double>(load.request_bytes + load.answer_bytes);
  if (load.request_bytes + load.answer_bytes > 10'000) {
    fmt::print("{:<7} {:<28} {:8.2f} GB/s {:8.2f} CPU s/GB\n", kind, load.name,
               bytes / seconds / 1e9, cpu / (bytes / 1e9));
  } else {
    fmt::print("{:<7} {:<28} {:8.0f} k/s  {:8.2f} CPU us each, {:.1f} us round trip\n", kind,
               load.name, count / seconds / 1e3, cpu / count * 1e6,
               seconds / count * 1e6 * static_cast<double>(load.in_flight));
  }
}

template <typename Make>
double Measure(const Load& load, const std::string& listen_at, Make make) {
  runtime::LoopThread server_thread, client_thread;
  Server server(load);
  auto server_transport = make(server_thread.loop(), server);
  const Result<std::string> address = server_transport->Listen(listen_at);
  if (!address.ok()) {
    fmt::print(stderr, "{}\n", address.status().ToString());
    std::exit(1);
  }
  server_transport->Start();
  Client client(load, address.value());
  std::future<double> result = client.result();
  auto client_transport = make(client_thread.loop(), client);
  client_transport->Start();
  const double seconds = result.get();
  client_thread.Join();
  server_thread.Join();
  return seconds;
}

/// Blocking sockets: one thread sends all requests, another answers each.
void SendAll(int fd, const std::vector<char>& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = ::send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

bool ReceiveAll(int fd, std::vector<char>& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::recv(fd, bytes.data() + at, bytes.size() - at, 0);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

double MeasureRaw(const Load& load) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof local;
  ::bind(listener, reinterpret_cast<sockaddr*>(&local), size);
  ::listen(listener, 1);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&local), &size);
  const int on = 1;
  std::thread server([&] {
    const int fd = ::accept(listener, nullptr, nullptr);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::vector<char> request(64 + load.request_bytes), answer(64 + load.answer_bytes);
    while (ReceiveAll(fd, request)) SendAll(fd, answer);
    ::close(fd);
  });
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ::connect(fd, reinterpret_cast<sockaddr*>(&local), sizeof local);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::vector<char> request(64 + load.request_bytes), answer(64 + load.answer_bytes);
  const auto start = std::chrono::steady_clock::now();
  std::size_t sent = 0;
  for (; sent < load.in_flight; ++sent) SendAll(fd, request);
  for (std::size_t answered = 0; answered < load.count; ++answered) {
    ReceiveAll(fd, answer);
    if (sent++ < load.count) SendAll(fd, request);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  ::shutdown(fd, SHUT_RDWR);
  server.join();
  ::close(fd);
  ::close(listener);
  return seconds.count();
}

double Run(const std::string& kind, const Load& load) {
  if (kind == "raw") return MeasureRaw(load);
  if (kind == "inproc") {
    InprocNetwork network;
    return Measure(load, "inproc:server", [&](runtime::RealLoop& loop, Node& node) {
      return std::make_unique<InprocTransport>(network, loop, node);
    });
  }
  const std::string address =
      kind == "unix" ? fmt::format("unix:/tmp/transport_bench_{}", ::getpid()) : "127.0.0.1:0";
  return Measure(load, address, [](runtime::RealLoop& loop, Node& node) {
    return std::make_unique<TcpTransport>(loop, node);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> all = {"raw", "tcp", "unix", "inproc"};
  std::vector<std::string> kinds(argv + 1, argv + argc);
  const auto known = [&](const std::string& kind) { return std::ranges::count(all, kind) > 0; };
  if (const auto code = EndsEarly(kinds, kUsage, known)) return *code;
  if (kinds.empty()) kinds = all;
  for (const Load& load : kLoads) {
    for (const std::string& kind : kinds) {
      const double cpu = CpuSeconds();
      const double seconds = Run(kind, load);
      Print(kind.c_str(), load, seconds, CpuSeconds() - cpu);
    }
  }
  return 0;
}
