// Packer: text as a gzip or zstd stream, piece by piece.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/byte_source.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class Packer {
 public:
  virtual ~Packer() = default;
  /// Pack `text` and append what is ready to `packed`. Errors: kResourceExhausted  no memory.
  virtual Status Add(std::string_view text, std::string& packed) = 0;
  /// Append the rest and the stream's end; nothing may be added afterwards.
  virtual Status Finish(std::string& packed) = 0;
};

/// A packer of this kind; kNone passes text on as it is.
std::unique_ptr<Packer> MakePacker(Packing packing);

/// How a file of this name is to be packed: ".gz" and ".zst" say so.
Packing PackingOfName(std::string_view path);

}  // namespace steelyard::data
