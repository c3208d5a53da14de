// Starting one after the other, looking at pid files and at the head's own list.
#include "background_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/byte_size.h"
#include "child_processes.h"
#include "cluster_call.h"
#include "detached_process.h"
#include "exit_code.h"
#include "local_cluster.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kHeadMax = 10s;
constexpr auto kJoinMax = 30s;
constexpr auto kEndMax = 5s;
constexpr auto kLookEvery = 20ms;

// SIGINT or SIGTERM came while processes were being started.
volatile std::sig_atomic_t pending_signal = 0;

void NoteSignal(int signal) {
  pending_signal = signal;
}

Status CheckSignal() {
  if (pending_signal == 0) return {};
  return Interrupted(pending_signal, "what was started is ended again");
}

/// Look until `condition` holds. @return false when it did not within `patience`.
bool WaitUntil(std::chrono::steady_clock::duration patience,
               const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
  return true;
}

}  // namespace

Result<BackgroundCluster> BackgroundCluster::Open(const std::string& path) {
  DataDirectory directory(path);
  const std::string file = directory.File("lock");
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    return Status(StatusCode::kIoError, "cannot open: " + std::generic_category().message(errno),
                  file);
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return Status(StatusCode::kResourceExhausted,
                  "another steelyard up or down is at work here; try again when it is done", path);
  }
  return BackgroundCluster(std::move(directory), lock);
}

BackgroundCluster::BackgroundCluster(BackgroundCluster&& other) noexcept
    : directory_(std::move(other.directory_)), lock_(std::exchange(other.lock_, -1)) {}

BackgroundCluster::~BackgroundCluster() {
  if (lock_ >= 0) ::close(lock_);
}

Status BackgroundCluster::Launch(const std::string& name, std::vector<std::string> arguments) {
  SY_RETURN_IF_ERROR(CheckSignal());
  arguments.insert(arguments.begin(), OwnBinary());
  const Result<pid_t> pid = StartDetached(arguments, directory_.LogOf(name));
  if (!pid.ok()) return pid.status();
  return directory_.WriteProcess(name, pid.value());
}

Status BackgroundCluster::CheckAlive() const {
  SY_RETURN_IF_ERROR(CheckSignal());
  for (const StartedProcess& process : directory_.Processes()) {
    if (process.alive()) continue;
    const std::string log = directory_.LogOf(process.name);
    return Status(
        StatusCode::kUnavailable,
        fmt::format("ended at once, its last words: {}; its log is {}", LastLine(log), log),
        fmt::format("{} (pid {})", process.name, process.pid));
  }
  return {};
}

Result<std::string> BackgroundCluster::StartHead(const std::string& listen) {
  SY_RETURN_IF_ERROR(Launch("head", {"head", "--listen", listen, "--data-dir", directory_.path()}));
  Status dead;
  const bool there = WaitUntil(kHeadMax, [&] {
    dead = CheckAlive();
    return !dead.ok() || directory_.ReadAddress().ok();
  });
  if (!dead.ok()) return dead;
  if (there) return directory_.ReadAddress();
  return Status(StatusCode::kUnavailable,
                "the head did not listen in time; its log is " + directory_.LogOf("head"));
}

Status BackgroundCluster::WaitUntilJoined(const std::string& address, const Options& options) {
  Status dead;
  std::size_t servers = 0;
  std::size_t workers = 0;
  const std::uint64_t shards = options.servers * options.shards;  // Each of them joins.
  const bool joined = WaitUntil(kJoinMax, [&] {
    dead = CheckAlive();
    if (!dead.ok()) return true;
    const auto status = AskHead<wire::ClusterStatus>(address, wire::ClusterGet{});
    if (!status.ok()) return false;
    const auto count = [&](wire::Role role) {
      return static_cast<std::size_t>(
          std::ranges::count(status.value().nodes, role, &wire::NodeStatus::role));
    };
    servers = count(wire::Role::kServer);
    workers = count(wire::Role::kWorker);
    return servers >= shards && workers >= options.workers;
  });
  if (!dead.ok() || joined) return dead;
  return Status(StatusCode::kUnavailable,
                fmt::format("only {} of {} servers and {} of {} workers joined the head at {} in "
                            "time; the logs are in {}",
                            servers, shards, workers, options.workers, address, directory_.path()));
}

Result<std::string> BackgroundCluster::Start(const Options& options) {
  for (const StartedProcess& process : directory_.Processes()) {
    if (!process.alive()) continue;
    const auto address = directory_.ReadAddress();
    return Status(StatusCode::kUnavailable,
                  fmt::format("a cluster runs here already{} ({} is pid {}); steelyard down "
                              "--data-dir {} ends it",
                              address.ok() ? " at " + address.value() : "", process.name,
                              process.pid, directory_.path()),
                  directory_.path());
  }
  directory_.Forget();
  std::signal(SIGINT, NoteSignal);
  std::signal(SIGTERM, NoteSignal);
  const auto start = [&]() -> Result<std::string> {
    Result<std::string> address = StartHead(options.listen);
    if (!address.ok()) return address;
    std::vector<std::string> member = {"--head", address.value()};
    if (!options.updaters.empty()) member.insert(member.end(), {"--updaters", options.updaters});
    const auto launch = [&](const std::string& role, std::uint64_t number,
                            std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), role);
      arguments.insert(arguments.end(), member.begin(), member.end());
      return Launch(role + "-" + std::to_string(number), std::move(arguments));
    };
    for (std::uint64_t i = 0; i < options.servers; ++i) {
      SY_RETURN_IF_ERROR(launch("server", i,
                                {"--memory-max", ByteSizeText({options.table_bytes_max}),
                                 "--shards", std::to_string(options.shards)}));
    }
    for (std::uint64_t i = 0; i < options.workers; ++i) {
      SY_RETURN_IF_ERROR(
          launch("worker", i, {"--threads", std::to_string(ThreadsOfEach(0, options.workers))}));
    }
    SY_RETURN_IF_ERROR(WaitUntilJoined(address.value(), options));
    return address;
  };
  Result<std::string> address = start();
  if (!address.ok()) (void)End();
  return address;
}

EndedProcesses BackgroundCluster::End() {
  std::vector<StartedProcess> running = directory_.Processes();
  std::erase_if(running, [](const StartedProcess& process) { return !process.alive(); });
  EndedProcesses result{.ended = running.size()};
  const auto signal_all = [&](int signal) {
    for (const StartedProcess& process : running) ::kill(process.pid, signal);
  };
  const auto none_left = [&] {
    std::erase_if(running, [](const StartedProcess& process) { return !process.alive(); });
    return running.empty();
  };
  signal_all(SIGTERM);
  if (!WaitUntil(kEndMax, none_left)) {
    result.killed = running.size();
    result.ended -= result.killed;
    signal_all(SIGKILL);
    (void)WaitUntil(kEndMax, none_left);
  }
  directory_.Forget();
  return result;
}

}  // namespace steelyard::cli
