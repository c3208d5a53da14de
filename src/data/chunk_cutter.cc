// Rows are found, not parsed: that is left to whoever gets the chunk.
#include "data/chunk_cutter.h"

#include <utility>

namespace steelyard::data {

ChunkCutter::ChunkCutter(std::unique_ptr<TextStream> text, Seams seams)
    : text_(std::move(text)), seams_(std::move(seams)) {}

Result<bool> ChunkCutter::Next(RowChunk& chunk) {
  chunk.text.clear();
  chunk.first_line = text_->LinesPassed();
  chunk.first_row = row_;
  chunk.row_count = 0;
  while (chunk.row_count < kRowsMax && chunk.text.size() < kBytesMax) {
    Record record;
    Result<bool> more = text_->Next(record, &chunk.text);
    if (!more.ok()) return more;
    if (!more.value()) break;
    SY_RETURN_IF_ERROR(seams_.Next(0, record, chunk.row_count == 0, *text_));
    ++chunk.row_count;
  }
  row_ += chunk.row_count;
  return chunk.row_count > 0;
}

}  // namespace steelyard::data
