// Files and directories as a model needs them: hashed, flushed to the disk, never followed through links.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::checkpoint {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }
  /// Close now and report what the system says.
  int Close();

 private:
  int fd_;
};

/// "path: what: reason" for the current errno.
Status SystemError(const std::string& path, const std::string& what);

/// XXH3 of 64 bits over everything added: what `xxhsum -H3` prints for the file.
class FileHasher {
 public:
  FileHasher();
  ~FileHasher();
  FileHasher(FileHasher&&) noexcept;
  FileHasher& operator=(FileHasher&&) noexcept;
  void Add(std::span<const std::byte> bytes);
  std::uint64_t Digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A file that is written once, from its beginning to its end.
///
/// Threads: confined to one thread.
class OutputFile {
 public:
  /// Create `name` in the directory `directory_fd`; it must not exist. @param path  for messages.
  static Result<OutputFile> Create(int directory_fd, const std::string& name, std::string path);

  /// Errors: kIoError  disk full and the like.
  Status Append(std::span<const std::byte> bytes);
  /// Flush to the disk and close. Errors: kIoError; the file is then worthless.
  Status Finish();

  std::uint64_t bytes() const { return bytes_; }
  /// The hash of what was appended.
  std::uint64_t hash() const { return hasher_.Digest(); }
  const std::string& path() const { return path_; }

 private:
  OutputFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Descriptor fd_;
  std::string path_;
  std::uint64_t bytes_ = 0;
  FileHasher hasher_;
};

/// A regular file that is read once, from its beginning to its end.
///
/// Threads: confined to one thread.
class InputFile {
 public:
  /// Errors: kNotFound; kIoError; kBadData  not a regular file.
  static Result<InputFile> Open(int directory_fd, const std::string& name, std::string path);

  /// Read up to bytes.size() bytes; fewer only at the end of the file.
  Result<std::size_t> Read(std::span<std::byte> bytes);

  std::uint64_t size() const { return size_; }
  /// Bytes read so far.
  std::uint64_t offset() const { return offset_; }
  /// The hash of what was read so far.
  std::uint64_t hash() const { return hasher_.Digest(); }
  const std::string& path() const { return path_; }

  /// A kCorruption error that names the file and `offset`.
  Status Corrupt(std::uint64_t offset, const std::string& what) const;

 private:
  InputFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Descriptor fd_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  FileHasher hasher_;
};

/// Open a directory for openat(). Errors: kNotFound, kIoError.
Result<Descriptor> OpenDirectory(const std::string& path);

/// Names in the directory, without "." and "..".
Result<std::vector<std::string>> ListDirectory(const std::string& path);

}  // namespace steelyard::checkpoint
