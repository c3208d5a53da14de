// Requests are a header, keys and floats; a push is answered by eight bytes, a pull by its floats.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "bare_contestant.h"
#include "child_server.h"
#include "table/hash_table.h"
#include "table/updater.h"

namespace steelyard::bench {
namespace {

struct RequestHeader {
  std::uint64_t is_pull;
  std::uint64_t count;
};

void SetOptions(int fd) {
  const int on = 1;
  const int bytes = 4 << 20;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool ReadAll(int fd, void* to, std::size_t bytes) {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t count = ::read(fd, at, bytes);
    if (count <= 0) return false;
    at += count;
    bytes -= static_cast<std::size_t>(count);
  }
  return true;
}

bool WriteAll(int fd, std::span<iovec> pieces) {
  while (!pieces.empty()) {
    const ssize_t count = ::writev(fd, pieces.data(), static_cast<int>(pieces.size()));
    if (count <= 0) return false;
    auto rest = static_cast<std::size_t>(count);
    while (!pieces.empty() && rest >= pieces.front().iov_len) {
      rest -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) return true;
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + rest;
    pieces.front().iov_len -= rest;
  }
  return true;
}

iovec Piece(const void* data, std::size_t bytes) {
  return {const_cast<void*>(data), bytes};
}

void ServeConnection(int fd, table::HashTable& rows, const table::Updater& updater) {
  RequestHeader header{};
  std::vector<Key> keys;
  std::vector<float> floats;
  while (ReadAll(fd, &header, sizeof header)) {
    keys.resize(header.count);
    floats.resize(header.count);
    if (!ReadAll(fd, keys.data(), keys.size() * sizeof(Key))) return;
    if (header.is_pull == 0) {
      if (!ReadAll(fd, floats.data(), floats.size() * sizeof(float))) return;
      updater.ApplyBatch(rows, keys, floats);
      if (::write(fd, &header, 8) != 8) return;
    } else {
      updater.ReadBatch(rows, keys, floats);
      std::array<iovec, 1> answer{Piece(floats.data(), floats.size() * sizeof(float))};
      if (!WriteAll(fd, answer)) return;
    }
  }
}

void Serve(const UpdaterOptions& ftrl, const ChildServer::Ready& ready) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener, 1);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  ready(std::to_string(ntohs(address.sin_port)));
  table::PageMemory memory;
  table::HashTable rows({0, kKeyMax}, 2, memory);
  const int fd = ::accept(listener, nullptr, nullptr);
  SetOptions(fd);
  const auto updater = table::MakeUpdater(ftrl, 1);
  if (updater.ok()) ServeConnection(fd, rows, *updater.value());
}

class BareContestant final : public Contestant {
 public:
  explicit BareContestant(const UpdaterOptions& ftrl)
      : server_(0, [ftrl](const std::string&, const ChildServer::Ready& ready) {
          Serve(ftrl, ready);
        }) {}
  ~BareContestant() override {
    if (fd_ >= 0) ::close(fd_);
  }

  std::string name() const override { return "bare prototype"; }

  Result<double> Run(const Load& load) override {
    if (fd_ < 0) SY_RETURN_IF_ERROR(Connect());
    if (load.in_flight == 1) return RunOneByOne(load);
    const auto start = std::chrono::steady_clock::now();
    bool wrote = true;
    std::size_t answered = 0;
    std::mutex mutex;
    std::condition_variable answer_came;
    std::thread writer([&] {
      for (std::size_t i = 0; i < load.requests && wrote; ++i) {
        std::unique_lock lock(mutex);
        answer_came.wait(lock, [&] { return i < answered + load.in_flight; });
        lock.unlock();
        wrote = Send(load, load.list(i));
      }
    });
    for (std::size_t i = 0; i < load.requests; ++i) {
      if (!Receive(load, load.list(i))) break;
      const std::lock_guard lock(mutex);
      ++answered;
      answer_came.notify_one();
    }
    writer.join();
    if (answered < load.requests)
      return Status(StatusCode::kUnavailable, "the bare prototype ended");
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Result<std::vector<float>> Values(const KeyList& keys) override {
    const std::vector<KeyList> lists{keys};
    const auto seconds = Run({.kind = Load::Kind::kPull, .lists = lists, .requests = 1});
    if (!seconds.ok()) return seconds.status();
    return answer_;
  }

 private:
  Status Connect() {
    const auto port = server_.Tell("begin");
    if (!port.ok()) return port.status();
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SetOptions(fd_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port.value())));
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return Status(StatusCode::kUnavailable, "cannot connect to the bare prototype");
    }
    return {};
  }

  Result<double> RunOneByOne(const Load& load) {
    const auto start = std::chrono::steady_clock::now();
    auto before = start;
    for (std::size_t i = 0; i < load.requests; ++i) {
      if (!Send(load, load.list(i)) || !Receive(load, load.list(i))) {
        return Status(StatusCode::kUnavailable, "the bare prototype ended");
      }
      const auto now = std::chrono::steady_clock::now();
      if (load.request_seconds != nullptr) {
        load.request_seconds->push_back(std::chrono::duration<double>(now - before).count());
      }
      before = now;
    }
    return std::chrono::duration<double>(before - start).count();
  }

  bool Receive(const Load& load, const KeyList& keys) {
    answer_.resize(load.kind == Load::Kind::kPush ? 2 : keys.size());
    return ReadAll(fd_, answer_.data(), answer_.size() * sizeof(float));
  }

  bool Send(const Load& load, const KeyList& keys) {
    const bool pull = load.kind == Load::Kind::kPull;
    const RequestHeader header{.is_pull = pull ? 1U : 0U, .count = keys.size()};
    gradients_.assign(pull ? 0 : keys.size(), kGradient);
    std::array<iovec, 3> pieces{Piece(&header, sizeof header),
                                Piece(keys.data(), keys.size() * sizeof(Key)),
                                Piece(gradients_.data(), gradients_.size() * sizeof(float))};
    return WriteAll(fd_, std::span(pieces).first(pull ? 2 : 3));
  }

  ChildServer server_;
  int fd_ = -1;
  std::vector<float> gradients_;
  std::vector<float> answer_;
};

}  // namespace

std::unique_ptr<Contestant> MakeBareContestant(const UpdaterOptions& ftrl) {
  return std::make_unique<BareContestant>(ftrl);
}

}  // namespace steelyard::bench
