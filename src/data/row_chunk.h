// RowChunk: whole rows of a stream's text, as one process cuts them and another parses them.
#pragma once

#include <cstdint>
#include <string>

#include "steelyard/status.h"

namespace steelyard::data {

struct RowChunk {
  std::string text;              ///< Rows with their line ends, and whatever stood between them.
  std::uint64_t first_line = 0;  ///< Line ends of the stream before `text`.
  std::uint64_t first_row = 0;   ///< Number of the first row.
  std::uint64_t row_count = 0;
};

/// Threads: confined to one thread at a time.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  /// Fill `chunk` with the next rows. False at the end; chunk.first_row is how many rows there were then.
  /// Errors: those of the stream; kBadData  rows that are out of the order they promise.
  virtual Result<bool> Next(RowChunk& chunk) = 0;
};

}  // namespace steelyard::data
