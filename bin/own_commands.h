// OwnCommands: runs other commands of this binary as child processes, one after another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run_directory.h"
#include "runtime/real_loop.h"
#include "runtime/real_process.h"
#include "runtime/real_signals.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Ctrl-C and SIGTERM end the command in progress in order, and with it all runs; a second one ends this process at once.
/// However it ends, the kernel kills the children.
///
/// Threads: confined to the main thread, which waits in Run().
class OwnCommands {
 public:
  /// @param scratch  borrowed; what a command prints is kept there while it runs.
  explicit OwnCommands(const RunDirectory& scratch);
  OwnCommands(const OwnCommands&) = delete;
  OwnCommands& operator=(const OwnCommands&) = delete;

  /// Run `steelyard ARGUMENTS...` to its end and return the last line that it printed.
  ///
  /// @param stops  if not null, the command is a `train` whose first worker is a Straggler; set to how often it was stopped.
  /// Errors: the command's, by its exit code, with what it said; kCancelled  a signal.
  Result<std::string> Run(const std::vector<std::string>& arguments, std::uint64_t* stops);

 private:
  void OnSignal(int signal);

  const RunDirectory& scratch_;
  runtime::RealLoop loop_;
  const runtime::RealSignals signals_;
  runtime::RealProcess* running_ = nullptr;
  int signal_ = 0;  ///< That came, or 0.
};

}  // namespace steelyard::cli
