// StreamFeeder: a thread that reads standard input for worker processes and hands them its rows as they ask for them.
#pragma once

#include <memory>
#include <vector>

#include "data/chunk_socket.h"
#include "data/dataset.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Threads: confined to one thread; starts one of its own.
class StreamFeeder {
 public:
  explicit StreamFeeder(data::StreamFeed feed);
  ~StreamFeeder() { Stop(); }
  StreamFeeder(const StreamFeeder&) = delete;
  StreamFeeder& operator=(const StreamFeeder&) = delete;

  /// Before Start(): make the connection of one more worker. @return the end that the worker's process inherits.
  /// Errors: kIoError.
  Result<data::OwnedFd> Connect();

  /// Begin to serve all who were connected.
  void Start();

  /// Workers get nothing from now on. A thread that waits for input cannot be woken: it is left to the process's end.
  void Stop();

 private:
  /// Shared with the thread, which may outlive this object.
  struct Shared {
    data::StreamFeed feed;
    std::vector<data::OwnedFd> sockets;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace steelyard::cli
