// Buffered write(2), fsync, rename.
#include "output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "interruption.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

}  // namespace

Result<OutputFile> OutputFile::Open(const std::string& path) {
  OutputFile file;
  if (path == "-") {
    file.path_ = "standard output";
    file.fd_ = STDOUT_FILENO;
    return file;
  }
  file.path_ = path;
  struct stat present {};
  const bool exists = ::stat(path.c_str(), &present) == 0;
  if (exists && S_ISDIR(present.st_mode)) {
    return Status(StatusCode::kInvalidArgument, "--out must name a file, this is a directory",
                  path);
  }
  if (exists && !S_ISREG(present.st_mode)) {
    file.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    file.temporary_path_ = path + ".tmp-" + std::to_string(::getpid());
    file.fd_ = ::open(file.temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (file.fd_ < 0) {
    const int error = errno;
    file.temporary_path_.clear();
    const bool missing = error == ENOENT || error == ENOTDIR;
    return Status(missing ? StatusCode::kNotFound : StatusCode::kIoError,
                  missing ? "the directory to write into does not exist"
                          : "cannot be written: " + ErrorText(error),
                  path);
  }
  if (!file.temporary_path_.empty()) RemoveOnSignal(file.temporary_path_);
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_path_(std::exchange(other.temporary_path_, {})),
      buffer_(std::move(other.buffer_)),
      fd_(std::exchange(other.fd_, -1)),
      closed_(other.closed_) {}

OutputFile::~OutputFile() {
  if (fd_ > STDOUT_FILENO) ::close(fd_);
  if (!temporary_path_.empty()) {
    ::unlink(temporary_path_.c_str());
    RemoveOnSignal({});
  }
}

Status OutputFile::Failure(const char* what) const {
  return Status(StatusCode::kIoError, std::string(what) + " failed: " + ErrorText(errno), path_);
}

Status OutputFile::Write(std::string_view text) {
  if (closed_) return {};
  buffer_ += text;
  return buffer_.size() >= kBufferBytes ? Flush() : Status();
}

Status OutputFile::Flush() {
  std::string_view left = buffer_;
  while (!left.empty() && !closed_) {
    const ssize_t written = ::write(fd_, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno != EINTR) {
      return Failure("write");
    }
  }
  buffer_.clear();
  return {};
}

Status OutputFile::Commit() {
  SY_RETURN_IF_ERROR(Flush());
  if (temporary_path_.empty()) return {};
  if (::fsync(fd_) != 0) return Failure("fsync");
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) return Failure("rename");
  temporary_path_.clear();
  RemoveOnSignal({});
  return {};
}

}  // namespace steelyard::cli
