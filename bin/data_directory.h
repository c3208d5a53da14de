// DataDirectory: where a cluster on this machine keeps its address, pid files and logs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::cli {

/// The data directory of `up` and `down` unless told otherwise.
inline constexpr const char* kDataDirectory = "./steelyard-cluster";

/// A process that `up` started. Its start time tells it from a later process with the same pid.
struct StartedProcess {
  std::string name;  ///< "server-0"; its files are server-0.pid and server-0.log.
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;

  /// True while it runs (a zombie does not).
  bool alive() const;
};

/// Files of one cluster: head.address, *.pid, *.log.
class DataDirectory {
 public:
  explicit DataDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  std::string LogOf(const std::string& name) const { return File(name + ".log"); }

  /// Make the directory if it does not exist. Errors: kIoError, kNotFound  no such parent.
  Status Make() const;
  bool exists() const;

  /// Write, or read, the head's address; written as a whole or not at all.
  Status WriteAddress(const std::string& address) const;
  Result<std::string> ReadAddress() const;

  /// Note a process that was just started.
  Status WriteProcess(const std::string& name, pid_t pid) const;
  /// The processes noted, by name, alive or not.
  std::vector<StartedProcess> Processes() const;
  /// Remove address and pid files; logs stay.
  void Forget() const;

 private:
  Status Write(const std::string& name, const std::string& text) const;

  std::string path_;
};

}  // namespace steelyard::cli
