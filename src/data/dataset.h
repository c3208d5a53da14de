// Dataset: the input of a job: files, their format, how rows become keys, and how the rows are cut into shards.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/row_block.h"
#include "data/row_chunk.h"
#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::data {

enum class Format : std::uint8_t { kAuto, kLibsvm, kLibfm, kLibffm, kVw, kCriteo, kCsv, kParquet };

/// Are features of this format numbers? Otherwise they are names.
constexpr bool KeysAreIds(Format format) {
  return format == Format::kLibsvm || format == Format::kLibfm || format == Format::kLibffm;
}

/// How label text becomes the learner's number.
enum class LabelKind : std::uint8_t {
  kBinary,  ///< 0/1 or -1/+1 become 0/1; anything else is a bad row (unless label_rule maps it).
  kReal,    ///< Any finite number.
};

/// What the user said about the input. Plain values: it travels in the job's specification.
struct DatasetOptions {
  std::vector<std::string> paths;  ///< Files or globs; "-" is standard input.
  Format format = Format::kAuto;
  std::string schema_text;  ///< Content of the schema file (CSV, Parquet); empty for other formats.
  std::string schema_name;  ///< Its path, for messages.
  bool schema_optional = false;  ///< Formats without columns pass over the schema.
  std::string
      label_rule;  ///< "> 15", ">= 1", "== 2", "< 3", "!= 0"; overrides the schema's `positive`.
  std::string weight_column;
  LabelKind label_kind = LabelKind::kBinary;
  bool labels_optional = false;  ///< predict: a missing label is NaN, not a bad row.
  bool keep_names = false;       ///< Report key -> name pairs through RowReader::TakeNames().
  std::uint64_t bad_rows_max = 0;
  double bad_rows_fraction_max = 0.0;  ///< The larger of both limits counts.
  bool intercept = false;              ///< Each row ends with kInterceptKey, value 1.
  std::string cache_folder;            ///< Keep parsed rows here (row_cache.h); empty: nowhere.
};

/// A part of the input that one reader reads on its own.
struct Shard {
  std::uint32_t file = 0;  ///< Index into Dataset::files().
  std::uint64_t first_byte = 0;
  std::uint64_t byte_count =
      0;                        ///< Text: rows that start in [first_byte, first_byte + byte_count).
  std::uint64_t first_row = 0;  ///< Number in the whole input of the shard's first row.
  std::uint64_t row_count = 0;  ///< kRowsUnknown for streams that cannot be counted ahead.
  bool operator==(const Shard&) const = default;
};
inline constexpr std::uint64_t kRowsUnknown = ~std::uint64_t{0};
/// byte_count of a stream that all workers read together: each is given this shard once and takes what comes next.
inline constexpr std::uint64_t kSharedStream = ~std::uint64_t{0};

/// Reads one shard, in order.
/// Threads: confined to one thread at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// Append up to `rows_max` rows to `block`; none appended and OK means the end.
  /// Errors: kBadData (file:line, what was found), kIoError, kCorruption (truncated gz).
  virtual Status Read(std::size_t rows_max, RowBlock& block) = 0;
  /// Rows refused so far under bad_rows_max.
  virtual std::uint64_t bad_rows() const = 0;
  /// Names of keys first seen by this reader since the last call (keep_names only).
  virtual std::vector<std::pair<Key, std::string>> TakeNames() = 0;
};

/// A stream of text that one process reads and others parse.
struct StreamFeed {
  std::string name;                     ///< "standard input", for messages.
  std::string head;                     ///< Its first bytes, from which format and header are read.
  std::unique_ptr<ChunkSource> chunks;  ///< The text behind the header.
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  /// Expanded paths, in input order.
  virtual const std::vector<std::string>& files() const = 0;
  virtual Format format() const = 0;
  /// True when keys are numeric ids through KeyOfId(); false when they are hashed names.
  virtual bool keys_are_ids() const = 0;
  /// Total rows, or kRowsUnknown for standard input.
  virtual Result<std::uint64_t> CountRows() = 0;
  /// Cut the input into shards of about `rows_per_shard` rows, in input order, at row boundaries; a compressed file
  /// or standard input is one shard. Deterministic in the input and its argument.
  virtual Result<std::vector<Shard>> Cut(std::uint64_t rows_per_shard) = 0;
  virtual Result<std::unique_ptr<RowReader>> Open(const Shard& shard) = 0;
  /// True for standard input and pipes, which can be read once.
  virtual bool is_stream() const { return false; }
  /// Hand the stream out as text, for OpenStreamFeed() elsewhere; Open() finds nothing any more.
  /// Errors: kInvalidArgument  no stream, or read already.
  virtual Result<StreamFeed> TakeStream();
};

/// Expand globs, detect formats, read headers and the schema.
/// Errors: kNotFound (no such file, near misses named), kBadData (binary or empty file, unknown column),
///         kUnavailable (Parquet without its reader: the message has the install command), kInvalidArgument.
Result<std::unique_ptr<Dataset>> OpenDataset(const DatasetOptions& options);

/// The dataset whose one stream comes from `feed` instead of the path that `options` names.
/// Errors: as OpenDataset().
Result<std::unique_ptr<Dataset>> OpenStreamFeed(StreamFeed feed, const DatasetOptions& options);

/// Is `path` standard input, a pipe or another file that can be read once only?
bool NamesStream(const std::string& path);

}  // namespace steelyard::data
