#include "child_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace steelyard::bench {
namespace {

std::string ReadText(int socket) {
  std::array<char, 512> bytes{};
  const ssize_t count = ::read(socket, bytes.data(), bytes.size());
  return count <= 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(count));
}

}  // namespace

void PinToProcessor(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

ChildServer::ChildServer(int processor, const Serve& serve) {
  std::array<int, 2> sockets{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) return;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ != 0) {
    ::close(sockets[1]);
    socket_ = sockets[0];
    return;
  }
  ::close(sockets[0]);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  PinToProcessor(processor);
  const std::string told = ReadText(sockets[1]);
  if (!told.empty()) {
    serve(told, [&](const std::string& address) {
      if (::write(sockets[1], address.data(), address.size()) < 0) ::_exit(1);
    });
  }
  ::_exit(1);
}

ChildServer::~ChildServer() {
  if (socket_ >= 0) ::close(socket_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<std::string> ChildServer::Tell(const std::string& text) {
  const bool told =
      socket_ >= 0 && pid_ > 0 &&
      ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  std::string address = told ? ReadText(socket_) : std::string();
  if (address.empty())
    return Status(StatusCode::kUnavailable, "a benchmark's server process ended");
  return address;
}

double ChildServer::CpuSeconds() const {
  std::ifstream file(fmt::format("/proc/{}/schedstat", pid_));
  double nanoseconds = 0;
  file >> nanoseconds;
  return nanoseconds * 1e-9;
}

std::size_t ChildServer::ResidentBytes() const {
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  std::size_t pages = 0;
  std::size_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace steelyard::bench
