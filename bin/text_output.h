// TextOutput: text into a file that appears when it is complete, packed where its name says so.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/pack.h"
#include "output_file.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Threads: confined to one thread.
class TextOutput {
 public:
  /// @param path  "-" is standard output; ".gz" and ".zst" are packed.
  /// Errors: those of OutputFile::Open().
  static Result<TextOutput> Open(const std::string& path);

  /// Errors: kIoError  disk full and the like.
  Status Write(std::string_view text);
  /// True when the reader of standard output went away: there is no use in writing more.
  bool closed() const { return file_.closed(); }
  /// Write what is left and put the file in its place.
  Status Commit();

 private:
  TextOutput(OutputFile file, std::unique_ptr<data::Packer> packer)
      : file_(std::move(file)), packer_(std::move(packer)) {}

  OutputFile file_;
  std::unique_ptr<data::Packer> packer_;  ///< Null: not packed.
  std::string packed_;
};

}  // namespace steelyard::cli
