// ControlGroup: the limits that the system sets this process and others of its group, a container for example.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steelyard::runtime {

/// Control groups of version 2, and of version 1 where that is mounted. A group's limit holds for the groups in it, so
/// the least one on the way to the root counts.
///
/// Threads: any. Cost: some file reads a call, 0.1 ms.
class ControlGroup {
 public:
  /// @param membership  the file that says which groups the process is in.
  /// @param mount       where groups are mounted.
  explicit ControlGroup(std::string membership = "/proc/self/cgroup",
                        std::string mount = "/sys/fs/cgroup");

  /// Processors' worth of time; nothing when no group sets a limit.
  std::optional<double> processors() const;
  /// Bytes of memory; nothing when no group sets a limit.
  std::optional<std::uint64_t> memory_max() const;
  /// Of these, what is not in use; pages of files that can be dropped at once count as free.
  std::optional<std::uint64_t> memory_free() const;

 private:
  /// The folders of the process's groups that have `controller`, innermost first.
  std::vector<std::string> Folders(std::string_view controller) const;

  std::string membership_;
  std::string mount_;
};

}  // namespace steelyard::runtime
