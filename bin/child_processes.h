// ChildProcesses: the server and worker processes that one train command starts, watches and ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run_directory.h"
#include "runtime/real_loop.h"
#include "runtime/real_process.h"
#include "runtime/real_signals.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Children of this binary, each with a log file in the run's directory. The kernel kills them when this process ends,
/// however it ends. Ctrl-Z stops all of them with this process, and they go on with it: on their own they would give it up.
///
/// Ownership: borrows the loop and the directory.
/// Threads:   confined to the loop, which must run on the main thread.
class ChildProcesses {
 public:
  /// @param on_death  called when a child ends that was not told to: kUnavailable with its name, pid, end and log.
  ChildProcesses(runtime::RealLoop& loop, const RunDirectory& logs,
                 std::function<void(const Status&)> on_death);

  /// Start `steelyard COMMAND ARGUMENTS...`.
  /// @param name  for messages and the log file: "server 0".
  /// @param inherited_fds  stay open in the child.
  Status Start(const std::string& name, const std::string& command,
               const std::vector<std::string>& arguments, std::vector<int> inherited_fds = {});

  /// End all children: SIGTERM, and SIGKILL for those that linger. `done` is called once none is left.
  void EndAll(std::function<void()> done);

  /// The largest memory of each child that still runs, summed.
  std::uint64_t PeakMemoryBytes() const;

 private:
  struct Child {
    std::string name;
    std::string log_path;
    std::unique_ptr<runtime::RealProcess> process;
  };
  void OnEnd(std::size_t index, const runtime::ProcessEnd& end);
  /// Until a shell has this process go on.
  void Stop() const;
  void SignalAll(int signal) const;

  runtime::RealLoop& loop_;
  const RunDirectory& logs_;
  std::function<void(const Status&)> on_death_;
  std::vector<Child> children_;
  std::size_t running_count_ = 0;
  bool ending_ = false;
  std::function<void()> done_;
  std::optional<runtime::RealSignals> stops_;  ///< Nothing where Ctrl-Z is ignored.
};

/// The path of the program that runs.
std::string OwnBinary();

/// The last line of a log: what a process said before it ended. At most so many characters.
std::string LastLine(const std::string& path, std::size_t characters_max = 300);

/// The largest resident memory of process `pid` so far ("self": of this one), or 0 when it is gone.
std::uint64_t PeakMemoryOf(const std::string& pid);

}  // namespace steelyard::cli
