// What the tables of this command's servers may take of the machine's memory.
#pragma once

#include <cstdint>

#include "base/byte_size.h"
#include "command.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Bytes for the tables of each of `servers` server processes on this machine.
/// @param all  what the user gave them together; not set: three quarters of the memory this process may use.
std::size_t TableMemoryOfEach(ByteSize all, std::uint64_t servers);

/// --memory-max of commands whose `help` says whose memory it is.
Option MemoryMaxOption(std::string help);

/// What --memory-max holds. Errors: kInvalidArgument  no size.
Result<ByteSize> MemoryMaxOf(const Values& values);

}  // namespace steelyard::cli
