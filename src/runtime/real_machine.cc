#include "runtime/real_machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

#include "runtime/real_control_group.h"

namespace steelyard::runtime {
namespace {

/// Of the whole machine: free memory, and what the system can make free at once.
std::optional<std::uint64_t> FreeMemoryOfMachine() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace

std::size_t AvailableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::size_t count = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    count = static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  }
  const auto quota = ControlGroup().processors();
  if (quota) count = std::min(count, static_cast<std::size_t>(std::max(1.0, std::ceil(*quota))));
  return count;
}

std::uint64_t ThreadCpuNs() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<std::uint64_t>(spent.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(spent.tv_nsec);
}

std::uint64_t AvailableMemoryBytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PHYS_PAGES)));
  const auto page_bytes = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PAGESIZE)));
  const std::uint64_t bytes = pages * page_bytes;
  return std::min(bytes, ControlGroup().memory_max().value_or(bytes));
}

std::uint64_t FreeMemoryBytes() {
  const std::uint64_t bytes = FreeMemoryOfMachine().value_or(AvailableMemoryBytes());
  return std::min(bytes, ControlGroup().memory_free().value_or(bytes));
}

}  // namespace steelyard::runtime
