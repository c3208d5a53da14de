// The yardsticks that push and pull are held against.
#pragma once

#include <memory>

#include "load.h"
#include "steelyard/table_options.h"

namespace steelyard::bench {

/// The bare prototype: blocking TCP sockets and this project's hash table, one segment of all keys. No directory,
/// clocks, repeats recognised, checksums, credits or reconnecting: what the rest of the data path is paid on top of.
std::unique_ptr<Contestant> MakeBareContestant(const UpdaterOptions& ftrl);

/// The ps-lite design: this project's transport and frames, one std::unordered_map, and `+=`.
std::unique_ptr<Contestant> MakeMapContestant();

}  // namespace steelyard::bench
