// RealProcess: fork and exec, SIGCHLD through Asio, waitpid without blocking.
#include "runtime/real_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <span>
#include <system_error>
#include <utility>

namespace steelyard::runtime {
namespace {

/// The step at which a child gave up before exec; sent with errno through a pipe.
enum class ChildStep : int { kParentGone, kStdin, kLog, kInherit, kExec };

struct ChildFailure {
  ChildStep step;
  int error;
};

/// A file descriptor that closes itself.
class ScopedFd {
 public:
  explicit ScopedFd(int fd = -1) : fd_(fd) {}
  ~ScopedFd() { Reset(); }
  ScopedFd(const ScopedFd&) = delete;
  ScopedFd& operator=(const ScopedFd&) = delete;
  int get() const { return fd_; }
  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

/// Everything the child needs, made before fork(): between fork and exec only async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> argv;  // Ends with nullptr.
  pid_t parent;
  int stdin_fd;  // -1: keep ours.
  int log_fd;    // -1: keep ours.
  int failure_fd;
  bool own_group;
  std::span<const int> inherited_fds;
  sigset_t signal_mask;  // The mask to restore.
};

[[noreturn]] void FailInChild(const ChildPlan& plan, ChildStep step) {
  const ChildFailure failure{step, errno};
  // A failed write leaves nobody to tell: the parent then sees the exit code.
  [[maybe_unused]] const ssize_t written = ::write(plan.failure_fd, &failure, sizeof failure);
  ::_exit(127);
}

/// Mark every descriptor above stderr to be closed by exec: sockets and epoll sets of ours are none of the child's.
void CloseOnExec() {
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (int fd = 3; fd < 65536; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // Kernels before 5.11.
}

[[noreturn]] void RunChild(const ChildPlan& plan) {
  // Asio's handlers write to a pipe that the parent reads: they must not run here. Signals are blocked until below.
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::signal(signal, SIG_DFL);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above took effect; then nobody would ever kill us.
  if (::getppid() != plan.parent) FailInChild(plan, ChildStep::kParentGone);
  if (plan.own_group) ::setpgid(0, 0);
  if (plan.stdin_fd >= 0 && ::dup2(plan.stdin_fd, 0) < 0) FailInChild(plan, ChildStep::kStdin);
  if (plan.log_fd >= 0 && (::dup2(plan.log_fd, 1) < 0 || ::dup2(plan.log_fd, 2) < 0)) {
    FailInChild(plan, ChildStep::kLog);
  }
  CloseOnExec();
  for (const int fd : plan.inherited_fds) {
    if (::fcntl(fd, F_SETFD, 0) != 0) FailInChild(plan, ChildStep::kInherit);
  }
  ::pthread_sigmask(SIG_SETMASK, &plan.signal_mask, nullptr);
  ::execv(plan.argv[0], plan.argv.data());
  FailInChild(plan, ChildStep::kExec);
}

/// Fork with all signals blocked, so that none is handled in the child by our handlers.
pid_t ForkAndRun(ChildPlan& plan) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &plan.signal_mask);
  const pid_t pid = ::fork();
  if (pid == 0) RunChild(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &plan.signal_mask, nullptr);
  errno = error;
  return pid;
}

Status IoError(std::string what, int error) {
  return Status(StatusCode::kIoError,
                fmt::format("{}: {}", what, std::generic_category().message(error)));
}

Status DescribeFailure(const ChildFailure& failure, const ProcessOptions& options) {
  switch (failure.step) {
    case ChildStep::kParentGone:
      return Status(StatusCode::kCancelled, "the starting process ended before its child ran");
    case ChildStep::kStdin:
      return IoError("cannot redirect the standard input", failure.error);
    case ChildStep::kLog:
      return IoError("cannot write the log " + options.log_path, failure.error);
    case ChildStep::kInherit:
      return IoError("cannot hand a connection to " + options.argv[0], failure.error);
    case ChildStep::kExec:
      return IoError("cannot execute " + options.argv[0], failure.error);
  }
  return IoError("cannot start " + options.argv[0], failure.error);
}

/// Wait until exec closed the pipe (true) or the child said why not.
bool ExecSucceeded(int failure_fd, ChildFailure* failure) {
  ssize_t count = 0;
  do {
    count = ::read(failure_fd, failure, sizeof *failure);
  } while (count < 0 && errno == EINTR);
  return count != static_cast<ssize_t>(sizeof *failure);
}

void Reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

/// Start the child and return its pid once it runs the new binary.
Result<pid_t> StartChild(const ProcessOptions& options) {
  ScopedFd log(options.log_path.empty() ? -1
                                        : ::open(options.log_path.c_str(),
                                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (log.get() < 0 && !options.log_path.empty()) {
    return IoError("cannot open the log " + options.log_path, errno);
  }
  ScopedFd null(options.inherit_stdin ? -1 : ::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null.get() < 0 && !options.inherit_stdin) return IoError("cannot open /dev/null", errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return IoError("cannot make a pipe", errno);
  ScopedFd read_end(ends[0]), write_end(ends[1]);

  ChildPlan plan{};
  for (const std::string& word : options.argv) plan.argv.push_back(const_cast<char*>(word.c_str()));
  plan.argv.push_back(nullptr);
  plan.parent = ::getpid();
  plan.stdin_fd = null.get();
  plan.log_fd = log.get();
  plan.failure_fd = write_end.get();
  plan.own_group = options.own_group;
  plan.inherited_fds = options.inherited_fds;
  const pid_t pid = ForkAndRun(plan);
  if (pid < 0) return IoError("cannot start a process", errno);
  write_end.Reset();
  ChildFailure failure{};
  if (ExecSucceeded(read_end.get(), &failure)) return pid;
  Reap(pid);
  return DescribeFailure(failure, options);
}

}  // namespace

std::string ProcessEnd::Describe() const {
  if (!by_signal) return fmt::format("exited with code {}", number);
  const char* name = ::sigdescr_np(number);
  std::string text = name == nullptr ? fmt::format("was killed by signal {}", number)
                                     : fmt::format("was killed by signal {} ({})", number, name);
  if (number == SIGKILL) text += ", as the system does when memory runs out";
  return text;
}

struct RealProcess::State : std::enable_shared_from_this<State> {
  State(RealLoop& loop, std::function<void(const ProcessEnd&)> fn)
      : child_ended(loop.context(), SIGCHLD), grace(loop.context()), on_end(std::move(fn)) {}

  void Watch() {
    child_ended.async_wait([weak = weak_from_this()](const std::error_code& error, int) {
      const std::shared_ptr<State> state = weak.lock();
      if (error || state == nullptr || !state->running) return;
      if (!state->TryReap()) state->Watch();  // The signal was for another child.
    });
  }

  bool TryReap() {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) return false;
    running = false;
    grace.cancel();
    child_ended.cancel();
    ProcessEnd end;
    end.by_signal = WIFSIGNALED(status);
    end.number = end.by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
    const auto call = std::move(on_end);
    if (call) call(end);
    return true;
  }

  void Terminate(Duration wait) {
    if (!running) return;
    ::kill(pid, SIGTERM);
    grace.expires_after(wait);
    grace.async_wait([weak = weak_from_this()](const std::error_code& error) {
      const std::shared_ptr<State> state = weak.lock();
      if (!error && state != nullptr && state->running) ::kill(state->pid, SIGKILL);
    });
  }

  asio::signal_set child_ended;
  asio::steady_timer grace;
  std::function<void(const ProcessEnd&)> on_end;
  pid_t pid = -1;
  bool running = false;
};

Result<std::unique_ptr<RealProcess>> RealProcess::Spawn(
    RealLoop& loop, const ProcessOptions& options,
    std::function<void(const ProcessEnd& end)> on_end) {
  if (options.argv.empty()) {
    return Status(StatusCode::kInvalidArgument, "a process needs the path of its binary");
  }
  // The signal is caught from here on: a child that ends at once is not missed.
  auto state = std::make_shared<State>(loop, std::move(on_end));
  state->Watch();
  Result<pid_t> pid = StartChild(options);
  if (!pid.ok()) return pid.status();
  state->pid = pid.value();
  state->running = true;
  return std::unique_ptr<RealProcess>(new RealProcess(std::move(state)));
}

RealProcess::RealProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}

RealProcess::~RealProcess() {
  if (!state_->running) return;
  state_->running = false;
  ::kill(state_->pid, SIGKILL);
  Reap(state_->pid);
}

pid_t RealProcess::pid() const {
  return state_->pid;
}
bool RealProcess::running() const {
  return state_->running;
}
void RealProcess::Terminate(Duration grace) {
  state_->Terminate(grace);
}

void RealProcess::Kill() {
  if (state_->running) ::kill(state_->pid, SIGKILL);
}

}  // namespace steelyard::runtime
