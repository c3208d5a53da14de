// Starting, watching and ending children; their memory from /proc.
#include "child_processes.h"

#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kGrace = 2s;

}  // namespace

// A binary that was replaced meanwhile is still reached through /proc.
std::string OwnBinary() {
  constexpr const char* kLink = "/proc/self/exe";
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink(kLink, error);
  return !error && std::filesystem::exists(path, error) ? path.string() : kLink;
}

std::string LastLine(const std::string& path, std::size_t characters_max) {
  std::ifstream log(path, std::ios::binary);
  std::string last;
  for (std::string line; std::getline(log, line);) {
    if (!line.empty()) last = std::move(line);
  }
  if (last.size() > characters_max) last.resize(characters_max);
  return last;
}

ChildProcesses::ChildProcesses(runtime::RealLoop& loop, const RunDirectory& logs,
                               std::function<void(const Status&)> on_death)
    : loop_(loop), logs_(logs), on_death_(std::move(on_death)) {
  struct sigaction now {};
  ::sigaction(SIGTSTP, nullptr, &now);
  if (now.sa_handler == SIG_DFL)
    stops_.emplace(
        loop, [this](int) { Stop(); }, std::initializer_list<int>{SIGTSTP});
}

void ChildProcesses::SignalAll(int signal) const {
  for (const Child& child : children_) {
    if (child.process != nullptr && child.process->running()) ::kill(child.process->pid(), signal);
  }
}

void ChildProcesses::Stop() const {
  SignalAll(SIGSTOP);
  // As it would without a handler: not where no shell is there to have it go on.
  struct sigaction ours {};
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &defaults, &ours);
  std::raise(SIGTSTP);
  ::sigaction(SIGTSTP, &ours, nullptr);
  SignalAll(SIGCONT);
}

Status ChildProcesses::Start(const std::string& name, const std::string& command,
                             const std::vector<std::string>& arguments,
                             std::vector<int> inherited_fds) {
  runtime::ProcessOptions options;
  options.inherited_fds = std::move(inherited_fds);
  options.argv = {OwnBinary(), command};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.log_path = logs_.LogPath(name);
  const std::size_t index = children_.size();
  children_.push_back({.name = name, .log_path = options.log_path, .process = nullptr});
  Result<std::unique_ptr<runtime::RealProcess>> process = runtime::RealProcess::Spawn(
      loop_, options, [this, index](const runtime::ProcessEnd& end) { OnEnd(index, end); });
  if (!process.ok()) {
    children_.pop_back();
    return Status(process.status().code(), process.status().message(), name);
  }
  children_.back().process = std::move(process.value());
  ++running_count_;
  return {};
}

void ChildProcesses::OnEnd(std::size_t index, const runtime::ProcessEnd& end) {
  --running_count_;
  if (ending_) {
    if (running_count_ == 0 && done_) std::exchange(done_, nullptr)();
    return;
  }
  const Child& child = children_[index];
  const std::string said = end.by_signal ? std::string() : LastLine(child.log_path);
  on_death_(Status(StatusCode::kUnavailable,
                   fmt::format("{}{}{}; its log is {}", end.Describe(),
                               said.empty() ? "" : ", its last words: ", said, child.log_path),
                   fmt::format("{} (pid {})", child.name, child.process->pid())));
}

void ChildProcesses::EndAll(std::function<void()> done) {
  ending_ = true;
  done_ = std::move(done);
  for (Child& child : children_) {
    if (child.process->running()) child.process->Terminate(kGrace);
  }
  if (running_count_ == 0) {
    loop_.Post([this] {
      if (done_) std::exchange(done_, nullptr)();
    });
  }
}

std::uint64_t ChildProcesses::PeakMemoryBytes() const {
  std::uint64_t bytes = 0;
  for (const Child& child : children_) {
    if (child.process->running()) bytes += PeakMemoryOf(std::to_string(child.process->pid()));
  }
  return bytes;
}

std::uint64_t PeakMemoryOf(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace steelyard::cli
