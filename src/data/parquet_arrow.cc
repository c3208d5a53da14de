// ParquetFile over Arrow C++. The only file that includes Arrow; built as a shared library of its own.
#include <arrow/memory_pool.h>
#include <parquet/api/reader.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "data/parquet_file.h"

namespace steelyard::data {
namespace {

constexpr std::int64_t kWindowBytes =
    256 << 10;  // Of each column, instead of its whole part of a row group.

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// How stored numbers become cells.
struct Conversion {
  CellKind kind = CellKind::kOther;
  std::int64_t divide = 1;    ///< kTime: stored units per second.
  std::int64_t multiply = 1;  ///< kTime: seconds per stored unit.
  double scale = 1;           ///< kReal from a decimal.
};

Conversion OfTimestamp(parquet::LogicalType::TimeUnit::unit unit) {
  switch (unit) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return {.kind = CellKind::kTime, .divide = 1'000};
    case parquet::LogicalType::TimeUnit::MICROS:
      return {.kind = CellKind::kTime, .divide = 1'000'000};
    case parquet::LogicalType::TimeUnit::NANOS:
      return {.kind = CellKind::kTime, .divide = 1'000'000'000};
    default:
      return {};
  }
}

Conversion OfWhole(const parquet::LogicalType& logical) {
  if (logical.is_timestamp()) {
    return OfTimestamp(static_cast<const parquet::TimestampLogicalType&>(logical).time_unit());
  }
  if (logical.is_date()) return {.kind = CellKind::kTime, .multiply = 86'400};
  if (logical.is_decimal()) {
    const auto& decimal = static_cast<const parquet::DecimalLogicalType&>(logical);
    return {.kind = CellKind::kReal, .scale = std::pow(10.0, decimal.scale())};
  }
  const bool is_unsigned =
      logical.is_int() && !static_cast<const parquet::IntLogicalType&>(logical).is_signed();
  return {.kind = is_unsigned ? CellKind::kUnsigned : CellKind::kInteger};
}

Conversion ConversionOf(const parquet::ColumnDescriptor& column) {
  if (column.max_repetition_level() > 0 || column.max_definition_level() > 1) return {};
  const parquet::LogicalType& logical = *column.logical_type();
  switch (column.physical_type()) {
    case parquet::Type::BOOLEAN:
      return {.kind = CellKind::kInteger};
    case parquet::Type::INT32:
    case parquet::Type::INT64:
      return OfWhole(logical);
    case parquet::Type::INT96:
      return {.kind = CellKind::kTime, .divide = 1'000'000'000};
    case parquet::Type::FLOAT:
    case parquet::Type::DOUBLE:
      return {.kind = CellKind::kReal};
    case parquet::Type::BYTE_ARRAY:
      return {.kind = logical.is_decimal() ? CellKind::kOther : CellKind::kText};
    default:
      return {};
  }
}

/// A growing array of bool; std::vector<bool> has no array inside.
class FlagBuffer {
 public:
  std::size_t size() const { return size_; }
  bool* data() { return flags_.get(); }
  void resize(std::size_t size) {
    flags_ = std::make_unique<bool[]>(size);
    size_ = size;
  }

 private:
  std::unique_ptr<bool[]> flags_;
  std::size_t size_ = 0;
};

/// One selected column: its reader in the current row group and its working space.
class ColumnCursor {
 public:
  ColumnCursor(int index, const parquet::ColumnDescriptor& descriptor)
      : index_(index),
        type_(descriptor.physical_type()),
        conversion_(ConversionOf(descriptor)),
        unsigned_32_(conversion_.kind == CellKind::kUnsigned && type_ == parquet::Type::INT32),
        optional_(descriptor.max_definition_level() > 0) {}

  void OpenIn(parquet::RowGroupReader& group) { reader_ = group.Column(index_); }

  void Skip(std::int64_t rows) {
    Dispatch([&](auto& reader, auto&) {
      while (rows > 0) {
        const std::int64_t skipped = reader.Skip(rows);
        if (skipped <= 0) throw parquet::ParquetException("a column ends before its row group");
        rows -= skipped;
      }
    });
  }

  void Read(std::size_t rows, ColumnCells& cells) {
    cells.kind = conversion_.kind;
    cells.all_present = true;
    texts_.clear();
    Dispatch([&](auto& reader, auto& values) {
      if (values.size() < rows) values.resize(rows);
      levels_.resize(rows);
      for (std::size_t done = 0; done < rows;) {
        const auto wanted = static_cast<std::int64_t>(rows - done);
        std::int64_t count = 0;
        const std::int64_t read = reader.ReadBatch(
            wanted, optional_ ? levels_.data() + done : nullptr, nullptr, values.data(), &count);
        const std::int64_t cells_read = optional_ ? read : count;
        if (cells_read <= 0) throw parquet::ParquetException("a column ends before its row group");
        // Texts point into a page that the next ReadBatch() may drop.
        const bool keep = static_cast<std::size_t>(cells_read) < rows;
        const auto* const present = values.data();
        Place(std::span(present, static_cast<std::size_t>(count)), done,
              static_cast<std::size_t>(cells_read), rows, keep, cells);
        done += static_cast<std::size_t>(cells_read);
      }
    });
  }

 private:
  template <typename Visitor>
  void Dispatch(Visitor visit) {
    switch (type_) {
      case parquet::Type::BOOLEAN:
        return visit(static_cast<parquet::BoolReader&>(*reader_), booleans_);
      case parquet::Type::INT32:
        return visit(static_cast<parquet::Int32Reader&>(*reader_), int32s_);
      case parquet::Type::INT64:
        return visit(static_cast<parquet::Int64Reader&>(*reader_), int64s_);
      case parquet::Type::INT96:
        return visit(static_cast<parquet::Int96Reader&>(*reader_), int96s_);
      case parquet::Type::FLOAT:
        return visit(static_cast<parquet::FloatReader&>(*reader_), floats_);
      case parquet::Type::DOUBLE:
        return visit(static_cast<parquet::DoubleReader&>(*reader_), doubles_);
      case parquet::Type::BYTE_ARRAY:
        return visit(static_cast<parquet::ByteArrayReader&>(*reader_), byte_arrays_);
      default:
        throw parquet::ParquetException("a column of a type that is not read was selected");
    }
  }

  /// Put values into cells [first, first + length), by the definition levels where some are null.
  template <typename Value>
  void Place(std::span<const Value> values, std::size_t first, std::size_t length, std::size_t rows,
             bool keep, ColumnCells& cells) {
    Resize(rows, cells);
    if (values.size() == length) {
      for (std::size_t i = 0; i < length; ++i) Put(values[i], first + i, keep, cells);
      if (!cells.all_present)
        std::fill_n(cells.present.begin() + static_cast<std::ptrdiff_t>(first), length,
                    std::uint8_t{1});
      return;
    }
    if (cells.all_present) {
      cells.all_present = false;
      cells.present.assign(rows, 1);
    }
    std::size_t next = 0;
    for (std::size_t i = first; i < first + length; ++i) {
      cells.present[i] = levels_[i] > 0 ? 1 : 0;
      if (levels_[i] > 0) Put(values[next++], i, keep, cells);
    }
  }

  void Resize(std::size_t rows, ColumnCells& cells) const {
    switch (conversion_.kind) {
      case CellKind::kReal:
        cells.reals.resize(rows);
        break;
      case CellKind::kText:
        cells.texts.resize(rows);
        break;
      default:
        cells.integers.resize(rows);
        break;
    }
  }

  template <typename Whole>
  void Put(Whole value, std::size_t at, bool /*keep*/, ColumnCells& cells) const {
    if constexpr (std::is_floating_point_v<Whole>) {
      cells.reals[at] = static_cast<double>(value);
    } else if (conversion_.kind == CellKind::kReal) {
      cells.reals[at] = static_cast<double>(value) / conversion_.scale;
    } else if (unsigned_32_) {
      cells.integers[at] = static_cast<std::uint32_t>(value);
    } else if (conversion_.kind == CellKind::kTime) {
      cells.integers[at] =
          FloorDivide(static_cast<std::int64_t>(value), conversion_.divide) * conversion_.multiply;
    } else {
      cells.integers[at] = static_cast<std::int64_t>(value);
    }
  }
  void Put(const parquet::Int96& value, std::size_t at, bool /*keep*/, ColumnCells& cells) const {
    cells.integers[at] = parquet::Int96GetSeconds(value);
  }
  void Put(const parquet::ByteArray& value, std::size_t at, bool keep, ColumnCells& cells) {
    std::string_view text(reinterpret_cast<const char*>(value.ptr), value.len);
    if (keep) text = texts_.emplace_back(text);
    cells.texts[at] = text;
  }

  int index_;
  parquet::Type::type type_;
  Conversion conversion_;
  bool unsigned_32_;
  bool optional_;
  std::shared_ptr<parquet::ColumnReader> reader_;
  std::vector<std::int16_t> levels_;
  std::deque<std::string> texts_;  ///< Copies that outlive their page until the next Read().
  std::vector<std::int32_t> int32s_;
  std::vector<std::int64_t> int64s_;
  std::vector<parquet::Int96> int96s_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<parquet::ByteArray> byte_arrays_;
  FlagBuffer booleans_;
};

class ArrowParquetFile : public ParquetFile {
 public:
  explicit ArrowParquetFile(std::string path) : path_(std::move(path)) {
    // The system's allocator: Arrow's own keeps what it freed.
    parquet::ReaderProperties properties(arrow::system_memory_pool());
    properties.enable_buffered_stream();
    properties.set_buffer_size(kWindowBytes);
    properties.set_page_checksum_verification(true);
    file_ = parquet::ParquetFileReader::OpenFile(path_, false, properties);
    metadata_ = file_->metadata();
    const parquet::SchemaDescriptor& schema = *metadata_->schema();
    for (int i = 0; i < schema.num_columns(); ++i) {
      const parquet::ColumnDescriptor& column = *schema.Column(i);
      const std::string logical = column.logical_type()->ToString();
      columns_.push_back({.name = column.path()->ToDotString(),
                          .kind = ConversionOf(column).kind,
                          .type = column.logical_type()->is_none()
                                      ? parquet::TypeToString(column.physical_type())
                                      : logical});
    }
  }

  std::uint64_t rows() const override { return static_cast<std::uint64_t>(metadata_->num_rows()); }
  const std::vector<ParquetColumn>& columns() const override { return columns_; }
  std::uint64_t row() const override { return row_; }

  void Select(std::span<const std::uint32_t> columns) override {
    for (const std::uint32_t column : columns) {
      const int index = static_cast<int>(column);
      cursors_.emplace_back(index, *metadata_->schema()->Column(index));
    }
  }

  Status Seek(std::uint64_t row) override {
    return Guarded([&] {
      if (group_ < 0 || row < row_ || row >= group_end_) OpenGroupOf(row);
      if (group_ < 0 || row == row_) return;
      for (ColumnCursor& cursor : cursors_) cursor.Skip(static_cast<std::int64_t>(row - row_));
      row_ = row;
    });
  }

  Result<std::size_t> Read(std::size_t rows_max, std::span<ColumnCells> cells) override {
    std::size_t count = 0;
    const Status status = Guarded([&] {
      if (group_ < 0 || row_ == group_end_) OpenGroupOf(row_);
      if (group_ < 0) return;
      count = static_cast<std::size_t>(std::min<std::uint64_t>(rows_max, group_end_ - row_));
      for (std::size_t i = 0; i < cursors_.size(); ++i) cursors_[i].Read(count, cells[i]);
      row_ += count;
    });
    if (!status.ok()) return status;
    return count;
  }

 private:
  /// Stand at the first row of the row group that holds `row`; no group when there is none.
  void OpenGroupOf(std::uint64_t row) {
    std::uint64_t first = 0;
    group_ = -1;
    for (int i = 0; i < metadata_->num_row_groups(); ++i) {
      const auto count = static_cast<std::uint64_t>(metadata_->RowGroup(i)->num_rows());
      if (row < first + count) {
        const std::shared_ptr<parquet::RowGroupReader> group = file_->RowGroup(i);
        for (ColumnCursor& cursor : cursors_) cursor.OpenIn(*group);
        group_ = i;
        row_ = first;
        group_end_ = first + count;
        return;
      }
      first += count;
    }
    row_ = first;
  }

  /// Arrow throws; this library does not.
  template <typename Work>
  Status Guarded(Work work) {
    try {
      work();
      return {};
    } catch (const std::bad_alloc&) {
      return Status(StatusCode::kResourceExhausted, "no memory for a page of this Parquet file",
                    path_);
    } catch (const std::exception& error) {
      group_ = -1;
      return Status(StatusCode::kCorruption,
                    std::string("the Parquet file is damaged: ") + error.what(), path_);
    }
  }

  std::string path_;
  std::unique_ptr<parquet::ParquetFileReader> file_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<ParquetColumn> columns_;
  std::vector<ColumnCursor> cursors_;
  int group_ = -1;
  std::uint64_t row_ = 0;
  std::uint64_t group_end_ = 0;
};

}  // namespace
}  // namespace steelyard::data

extern "C" __attribute__((visibility("default"))) void SteelyardOpenParquet(
    const std::string& path,
    steelyard::Result<std::unique_ptr<steelyard::data::ParquetFile>>* opened) {
  using steelyard::Status;
  using steelyard::StatusCode;
  try {
    *opened = std::unique_ptr<steelyard::data::ParquetFile>(
        std::make_unique<steelyard::data::ArrowParquetFile>(path));
  } catch (const std::exception& error) {
    *opened =
        Status(StatusCode::kCorruption,
               std::string("not a whole Parquet file: ") + error.what() + "; copy it again", path);
  }
}
