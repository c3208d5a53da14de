// ChildServer: a server in a process of its own, pinned to one processor.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "steelyard/status.h"

namespace steelyard::bench {

/// Pin the calling thread; without effect where the machine has no such processor.
void PinToProcessor(int processor);

/// Forks on construction, so make it while the process has one thread. The child gets the text that the parent tells
/// it, prepares, reports its address, and serves until the parent ends.
///
/// Ownership: kills the child when destroyed; the child dies with the parent.
class ChildServer {
 public:
  /// @param serve  in the child: gets what Tell() says, calls `ready(address)` once it listens, and never returns.
  using Ready = std::function<void(const std::string& address)>;
  using Serve = std::function<void(const std::string& told, const Ready& ready)>;
  ChildServer(int processor, const Serve& serve);
  ~ChildServer();
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  /// Send the child what it waits for; wait for its address. Errors: kUnavailable  it ended.
  Result<std::string> Tell(const std::string& text);
  /// Processor seconds of the child's first thread so far.
  double CpuSeconds() const;
  /// Memory that the child has touched and holds.
  std::size_t ResidentBytes() const;

 private:
  pid_t pid_ = 0;
  int socket_ = -1;
};

}  // namespace steelyard::bench
