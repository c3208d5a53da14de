// RowFile: row blocks one after another in a file, each with a checksum; what spools and caches keep their rows in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/row_block.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// A file that grows at its end and is read anywhere. It is for this machine only: numbers stand in it as in memory.
///
/// Threads: confined to one thread at a time.
class RowFile {
 public:
  /// Words for messages: "cannot keep `what`: No space left on device; `advice`".
  struct Purpose {
    std::string_view what;
    std::string_view advice;
  };

  /// @param file     owned descriptor, open for what will be asked of it; -1: none yet.
  /// @param folder   where the file lies, for messages.
  /// @param purpose  literals.
  RowFile(int file, std::string folder, Purpose purpose);
  RowFile(RowFile&& other) noexcept;
  RowFile& operator=(RowFile&& other) noexcept;
  ~RowFile();

  bool is_open() const { return file_ >= 0; }
  /// Bytes appended by this object.
  std::uint64_t bytes() const { return bytes_; }

  /// Errors: kIoError  the disk is full and the like; where = the folder.
  Status Append(const RowBlock& block);
  Status AppendBytes(std::span<const std::byte> bytes);
  /// Overwrite what was appended at `at`.
  Status Overwrite(std::uint64_t at, std::span<const std::byte> bytes);

  /// Read the block at `at` and move `at` behind it. `block` is undefined after an error.
  /// Errors: kIoError; kCorruption  not what Append() wrote.
  Status Read(std::uint64_t& at, RowBlock& block) const;
  Status ReadBytes(std::uint64_t& at, std::span<std::byte> bytes) const;

  /// The error of the system's reason `error` (an errno).
  Status Error(std::string_view verb, int error) const;

 private:
  Status Write(std::uint64_t& at, std::span<const std::byte> bytes) const;

  int file_;
  std::string folder_;
  Purpose purpose_;
  std::uint64_t bytes_ = 0;
};

}  // namespace steelyard::data
