// mkdtemp and its counterpart.
#include "run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace steelyard::cli {

Result<RunDirectory> RunDirectory::Make() {
  const char* parent =
      std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): before any thread starts.
  std::string path =
      (parent != nullptr && *parent != '\0' ? std::string(parent) : std::string("/tmp")) +
      "/steelyard-" + std::to_string(::getpid()) + "-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return Status(
        StatusCode::kIoError,
        "cannot make a directory for log files: " + std::generic_category().message(errno) +
            "; set TMPDIR to a place that can be written",
        path);
  }
  RunDirectory directory;
  directory.path_ = std::move(path);
  return directory;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})), kept_(other.kept_) {}

RunDirectory::~RunDirectory() {
  if (path_.empty() || kept_) return;
  std::error_code ignored;  // A log that cannot be removed is no failure of the run.
  std::filesystem::remove_all(path_, ignored);
}

std::string RunDirectory::LogPath(const std::string& name) const {
  std::string file = name;
  std::ranges::replace(file, ' ', '-');
  return path_ + "/" + file + ".log";
}

}  // namespace steelyard::cli
