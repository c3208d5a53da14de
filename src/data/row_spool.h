// RowSpool: rows kept aside for later passes, in memory while they are few and in a temporary file beyond.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "data/row_block.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Append rows, then read them back from the start as often as wanted.
///
/// The file has no name: it is gone with the process, however that ends.
/// Threads: confined to one thread at a time.
class RowSpool {
 public:
  static constexpr std::size_t kMemoryBytesMax = std::size_t{256} << 20;

  explicit RowSpool(std::size_t memory_bytes_max = kMemoryBytesMax)
      : memory_bytes_max_(memory_bytes_max) {}

  /// Errors: kIoError  the temporary folder is full or cannot be written; names it.
  Status Append(const RowBlock& block);

  /// Append up to `rows_max` rows to `block`; none appended and OK means the end.
  Status Read(std::size_t rows_max, RowBlock& block);

  /// Read from the start again.
  Status Rewind();

  std::uint64_t rows() const { return rows_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Status Spill(const RowBlock& block);
  Status ReadSpilled(RowBlock& block);

  std::size_t memory_bytes_max_;
  std::size_t memory_bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::vector<RowBlock> blocks_;
  std::unique_ptr<std::FILE, CloseFile> file_;  ///< Blocks after those in memory.
  std::uint64_t spilled_blocks_ = 0;
  // Where Read() stands.
  RowBlock current_;
  std::size_t next_row_ = 0;
  std::size_t next_block_ = 0;
};

}  // namespace steelyard::data
