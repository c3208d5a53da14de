// TableFile: the header's fields, and blocks of keys followed by their rows.
#include "checkpoint/table_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "table/updater.h"
#include "wire/byte_codec.h"

namespace steelyard::checkpoint {
namespace {

using wire::ByteReader;
using wire::ByteWriter;

constexpr BlockFileKind kKind{
    .magic = {'S', 'Y', 'T', 'A', 'B', 'L', 'E', '\n'}, .version = 1, .name = "table file"};
constexpr std::size_t kBlockBytesAim = std::size_t{1} << 20;
constexpr std::size_t kUpdaterNameBytesMax = 64;
/// Ends the header of a table with an intercept; others have no such byte.
constexpr std::uint8_t kHasIntercept = 1;

std::size_t RowBytes(std::uint32_t row_floats) {
  return sizeof(Key) + row_floats * sizeof(float);
}

// Empty when the header may be written and believed.
std::string FaultOf(const TableFileHeader& header) {
  if (!IsTableName(header.table)) return fmt::format("the table's name '{}'", header.table);
  if (header.row_floats == 0 || header.row_floats > kRowFloatsMax) {
    return fmt::format("a row of {} floats", header.row_floats);
  }
  if (header.range.first > header.range.last) return "a key range that is reversed";
  const auto updater = table::MakeUpdater(header.updater, header.width);
  if (!updater.ok()) return updater.status().message();
  if (updater.value()->row_floats() != header.row_floats) {
    return fmt::format("rows of {} floats for updater {}, width {}", header.row_floats,
                       header.updater.name, header.width);
  }
  return {};
}

}  // namespace

bool IsTableName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto allowed = [&](char c) { return plain(c) || c == '_' || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= kTableNameBytesMax && plain(name.front()) &&
         std::ranges::all_of(name, allowed);
}

TableFileWriter::TableFileWriter(BlockFileWriter blocks, TableFileHeader header)
    : blocks_(std::move(blocks)),
      header_(std::move(header)),
      block_rows_(std::max<std::size_t>(1, kBlockBytesAim / RowBytes(header_.row_floats))) {}

Result<TableFileWriter> TableFileWriter::Create(OutputFile file, const TableFileHeader& header) {
  if (const std::string fault = FaultOf(header); !fault.empty()) {
    return Status(StatusCode::kInvalidArgument, "cannot save a table with " + fault, file.path());
  }
  ByteWriter fields;
  fields.PutString(header.table);
  fields.Put(header.width);
  fields.Put(header.row_floats);
  fields.PutString(header.updater.name);
  fields.Put(header.updater.alpha);
  fields.Put(header.updater.beta);
  fields.Put(header.updater.l1);
  fields.Put(header.updater.l2);
  fields.Put(header.range.first);
  fields.Put(header.range.last);
  if (header.updater.intercept) fields.Put(kHasIntercept);
  auto blocks = BlockFileWriter::Create(std::move(file), kKind, fields.bytes());
  if (!blocks.ok()) return blocks.status();
  return TableFileWriter(std::move(blocks.value()), header);
}

Status TableFileWriter::Append(std::span<const Key> keys, std::span<const float> rows) {
  const auto refuse = [&](const std::string& what) {
    return Status(StatusCode::kInvalidArgument, what, file().path());
  };
  if (rows.size() != keys.size() * header_.row_floats) {
    return refuse(fmt::format("{} keys with {} floats; rows have {} floats", keys.size(),
                              rows.size(), header_.row_floats));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Key key = keys[i];
    if (key < header_.range.first || key > header_.range.last) {
      return refuse(fmt::format("key {} is outside the table's range", key));
    }
    if (row_count_ > 0 && key <= last_key_) {
      return refuse(fmt::format("key {} follows key {}; keys must increase", key, last_key_));
    }
    last_key_ = key;
    ++row_count_;
    keys_.push_back(key);
    const auto row = rows.subspan(i * header_.row_floats, header_.row_floats);
    rows_.insert(rows_.end(), row.begin(), row.end());
    if (keys_.size() == block_rows_) SY_RETURN_IF_ERROR(FlushBlock());
  }
  return {};
}

Status TableFileWriter::FlushBlock() {
  if (keys_.empty()) return {};
  ByteWriter block;
  block.Reserve(8 + keys_.size() * RowBytes(header_.row_floats));
  block.Put(static_cast<std::uint64_t>(keys_.size()));
  block.PutArray<Key>(keys_);
  block.PutArray<float>(rows_);
  const std::size_t count = keys_.size();
  keys_.clear();
  rows_.clear();
  return blocks_.AppendBlock(block.bytes(), count);
}

Status TableFileWriter::Finish() {
  SY_RETURN_IF_ERROR(FlushBlock());
  return blocks_.Finish();
}

Result<TableFileReader> TableFileReader::Open(InputFile file) {
  auto blocks = BlockFileReader::Open(std::move(file), kKind);
  if (!blocks.ok()) return blocks.status();
  TableFileReader reader(std::move(blocks.value()));
  SY_RETURN_IF_ERROR(reader.DecodeHeader());
  return reader;
}

Status TableFileReader::DecodeHeader() {
  ByteReader fields(blocks_.header());
  header_.table = fields.GetString(kTableNameBytesMax);
  fields.Get(header_.width);
  fields.Get(header_.row_floats);
  header_.updater.name = fields.GetString(kUpdaterNameBytesMax);
  fields.Get(header_.updater.alpha);
  fields.Get(header_.updater.beta);
  fields.Get(header_.updater.l1);
  fields.Get(header_.updater.l2);
  fields.Get(header_.range.first);
  fields.Get(header_.range.last);
  header_.updater.intercept = fields.remaining() > 0 && fields.Get<std::uint8_t>() == kHasIntercept;
  if (!fields.complete()) return file().Corrupt(20, "the header has a wrong length");
  if (const std::string fault = FaultOf(header_); !fault.empty()) {
    return file().Corrupt(20, "the header names " + fault);
  }
  return {};
}

Status TableFileReader::DecodeBlock(std::vector<Key>& keys, std::vector<float>& rows) {
  const auto corrupt = [&](const std::string& what) {
    return file().Corrupt(blocks_.payload_offset(), what);
  };
  ByteReader fields(blocks_.payload());
  const auto count = fields.Get<std::uint64_t>();
  const std::size_t row_bytes = RowBytes(header_.row_floats);
  if (!fields.ok() || count == 0 || count != fields.remaining() / row_bytes ||
      fields.remaining() % row_bytes != 0) {
    return corrupt(
        fmt::format("a block of {} bytes cannot hold {} rows", blocks_.payload().size(), count));
  }
  // Copied: the block's bytes are not aligned.
  keys.resize(count);
  rows.resize(count * header_.row_floats);
  for (Key& key : keys) fields.Get(key);
  for (float& value : rows) fields.Get(value);
  for (const Key key : keys) {
    if (key < header_.range.first || key > header_.range.last ||
        (row_count_ > 0 && key <= last_key_)) {
      return corrupt(fmt::format("key {} is out of order or range", key));
    }
    last_key_ = key;
    ++row_count_;
  }
  return {};
}

Status TableFileReader::ReadRows(const Visit& visit) {
  std::vector<Key> keys;
  std::vector<float> rows;
  for (;;) {
    const Result<bool> more = blocks_.Next();
    if (!more.ok()) return more.status();
    if (!more.value()) break;
    SY_RETURN_IF_ERROR(DecodeBlock(keys, rows));
    SY_RETURN_IF_ERROR(visit(keys, rows));
  }
  if (blocks_.records() != row_count_) {
    return file().Corrupt(file().size(), fmt::format("the footer counts {} rows, {} were read",
                                                     blocks_.records(), row_count_));
  }
  return {};
}

}  // namespace steelyard::checkpoint
