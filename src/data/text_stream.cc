// The window over a text, and where records end.
#include "data/text_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "data/number.h"

namespace steelyard::data {
namespace {

constexpr std::size_t kWindowBytes = 256 << 10;  // Stays in the second-level cache.
constexpr std::size_t kRecordBytesMax = 256 << 20;

const char* Find(const char* begin, const char* end, char wanted) {
  return static_cast<const char*>(
      std::memchr(begin, wanted, static_cast<std::size_t>(end - begin)));
}

std::uint64_t CountLineEnds(const char* begin, const char* end) {
  return static_cast<std::uint64_t>(std::count(begin, end, '\n'));
}

/// Line ends in the first `bytes` of a file; nothing when it cannot be read.
Result<std::uint64_t> CountLineEndsOf(const std::string& path, std::uint64_t bytes) {
  Result<std::unique_ptr<ByteSource>> file = OpenFile(path, 0, bytes);
  if (!file.ok()) return file.status();
  std::vector<char> chunk(kWindowBytes);
  std::uint64_t lines = 0;
  for (;;) {
    const Result<std::size_t> got = file.value()->Read(chunk.data(), chunk.size());
    if (!got.ok()) return got.status();
    if (got.value() == 0) return lines;
    lines += CountLineEnds(chunk.data(), chunk.data() + got.value());
  }
}

/// The line end that closes a record with quotes in it. A quote opens a field only at the field's start.
const char* QuotedRecordEnd(const char* p, const char* limit, char delimiter) {
  bool field_start = true;
  while (p < limit) {
    if (field_start && *p == '"') {
      for (++p;; p += 2) {  // Step over doubled quotes.
        p = p < limit ? Find(p, limit, '"') : nullptr;
        if (p == nullptr || p + 1 == limit) return nullptr;
        if (p[1] != '"') break;
      }
      ++p;
    }
    if (p < limit && *p == '\n') return p;
    field_start = p < limit && *p == delimiter;
    ++p;
  }
  return nullptr;
}

}  // namespace

bool IsNoRow(const Record& record, const RecordShape& shape) {
  for (const char* p = record.begin; p < record.end; ++p) {
    // In tab-separated text a line of tabs is a row of empty cells.
    const bool field = *p == shape.delimiter;
    const bool blank = *p == ' ' || *p == '\t' || *p == '\r' || *p == '\v' || *p == '\f';
    if (field || !blank) return shape.comments && *p == '#';
  }
  return true;
}

const char* RecordEnd(const char* begin, const char* limit, const RecordShape& shape) {
  const char* const line_end = Find(begin, limit, '\n');
  if (!shape.quoted) return line_end;
  if (Find(begin, line_end ? line_end : limit, '"') == nullptr) return line_end;
  return QuotedRecordEnd(begin, limit, shape.delimiter);
}

TextStream::TextStream(std::unique_ptr<ByteSource> source, RecordShape shape, Place place)
    : source_(std::move(source)),
      shape_(shape),
      place_(std::move(place)),
      buffer_(kWindowBytes + kReadAheadBytes + 1),
      buffer_offset_(place_.first_byte),
      lines_discarded_(place_.first_line),
      at_(buffer_.data()),
      limit_(buffer_.data()) {}

Result<bool> TextStream::Next(Record& record, std::string* passed) {
  for (;;) {
    const char* end = at_ < limit_ ? RecordEnd(at_, limit_, shape_) : nullptr;
    while (end == nullptr && !ended_) {
      SY_RETURN_IF_ERROR(Fill());
      end = at_ < limit_ ? RecordEnd(at_, limit_, shape_) : nullptr;
    }
    if (end == nullptr) {
      if (at_ == limit_) return false;
      end = RecordEnd(at_, limit_ + 1, shape_);  // Fill() put a line end after the last line.
      if (end == nullptr) {
        return Status(StatusCode::kBadData,
                      "a quoted field opens in this row and never closes: the file ends first",
                      WhereOf({at_, limit_}));
      }
    }
    record = {at_, end};
    at_ += std::min(end - at_ + 1, limit_ - at_);
    if (passed != nullptr) passed->append(record.begin, static_cast<const char*>(at_));
    // Most rows begin with a character behind all blanks and '#'.
    if (*record.begin > '#' || !IsNoRow(record, shape_)) return true;
  }
}

Status TextStream::Skip(std::uint64_t bytes) {
  while (bytes > 0) {
    if (at_ == limit_) SY_RETURN_IF_ERROR(Fill());
    if (ended_) return {};
    const auto step = std::min<std::uint64_t>(bytes, static_cast<std::uint64_t>(limit_ - at_));
    at_ += step;
    bytes -= step;
  }
  return {};
}

std::uint64_t TextStream::OffsetOf(const Record& record) const {
  return buffer_offset_ + static_cast<std::uint64_t>(record.begin - buffer_.data());
}

std::uint64_t TextStream::Offset() const {
  return buffer_offset_ + static_cast<std::uint64_t>(at_ - buffer_.data());
}

std::uint64_t TextStream::LinesPassed() const {
  return lines_discarded_ + CountLineEnds(buffer_.data(), at_);
}

std::string TextStream::WhereOf(const Record& record) const {
  std::uint64_t lines = lines_discarded_;
  if (place_.recountable) {
    const Result<std::uint64_t> before = CountLineEndsOf(place_.path, buffer_offset_);
    if (!before.ok()) return place_.path;
    lines = before.value();
  }
  return fmt::format("{}:{}", place_.path, lines + CountLineEnds(buffer_.data(), record.begin) + 1);
}

Status TextStream::Fill() {
  const auto used = static_cast<std::size_t>(at_ - buffer_.data());
  const auto kept = static_cast<std::size_t>(limit_ - at_);
  if (!place_.recountable) lines_discarded_ += CountLineEnds(buffer_.data(), at_);
  std::memmove(buffer_.data(), at_, kept);
  buffer_offset_ += used;
  std::size_t room = buffer_.size() - kReadAheadBytes - 1 - kept;
  if (room == 0) {
    if (kept >= kRecordBytesMax) return TooLong();
    buffer_.resize(2 * kept + kReadAheadBytes + 1);
    room = buffer_.size() - kReadAheadBytes - 1 - kept;
  }
  at_ = buffer_.data();
  limit_ = at_ + kept;
  const Result<std::size_t> got = source_->Read(limit_, room);
  if (!got.ok()) return got.status();
  limit_ += got.value();
  ended_ = got.value() == 0;
  *limit_ = '\n';
  return {};
}

Status TextStream::TooLong() const {
  return Status(StatusCode::kBadData,
                fmt::format("a single row is longer than {} MiB{}", kRecordBytesMax >> 20,
                            shape_.quoted ? "; is a quote left open?" : ""),
                WhereOf({at_, limit_}));
}

}  // namespace steelyard::data
