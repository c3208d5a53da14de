// RealProcess: a child process that a loop watches.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/real_loop.h"
#include "steelyard/status.h"

namespace steelyard::runtime {

/// What to start, and how.
struct ProcessOptions {
  std::vector<std::string> argv;  ///< argv[0] is the path of the binary; PATH is not searched.
  std::string log_path =
      {};  ///< Takes stdout and stderr, appended; empty: our own stdout and stderr.
  std::vector<int> inherited_fds = {};  ///< Open in the child under the same numbers.
  bool inherit_stdin = false;           ///< Otherwise the child reads /dev/null.
  bool own_group = true;  ///< Ctrl-C on the terminal reaches us, not the child: we end it in order.
};

/// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  int number = 0;  ///< The signal, or the exit code.

  /// "exited with code 65", "was killed by signal 11 (Segmentation fault)".
  std::string Describe() const;
};

/// A running child. The kernel kills it when the thread that spawned it ends: spawn from a thread that stays (the main
/// thread), and no child is left behind even by kill -9 of this process.
///
/// Threads: confined to the loop; may be spawned before the loop runs.
class RealProcess {
 public:
  /// Start a child.
  ///
  /// @param on_end  called on the loop once, when the child has ended and was reaped.
  /// Errors: kIoError  the binary cannot be executed, the log file not opened, or no process be made.
  static Result<std::unique_ptr<RealProcess>> Spawn(
      RealLoop& loop, const ProcessOptions& options,
      std::function<void(const ProcessEnd& end)> on_end);

  /// Kills and reaps a child that still runs, without a callback.
  ~RealProcess();
  RealProcess(const RealProcess&) = delete;
  RealProcess& operator=(const RealProcess&) = delete;

  pid_t pid() const;
  /// False once the child was reaped.
  bool running() const;
  /// Send SIGTERM now, and SIGKILL if the child still runs after `grace`.
  void Terminate(Duration grace);
  /// Send SIGKILL now.
  void Kill();

 private:
  struct State;
  explicit RealProcess(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace steelyard::runtime
