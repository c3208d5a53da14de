// TextStream: a window over a byte source that grows to hold a whole record and knows its line number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/byte_source.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// What divides a text into records.
struct RecordShape {
  bool quoted = false;    ///< CSV: a record may hold line ends between double quotes.
  bool comments = false;  ///< A record whose first character is '#' is no row.
  char delimiter = ',';   ///< CSV.
};

/// One record: [begin, end) without its line end. `*end` is a line end, and kReadAheadBytes after it are readable.
struct Record {
  const char* begin = nullptr;
  const char* end = nullptr;
};

/// Threads: confined to one thread.
class TextStream {
 public:
  struct Place {
    std::string path;              ///< For messages, and to count lines where `recountable`.
    std::uint64_t first_byte = 0;  ///< Where the source starts in the (unpacked) file.
    bool recountable = false;  ///< A plain file: lines before first_byte can be counted when asked.
    std::uint64_t first_line = 0;  ///< Line ends before the source, where they cannot be counted.
  };
  TextStream(std::unique_ptr<ByteSource> source, RecordShape shape, Place place);

  /// Pass over bytes that belong to no row: a byte order mark, a header.
  Status Skip(std::uint64_t bytes);

  /// Find the next record that is a row; blank records and comments are passed over.
  /// @param passed  gets all text that was passed over, the record and its line end included; may be nullptr.
  /// @return false at the end. The record stays valid until the next call.
  /// Errors: those of the source; kBadData for a record that never ends.
  Result<bool> Next(Record& record, std::string* passed = nullptr);

  /// Offset of `record` in the (unpacked) file.
  std::uint64_t OffsetOf(const Record& record) const;
  /// Offset of the first byte that Next() has not looked at.
  std::uint64_t Offset() const;
  /// Line ends before the first byte that Next() has not looked at; not of a recountable place.
  std::uint64_t LinesPassed() const;
  /// "path:17", the line where `record` begins; just the path if the file cannot be read again.
  std::string WhereOf(const Record& record) const;

 private:
  Status Fill();
  Status TooLong() const;

  std::unique_ptr<ByteSource> source_;
  RecordShape shape_;
  Place place_;
  std::vector<char> buffer_;
  std::uint64_t buffer_offset_;  ///< Of buffer_[0], in the (unpacked) file.
  std::uint64_t
      lines_discarded_;  ///< Line ends before the window; kept only where they cannot be recounted.
  char* at_;             ///< First byte not yet looked at.
  char* limit_;          ///< End of the bytes read; a line end is kept there.
  bool ended_ = false;
};

/// Is [begin, end) nothing but blanks, or (where the shape says so) a comment?
bool IsNoRow(const Record& record, const RecordShape& shape);

/// The end of the record at `begin`, where its line end stands; nullptr when [begin, limit) does not hold all of it.
const char* RecordEnd(const char* begin, const char* limit, const RecordShape& shape);

}  // namespace steelyard::data
