// ChunkCutter: cuts the text of a stream into chunks of whole rows.
#pragma once

#include <cstdint>
#include <memory>

#include "data/record_order.h"
#include "data/row_chunk.h"
#include "data/text_stream.h"

namespace steelyard::data {

/// A chunk ends after kRowsMax rows or kBytesMax bytes, whichever come first: a few of them keep every worker busy, and
/// rows are learned nearly in their order.
class ChunkCutter final : public ChunkSource {
 public:
  static constexpr std::uint64_t kRowsMax = 4096;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  ChunkCutter(std::unique_ptr<TextStream> text, Seams seams);

  Result<bool> Next(RowChunk& chunk) override;

 private:
  std::unique_ptr<TextStream> text_;
  Seams seams_;
  std::uint64_t row_ = 0;
};

}  // namespace steelyard::data
