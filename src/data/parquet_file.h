// ParquetFile: columns of a Parquet file, a few rows at a time. The only contract between this module and Arrow.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::data {

enum class CellKind : std::uint8_t { kInteger, kUnsigned, kReal, kTime, kText, kOther };

struct ParquetColumn {
  std::string name;  ///< Parts of a nested column are joined by dots.
  CellKind kind = CellKind::kOther;
  std::string type;  ///< For messages.
};

/// Consecutive cells of one column. Booleans are the integers 0 and 1, times are seconds since 1970 in UTC as stored.
struct ColumnCells {
  CellKind kind = CellKind::kOther;
  bool all_present = true;
  std::vector<std::uint8_t> present;    ///< [n], where not all are: 0 is null.
  std::vector<std::int64_t> integers;   ///< [n] of kInteger, kTime; kUnsigned by its bits.
  std::vector<double> reals;            ///< [n] of kReal.
  std::vector<std::string_view> texts;  ///< [n] of kText; valid until the next Read().

  bool Present(std::size_t i) const { return all_present || present[i] != 0; }
};

/// Threads: confined to one thread at a time.
class ParquetFile {
 public:
  virtual ~ParquetFile() = default;
  virtual std::uint64_t rows() const = 0;
  virtual const std::vector<ParquetColumn>& columns() const = 0;
  /// Read these columns from now on, none of them kOther. To be called once, before Seek().
  virtual void Select(std::span<const std::uint32_t> columns) = 0;
  /// The row that Read() will give first; cheap forwards within a row group.
  virtual Status Seek(std::uint64_t row) = 0;
  virtual std::uint64_t row() const = 0;
  /// Read up to `rows_max` rows into cells, [selected columns]; fewer at the end of a row group, 0 at the file's end.
  /// Errors: kCorruption, kIoError.
  virtual Result<std::size_t> Read(std::size_t rows_max, std::span<ColumnCells> cells) = 0;
};

/// Errors: kUnavailable  this build has no Parquet reader, or it cannot be loaded: says how to install it.
///         kCorruption   not a whole Parquet file.
///         kIoError
Result<std::unique_ptr<ParquetFile>> OpenParquetFile(const std::string& path);

/// The entry point of the shared library that is loaded for the first Parquet file.
inline constexpr const char* kParquetLibrary = "libsteelyard_parquet.so";
inline constexpr const char* kParquetEntry = "SteelyardOpenParquet";
using ParquetEntry = void (*)(const std::string& path,
                              Result<std::unique_ptr<ParquetFile>>* opened);

}  // namespace steelyard::data
