// ByteSource: a run of bytes read from front to back: a part of a file, a stream, or an unpacked gz or zst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "steelyard/status.h"

namespace steelyard::data {

inline constexpr std::uint64_t kToTheEnd = ~std::uint64_t{0};

enum class Packing : std::uint8_t { kNone, kGzip, kZstd };

/// Threads: confined to one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fill up to `size` > 0 bytes of `out`; 0 means the end.
  /// Errors: kIoError (the system refused), kCorruption (the packed stream is damaged or truncated).
  virtual Result<std::size_t> Read(char* out, std::size_t size) = 0;
};

/// Bytes [first, first + count) of a regular file; count kToTheEnd reads to its end.
/// Errors: kNotFound, kIoError.
Result<std::unique_ptr<ByteSource>> OpenFile(const std::string& path, std::uint64_t first = 0,
                                             std::uint64_t count = kToTheEnd);

/// Standard input, or a pipe opened by name.
Result<std::unique_ptr<ByteSource>> OpenStream(const std::string& path);

/// First the bytes of `head`, then what `rest` has left.
std::unique_ptr<ByteSource> Prepend(std::string head, std::unique_ptr<ByteSource> rest);

/// Bytes in memory.
std::unique_ptr<ByteSource> FromMemory(std::string bytes);

/// How a stream that starts with `head` is packed, by its magic number.
Packing DetectPacking(std::string_view head);

/// The unpacked content of `packed`: gzip with any number of members, or zstd with any number of frames.
/// @param name  for messages.
std::unique_ptr<ByteSource> Unpack(Packing packing, std::unique_ptr<ByteSource> packed,
                                   std::string name);

/// Read until `size` bytes or the end, appending to `out`.
Status ReadUpTo(ByteSource& source, std::size_t size, std::string& out);

}  // namespace steelyard::data
