// TableTextReader: the rows of a table as text, read back: what table dump prints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_stream.h"
#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::cli {

/// Some rows: keys [n] and floats [n, floats a row].
struct TableRows {
  std::vector<Key> keys;
  std::vector<float> floats;
};

/// Lines "KEY<TAB>VALUE<TAB>VALUE...", each with its line feed and equally many values; blank ones are passed over.
///
/// Keys must increase, and the memory does not grow with the lines; or the lines are sorted first, in
/// 24 + 4 x values bytes each. A key that comes twice is refused either way.
/// Threads: confined to one thread.
class TableTextReader {
 public:
  struct Options {
    bool ids = false;   ///< The keys are numeric feature ids.
    bool sort = false;  ///< The lines are in any order.
  };
  /// Open `path` ("-": standard input; gzip and zstd are unpacked) and read the first line, or with `sort` all of them.
  /// Errors: kNotFound, kIoError, kCorruption (packed and damaged);
  ///         kBadData  empty, or a line that is none; says file and line.
  static Result<TableTextReader> Open(const std::string& path, const Options& options);

  /// Values a key.
  std::uint32_t width() const { return width_; }
  /// Refill `rows` with the next ones, in the order of keys; none means the end. Errors: as above.
  Status Next(TableRows& rows);

 private:
  struct Line {
    Key key;
    std::uint64_t number;  ///< In the file, from 1.
    std::size_t first;     ///< Where its values begin.
  };
  TableTextReader(std::string name, std::unique_ptr<data::TextStream> stream,
                  const Options& options)
      : name_(std::move(name)), stream_(std::move(stream)), options_(options) {}

  Result<bool> ReadLine();
  Status ParseLine(std::string_view text);
  Status ReadAll();
  Status CheckOrder(const Line& before, const Line& line) const;
  Status BadLine(const std::string& message) const;

  std::string name_;  ///< For messages.
  std::unique_ptr<data::TextStream> stream_;
  Options options_;
  std::uint32_t width_ = 0;
  std::uint64_t line_ = 0;  ///< The number of the line read last.
  std::string passed_;
  std::vector<Line> lines_;    ///< Read and not handed out: the first one, or all of them.
  std::vector<float> values_;  ///< Of lines_.
  std::size_t next_ = 0;       ///< Of lines_: handed out before it.
};

}  // namespace steelyard::cli
