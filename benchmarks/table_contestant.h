// TableContestant: this project's own server and client over a real head, as `train` uses them.
#pragma once

#include <memory>

#include "load.h"
#include "runtime/time.h"
#include "steelyard/table_options.h"

namespace steelyard::bench {

/// Make it while the process has one thread: it forks. The head and the client run in the calling thread.
/// How its client and server wait for each other.
struct Wiring {
  bool unix_socket = false;  ///< Between client and server; TCP otherwise.
  runtime::Duration spin = runtime::Duration::zero();  ///< Of both loops.
};
std::unique_ptr<Contestant> MakeTableContestant(const TableOptions& table, const Wiring& wiring);

}  // namespace steelyard::bench
