// Files and streams as byte sources.
#include "data/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace steelyard::data {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string ErrnoText(int error) {
  char text[128] = {};
  return ::strerror_r(error, text, sizeof(text));
}

Status OpenError(const std::string& path, int error) {
  const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kIoError;
  return Status(code, fmt::format("cannot open the file: {}", ErrnoText(error)), path);
}

class FileRange : public ByteSource {
 public:
  FileRange(FileDescriptor fd, std::string path, std::uint64_t first, std::uint64_t count)
      : fd_(std::move(fd)), path_(std::move(path)), at_(first), left_(count) {}

  Result<std::size_t> Read(char* out, std::size_t size) override {
    const bool bounded = left_ != kToTheEnd;
    if (bounded) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
    if (size == 0) return std::size_t{0};
    for (;;) {
      const ssize_t got = ::pread(fd_.get(), out, size, static_cast<off_t>(at_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return Status(StatusCode::kIoError,
                      fmt::format("reading at byte {} failed: {}", at_, ErrnoText(errno)), path_);
      }
      if (got == 0 && bounded) {
        return Status(
            StatusCode::kIoError,
            fmt::format("the file ends at byte {}, {} bytes earlier than when its rows were "
                        "counted: it was changed while being read",
                        at_, left_),
            path_);
      }
      at_ += static_cast<std::uint64_t>(got);
      if (bounded) left_ -= static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }

 private:
  FileDescriptor fd_;
  std::string path_;
  std::uint64_t at_;
  std::uint64_t left_;
};

class Stream : public ByteSource {
 public:
  Stream(FileDescriptor fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<std::size_t> Read(char* out, std::size_t size) override {
    for (;;) {
      const ssize_t got = ::read(fd_.get(), out, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) {
        return Status(StatusCode::kIoError,
                      fmt::format("reading the stream failed: {}", ErrnoText(errno)), name_);
      }
    }
  }

 private:
  FileDescriptor fd_;
  std::string name_;
};

class Prepended : public ByteSource {
 public:
  Prepended(std::string head, std::unique_ptr<ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  Result<std::size_t> Read(char* out, std::size_t size) override {
    const std::size_t count = std::min(size, head_.size() - used_);
    if (count == 0) return rest_ ? rest_->Read(out, size) : Result<std::size_t>(std::size_t{0});
    std::memcpy(out, head_.data() + used_, count);
    used_ += count;
    return count;
  }

 private:
  std::string head_;
  std::size_t used_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenFile(const std::string& path, std::uint64_t first,
                                             std::uint64_t count) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return OpenError(path, errno);
  return std::unique_ptr<ByteSource>(
      std::make_unique<FileRange>(std::move(fd), path, first, count));
}

Result<std::unique_ptr<ByteSource>> OpenStream(const std::string& path) {
  const bool standard = path == "-";
  FileDescriptor fd(standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return OpenError(path, errno);
  return std::unique_ptr<ByteSource>(
      std::make_unique<Stream>(std::move(fd), standard ? "standard input" : path));
}

std::unique_ptr<ByteSource> Prepend(std::string head, std::unique_ptr<ByteSource> rest) {
  return std::make_unique<Prepended>(std::move(head), std::move(rest));
}

std::unique_ptr<ByteSource> FromMemory(std::string bytes) {
  return std::make_unique<Prepended>(std::move(bytes), nullptr);
}

Packing DetectPacking(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return Packing::kGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Packing::kZstd;
  // A zstd file may begin with a skippable frame: 0x184D2A5?, little-endian.
  const bool skippable = head.size() >= 4 && (head[0] & 0xF0) == 0x50 &&
                         head.substr(1, 3) == std::string_view("\x2a\x4d\x18", 3);
  return skippable ? Packing::kZstd : Packing::kNone;
}

Status ReadUpTo(ByteSource& source, std::size_t size, std::string& out) {
  const std::size_t start = out.size();
  std::size_t filled = 0;
  out.resize(start + size);
  while (filled < size) {
    const Result<std::size_t> got = source.Read(out.data() + start + filled, size - filled);
    if (!got.ok()) {
      out.resize(start + filled);
      return got.status();
    }
    if (got.value() == 0) break;
    filled += got.value();
  }
  out.resize(start + filled);
  return {};
}

}  // namespace steelyard::data
