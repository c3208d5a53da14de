// TableFile: the rows of one table in key order, checksummed; written and read a block at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/block_file.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "steelyard/types.h"

namespace steelyard::checkpoint {

inline constexpr std::uint32_t kRowFloatsMax = 1U << 16;
inline constexpr std::size_t kTableNameBytesMax = 64;

/// What a table file says about its rows.
struct TableFileHeader {
  std::string
      table;  ///< 1 to 64 letters, digits, '_', '-' or '.', the first one a letter or digit.
  std::uint32_t width = 1;       ///< Values per key.
  std::uint32_t row_floats = 1;  ///< Floats per row: values with the updater's state.
  UpdaterOptions updater{};
  KeyRange range{0, kKeyMax};
  bool operator==(const TableFileHeader&) const = default;
};

/// True for a name that a table file may carry.
bool IsTableName(std::string_view name);

/// Writes rows as they come.
/// Cost: one block of about 1 MiB in memory.
class TableFileWriter {
 public:
  /// Errors: kInvalidArgument  a header out of bounds; kIoError.
  static Result<TableFileWriter> Create(OutputFile file, const TableFileHeader& header);

  /// @param keys  [n] increasing, over all calls, and inside the header's range.
  /// @param rows  [n, row_floats]
  /// Errors: kInvalidArgument  keys out of order or range, or sizes that do not match; kIoError.
  Status Append(std::span<const Key> keys, std::span<const float> rows);
  Status Finish();

  const TableFileHeader& header() const { return header_; }
  std::uint64_t row_count() const { return row_count_; }
  const OutputFile& file() const { return blocks_.file(); }

 private:
  TableFileWriter(BlockFileWriter blocks, TableFileHeader header);
  Status FlushBlock();

  BlockFileWriter blocks_;
  TableFileHeader header_;
  std::size_t block_rows_;  // Rows in a full block.
  std::vector<Key> keys_;
  std::vector<float> rows_;
  std::uint64_t row_count_ = 0;
  Key last_key_ = 0;
};

/// Reads rows in key order.
class TableFileReader {
 public:
  using Visit = std::function<Status(std::span<const Key> keys, std::span<const float> rows)>;

  /// Errors: kCorruption, kBadData (unknown version), kIoError.
  static Result<TableFileReader> Open(InputFile file);

  const TableFileHeader& header() const { return header_; }

  /// Visit all rows, a block at a time; the end of the file is verified after the last. To be called once.
  /// Errors: kCorruption, kIoError, or what `visit` returned.
  Status ReadRows(const Visit& visit);

  std::uint64_t row_count() const { return row_count_; }
  const InputFile& file() const { return blocks_.file(); }

 private:
  explicit TableFileReader(BlockFileReader blocks) : blocks_(std::move(blocks)) {}
  Status DecodeHeader();
  Status DecodeBlock(std::vector<Key>& keys, std::vector<float>& rows);

  BlockFileReader blocks_;
  TableFileHeader header_;
  std::uint64_t row_count_ = 0;
  Key last_key_ = 0;
};

}  // namespace steelyard::checkpoint
