// TableContestant: this project's own server and client over a real head, as `train` uses them.
#pragma once

#include <memory>

#include "load.h"
#include "steelyard/table_options.h"

namespace steelyard::bench {

/// Make it while the process has one thread: it forks. The head and the client run in the calling thread.
/// @param unix_socket  between client and server; TCP otherwise.
std::unique_ptr<Contestant> MakeTableContestant(const TableOptions& table, bool unix_socket);

}  // namespace steelyard::bench
