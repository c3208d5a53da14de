// RowSpool: rows kept aside for later passes, in memory while they are few and in a temporary file beyond.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/row_block.h"
#include "data/row_file.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Append rows, then read them back from the start as often as wanted.
///
/// The file has no name: it is gone with the process, however that ends.
/// Threads: confined to one thread at a time.
class RowSpool {
 public:
  static constexpr std::size_t kMemoryBytesMax = std::size_t{64} << 20;

  /// @param folder  for the temporary file; empty for the system's own.
  explicit RowSpool(std::size_t memory_bytes_max = kMemoryBytesMax, std::string folder = {});
  RowSpool(const RowSpool&) = delete;
  RowSpool& operator=(const RowSpool&) = delete;

  /// Errors: kIoError  the temporary folder is full or cannot be written; where = the folder.
  Status Append(const RowBlock& block);

  /// Append up to `rows_max` rows to `block`; none appended and OK means the end.
  Status Read(std::size_t rows_max, RowBlock& block);

  /// Read from the start again.
  Status Rewind();

  std::uint64_t rows() const { return rows_; }

 private:
  Status OpenFile();

  std::size_t memory_bytes_max_;
  std::string folder_;
  std::size_t memory_bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::vector<RowBlock> blocks_;  ///< The first blocks; later ones are in the file.
  RowFile file_;
  // Where Read() stands: in row next_row_ of the block before next_block_.
  std::size_t next_block_ = 0;
  std::uint64_t file_at_ = 0;  ///< Where the next block of the file starts.
  std::size_t next_row_ = 0;
  RowBlock current_;  ///< The block that was read from the file.
};

}  // namespace steelyard::data
