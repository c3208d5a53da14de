// Files: descriptors, hashing while reading and writing, errors with the path and the system's reason.
#include "checkpoint/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

namespace steelyard::checkpoint {

Descriptor::~Descriptor() {
  Close();
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

int Descriptor::Close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 ? 0 : ::close(fd);
}

Status SystemError(const std::string& path, const std::string& what) {
  const int error = errno;
  const std::string reason = std::generic_category().message(error);
  const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kIoError;
  return {code, fmt::format("{}: {}", what, reason), path};
}

struct FileHasher::State {
  XXH3_state_t xxh;
};

FileHasher::FileHasher() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->xxh);
}
FileHasher::FileHasher(FileHasher&&) noexcept = default;
FileHasher& FileHasher::operator=(FileHasher&&) noexcept = default;
FileHasher::~FileHasher() = default;

void FileHasher::Add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::uint64_t FileHasher::Digest() const {
  return XXH3_64bits_digest(&state_->xxh);
}

Result<OutputFile> OutputFile::Create(int directory_fd, const std::string& name, std::string path) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Descriptor fd(::openat(directory_fd, name.c_str(), flags, 0666));
  if (fd.get() < 0) return SystemError(path, "cannot create the file");
  return OutputFile(std::move(fd), std::move(path));
}

Status OutputFile::Append(std::span<const std::byte> bytes) {
  hasher_.Add(bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path_, fmt::format("cannot write at byte {}", bytes_));
    bytes_ += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status OutputFile::Finish() {
  // A failed fsync may have dropped pages already: the file is given up, never flushed again.
  if (::fsync(fd_.get()) != 0) return SystemError(path_, "cannot flush to the disk");
  if (fd_.Close() != 0) return SystemError(path_, "cannot close");
  return {};
}

Result<InputFile> InputFile::Open(int directory_fd, const std::string& name, std::string path) {
  Descriptor fd(
      ::openat(directory_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError(path, "cannot open the file");
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return SystemError(path, "cannot examine the file");
  if (!S_ISREG(info.st_mode)) {
    return Status(StatusCode::kBadData, "expected a regular file", std::move(path));
  }
  InputFile file(std::move(fd), std::move(path));
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

Result<std::size_t> InputFile::Read(std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(fd_.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path_, fmt::format("cannot read at byte {}", offset_ + done));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  hasher_.Add(bytes.first(done));
  offset_ += done;
  return done;
}

Status InputFile::Corrupt(std::uint64_t offset, const std::string& what) const {
  return {StatusCode::kCorruption, fmt::format("at byte {} of {}: {}", offset, size_, what), path_};
}

Result<Descriptor> OpenDirectory(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError(path, "cannot open the directory");
  return fd;
}

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return SystemError(path, "cannot list the directory");
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): own stream
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  const int error = errno;
  ::closedir(directory);
  errno = error;
  if (error != 0) return SystemError(path, "cannot list the directory");
  return names;
}

}  // namespace steelyard::checkpoint
