// OutputFile: a command's result on standard output, or in a file that appears only when it is complete.
#pragma once

#include <string>
#include <string_view>

#include "steelyard/status.h"

namespace steelyard::cli {

/// Collects text and writes it in large pieces. A regular file is written beside its place and renamed by Commit();
/// without Commit() nothing is left. A pipe, terminal or device is written directly.
///
/// Threads: confined to one thread.
class OutputFile {
 public:
  /// @param path  "-" is standard output.
  /// Errors: kNotFound  its directory does not exist; kIoError.
  static Result<OutputFile> Open(const std::string& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Errors: kIoError  disk full and the like.
  Status Write(std::string_view text);
  /// True when the reader of standard output went away (| head): further text is dropped, and that is no failure.
  bool closed() const { return closed_; }
  /// Write what is left and put the file in its place.
  Status Commit();

 private:
  OutputFile() = default;
  Status Flush();
  Status Failure(const char* what) const;

  std::string path_;
  std::string temporary_path_;  // Empty when written directly.
  std::string buffer_;
  int fd_ = -1;
  bool closed_ = false;
};

}  // namespace steelyard::cli
