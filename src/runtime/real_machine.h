// RealMachine: what this process may use of the machine it runs on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace steelyard::runtime {

/// Processors that this process may use: those of its affinity mask, and no more than its control group's CPU quota,
/// rounded up. At least 1.
std::size_t AvailableProcessors();

/// Bytes of memory that this process may use: the machine's, or its control group's limit when that is less.
std::uint64_t AvailableMemoryBytes();

/// Bytes of these that are not in use now, by this process or by others.
std::uint64_t FreeMemoryBytes();

/// Nanoseconds that the calling thread has spent on a processor; waiting does not count. Cost: about 0.2 us.
std::uint64_t ThreadCpuNs();

}  // namespace steelyard::runtime
