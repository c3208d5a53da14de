// RunDirectory: where the log files of one run's processes lie.
#pragma once

#include <string>

#include "steelyard/status.h"

namespace steelyard::cli {

/// A fresh directory ${TMPDIR:-/tmp}/steelyard-PID-XXXXXX. Removed with its files at the end, unless Keep() was called.
///
/// Threads: confined to one thread.
class RunDirectory {
 public:
  /// Errors: kIoError  it cannot be made.
  static Result<RunDirectory> Make();

  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  /// The log file of the process called `name` ("server 0"): path()/server-0.log.
  std::string LogPath(const std::string& name) const;
  /// The run failed: leave the logs for whoever wants to know why.
  void Keep() { kept_ = true; }

 private:
  RunDirectory() = default;

  std::string path_;
  bool kept_ = false;
};

}  // namespace steelyard::cli
