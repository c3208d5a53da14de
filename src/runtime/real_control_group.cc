#include "runtime/real_control_group.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace steelyard::runtime {
namespace {

/// The number at the start of a control file; "max" and a missing file are none.
std::optional<double> FirstNumber(const std::string& path, double* second = nullptr) {
  std::ifstream file(path);
  double first = 0;
  if (!(file >> first)) return std::nullopt;
  if (second != nullptr && !(file >> *second)) return std::nullopt;
  return first;
}

/// The number behind `name` in a file of names and numbers.
std::optional<double> NamedNumber(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  std::string found;
  double number = 0;
  while (file >> found >> number) {
    if (found == name) return number;
  }
  return std::nullopt;
}

/// Is `wanted` one of the words that commas divide?
bool HasWord(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    if (words.substr(0, end) == wanted) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

struct MemoryFiles {
  const char* max;
  const char* used;
  const char* droppable;  ///< In memory.stat.
};
constexpr MemoryFiles kMemoryFiles[] = {
    {"/memory.max", "/memory.current", "inactive_file"},
    {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"}};

/// Version 1 says "no limit" by a number near 2^63.
constexpr double kNoLimit = 9.0e18;

std::optional<std::uint64_t> LeastOf(std::optional<std::uint64_t> least, double bytes) {
  const auto found = static_cast<std::uint64_t>(std::max(0.0, bytes));
  return least ? std::min(*least, found) : found;
}

}  // namespace

ControlGroup::ControlGroup(std::string membership, std::string mount)
    : membership_(std::move(membership)), mount_(std::move(mount)) {}

std::vector<std::string> ControlGroup::Folders(std::string_view controller) const {
  std::vector<std::string> folders;
  std::ifstream file(membership_);
  for (std::string line; std::getline(file, line);) {
    // "4:memory:/a/b" in version 1, "0::/a/b" in version 2.
    const std::size_t names = line.find(':');
    const std::size_t path = names == std::string::npos ? names : line.find(':', names + 1);
    if (path == std::string::npos || path + 1 >= line.size() || line[path + 1] != '/') continue;
    const std::string_view controllers = std::string_view(line).substr(names + 1, path - names - 1);
    if (!controllers.empty() && !HasWord(controllers, controller)) continue;
    const std::string root = controllers.empty() ? mount_ : mount_ + "/" + std::string(controller);
    for (std::string group = line.substr(path + 1); group.size() > 1;
         group.resize(group.rfind('/')))
      folders.push_back(root + group);
    folders.push_back(root);
  }
  return folders;
}

std::optional<double> ControlGroup::processors() const {
  std::optional<double> least;
  for (const std::string& folder : Folders("cpu")) {
    double period = 0;
    std::optional<double> quota = FirstNumber(folder + "/cpu.max", &period);
    if (!quota) {
      quota = FirstNumber(folder + "/cpu.cfs_quota_us");
      period = FirstNumber(folder + "/cpu.cfs_period_us").value_or(0.0);
    }
    if (quota && *quota > 0 && period > 0)
      least = std::min(least.value_or(*quota / period), *quota / period);
  }
  return least;
}

std::optional<std::uint64_t> ControlGroup::memory_max() const {
  std::optional<std::uint64_t> least;
  for (const std::string& folder : Folders("memory")) {
    for (const MemoryFiles& files : kMemoryFiles) {
      const auto limit = FirstNumber(folder + files.max);
      if (limit && *limit > 0 && *limit < kNoLimit) least = LeastOf(least, *limit);
    }
  }
  return least;
}

std::optional<std::uint64_t> ControlGroup::memory_free() const {
  std::optional<std::uint64_t> least;
  for (const std::string& folder : Folders("memory")) {
    for (const MemoryFiles& files : kMemoryFiles) {
      const auto limit = FirstNumber(folder + files.max);
      const auto used = FirstNumber(folder + files.used);
      if (!limit || *limit <= 0 || *limit >= kNoLimit || !used) continue;
      const double droppable = NamedNumber(folder + "/memory.stat", files.droppable).value_or(0.0);
      least = LeastOf(least, *limit - *used + std::min(droppable, *used));
    }
  }
  return least;
}

}  // namespace steelyard::runtime
