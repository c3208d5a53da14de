// SIGSTOP and SIGCONT by a file descriptor of the process.
#include "straggler.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>

extern "C" {  // The header of glibc 2.36 does not say so itself.
#include <sys/pidfd.h>
}

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kHalfPeriod = 20ms;

/// The first argument of a process: "worker"; empty when it is gone.
std::string CommandOf(pid_t pid) {
  std::ifstream words(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::string word;
  std::getline(words, word, '\0');
  std::getline(words, word, '\0');
  return word;
}

}  // namespace

Straggler::Straggler(runtime::RealLoop& loop, pid_t train)
    : loop_(loop), train_(train), alarm_(loop, [this] { Turn(); }) {
  alarm_.RingAt(loop_.now() + kHalfPeriod);
}

Straggler::~Straggler() {
  if (worker_fd_ < 0) return;
  if (stopped_) Signal(SIGCONT);
  ::close(worker_fd_);
}

void Straggler::Turn() {
  alarm_.RingAt(loop_.now() + kHalfPeriod);
  if (worker_fd_ < 0 && !FindWorker()) return;
  if (stopped_) {
    Signal(SIGCONT);
    stopped_ = false;
  } else if (Signal(SIGSTOP)) {
    stopped_ = true;
    ++stops_;
  }
}

// Workers are started one after another, so the first one that is there is the first.
bool Straggler::FindWorker() {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", train_));
  for (pid_t pid = 0; children >> pid;) {
    const int fd = ::pidfd_open(pid, 0);
    if (fd < 0) continue;
    if (CommandOf(pid) == "worker") {
      worker_fd_ = fd;
      return true;
    }
    ::close(fd);
  }
  return false;
}

bool Straggler::Signal(int signal) const {
  return ::pidfd_send_signal(worker_fd_, signal, nullptr, 0) == 0;
}

}  // namespace steelyard::cli
