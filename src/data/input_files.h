// InputFiles: what the user named, expanded, opened once to look at its first bytes, and refused early when useless.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/byte_source.h"
#include "data/dataset.h"
#include "data/text_stream.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// One file of the input.
struct InputFile {
  std::string path;
  std::uint64_t bytes = 0;  ///< As stored, packed or not; 0 for streams.
  Packing packing = Packing::kNone;
  bool stream = false;  ///< Standard input or a pipe: can be read once.
  std::uint64_t rows_start =
      0;              ///< Text: unpacked bytes before the first row (byte order mark, CSV header).
  RecordShape shape;  ///< Text.
};

/// A file and its first bytes.
struct ProbedFile {
  InputFile file;
  std::string head;                    ///< Unpacked, at most kHeadBytes, without a byte order mark.
  std::unique_ptr<ByteSource> source;  ///< Streams: unpacked, from the start.
  std::unique_ptr<ChunkSource> chunks;  ///< Streams that another process reads, instead.
};
inline constexpr std::size_t kHeadBytes = 256 << 10;

/// Expand globs; the order is the user's, each glob's matches are sorted.
/// Errors: kNotFound (near misses named), kBadData (a folder), kInvalidArgument (no path, "-" with others).
Result<std::vector<std::string>> ExpandPaths(const std::vector<std::string>& paths);

/// Errors: kIoError, kBadData (empty), kCorruption (a damaged gz or zst).
Result<ProbedFile> ProbeFile(const std::string& path);

/// Decide the format by `wanted`, else the extension, else the content.
/// Errors: kBadData  binary content, no known format, or content that contradicts the format.
Result<Format> DetectFormat(const ProbedFile& probed, Format wanted);

/// The refusal of a stream that is not alone.
Status StreamAmongFiles(const std::string& path);

const char* FormatName(Format format);

/// The format that the ending of `path` says, packed or not; kAuto when it says none.
Format FormatOfName(std::string path);

}  // namespace steelyard::data
