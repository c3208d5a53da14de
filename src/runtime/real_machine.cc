// Limits of control groups (version 2, and 1 where that is mounted) are found as the process sees them.
#include "runtime/real_machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>

namespace steelyard::runtime {
namespace {

/// The numbers at the start of a control file; "max" ends them.
std::optional<double> FirstNumber(const std::string& path, double* second = nullptr) {
  std::ifstream file(path);
  double first = 0;
  if (!(file >> first)) return std::nullopt;
  if (second != nullptr && !(file >> *second)) return std::nullopt;
  return first;
}

/// Where this process's control group is mounted: version 2 has one line, "0::/path".
std::string ControlGroup() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "/sys/fs/cgroup";
}

/// Processors' worth of CPU time that a group grants; nothing when it sets no limit.
std::optional<double> QuotaProcessors() {
  for (const std::string& folder : {ControlGroup(), std::string("/sys/fs/cgroup")}) {
    double period = 0;
    const auto quota = FirstNumber(folder + "/cpu.max", &period);
    if (quota && period > 0) return *quota / period;
  }
  const auto quota = FirstNumber("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const auto period = FirstNumber("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period && *quota > 0 && *period > 0) return *quota / *period;
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
  const auto quota = QuotaProcessors();
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
  std::uint64_t bytes = pages * page_bytes;
  for (const std::string& path :
       {ControlGroup() + "/memory.max", std::string("/sys/fs/cgroup/memory.max"),
        std::string("/sys/fs/cgroup/memory/memory.limit_in_bytes")}) {
    const auto limit = FirstNumber(path);
    if (limit && *limit > 0 && *limit < static_cast<double>(bytes)) {
      bytes = static_cast<std::uint64_t>(*limit);
    }
  }
  return bytes;
}

}  // namespace steelyard::runtime
