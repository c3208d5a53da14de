// TableContestant: this project's own server and client over a real head, as `train` uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "child_server.h"
#include "load.h"
#include "runtime/time.h"
#include "steelyard/table_options.h"

namespace steelyard::bench {

/// How a server and its clients are connected, and wait for each other.
struct Wiring {
  bool unix_socket = false;  ///< Between client and server; TCP otherwise.
  runtime::Duration spin = runtime::Duration::zero();  ///< Of both loops.
  /// Clients that share a load, each `in_flight` of it. More than one are members of one worker group.
  std::size_t workers = 1;
  std::string filters = "none";  ///< Of every client.
};

/// A contestant whose server process can be looked at.
class ServedContestant : public Contestant {
 public:
  virtual const ChildServer& server() const = 0;
  /// Memory that each worker after the first took of the server by attaching, before it sent anything.
  virtual double BytesPerWorker() const = 0;
  /// Of all clients' requests and answers so far, as frames.
  virtual std::uint64_t BytesMoved() const = 0;
};

/// Make it while the process has one thread: it forks. The head and the clients run in the calling thread.
std::unique_ptr<ServedContestant> MakeTableContestant(const TableOptions& table,
                                                      const Wiring& wiring);

}  // namespace steelyard::bench
