// BackgroundCluster: the processes of `up` and `down`: a head, servers and workers that outlive the command.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data_directory.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// How a cluster ended.
struct EndedProcesses {
  std::uint64_t ended = 0;   ///< By themselves when asked to.
  std::uint64_t killed = 0;  ///< Did not end in time.
};

/// The cluster of one data directory. One command at a time works on it: the others are refused.
///
/// Threads: confined to one thread. Calls block.
class BackgroundCluster {
 public:
  struct Options {
    std::string listen;  ///< Of the head.
    std::uint64_t servers = 2;
    std::uint64_t shards = 1;  ///< Of each server.
    std::uint64_t workers = 2;
    std::size_t table_bytes_max = 0;  ///< Of each server.
    std::string updaters;             ///< Their --updaters; may be empty.
  };

  /// Errors: kResourceExhausted  another command is at work there; kIoError.
  static Result<BackgroundCluster> Open(const std::string& path);
  BackgroundCluster(BackgroundCluster&& other) noexcept;
  BackgroundCluster& operator=(BackgroundCluster&&) = delete;
  ~BackgroundCluster();

  /// Start all and wait until all have joined. After an error nothing runs; the logs stay.
  /// @return the head's address.
  /// Errors: kUnavailable  one runs already, the port is in use, or a process died; kCancelled  a signal.
  Result<std::string> Start(const Options& options);

  /// End all that still run: SIGTERM, then SIGKILL.
  EndedProcesses End();

  const DataDirectory& directory() const { return directory_; }

 private:
  BackgroundCluster(DataDirectory directory, int lock)
      : directory_(std::move(directory)), lock_(lock) {}
  Status Launch(const std::string& name, std::vector<std::string> arguments);
  Status CheckAlive() const;
  Result<std::string> StartHead(const std::string& listen);
  Status WaitUntilJoined(const std::string& address, const Options& options);

  DataDirectory directory_;
  int lock_;  // A descriptor; -1: moved from.
};

}  // namespace steelyard::cli
