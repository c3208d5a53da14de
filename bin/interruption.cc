// A signal handler of async-signal-safe calls only.
#include "interruption.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string_view>

#include "exit_code.h"

namespace steelyard::cli {
namespace {

// What the handler may touch: written before it can run, or while `removable` is false.
std::array<char, 4096> path_to_remove;
std::atomic<bool> removable{false};
std::atomic<bool> prints_json{false};
std::atomic<int> ending_signal{SIGINT};

void Print(int fd, std::string_view text) {
  // Nobody can be told that this failed.
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
}

[[noreturn]] void EndProcess(int signal) {
  if (removable.load()) ::unlink(path_to_remove.data());
  const bool terminated = signal == SIGTERM;
  Print(STDERR_FILENO,
        terminated ? "\nsteelyard: ended by SIGTERM\n" : "\nsteelyard: interrupted by Ctrl-C\n");
  if (prints_json.load()) {
    Print(STDOUT_FILENO,
          terminated
              ? R"({"status":"error","code":143,"message":"ended by SIGTERM","where":""})"
                "\n"
              : R"({"status":"error","code":130,"message":"interrupted by Ctrl-C","where":""})"
                "\n");
  }
  ::_exit(terminated ? kExitTerminated : kExitInterrupted);
}

void OnSignal(int signal) {
  EndProcess(signal);
}

void OnAlarm(int) {
  EndProcess(ending_signal.load());
}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaddset(&action.sa_mask, SIGINT);
  ::sigaddset(&action.sa_mask, SIGTERM);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void EndOnSignals(bool json) {
  prints_json.store(json);
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  Handle(SIGINT, OnSignal);
  Handle(SIGTERM, OnSignal);
}

void IgnoreSignals() {
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
}

void EndAnywayAfter(unsigned seconds, int signal) {
  ending_signal.store(signal);
  Handle(SIGALRM, OnAlarm);
  ::alarm(seconds);
}

void RemoveOnSignal(const std::string& path) {
  removable.store(false);
  if (path.empty() || path.size() >= path_to_remove.size()) return;
  std::memcpy(path_to_remove.data(), path.c_str(), path.size() + 1);
  removable.store(true);
}

}  // namespace steelyard::cli
