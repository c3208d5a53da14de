// Text inputs: counting, cutting and reading the rows of libsvm and CSV files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/bad_rows.h"
#include "data/byte_source.h"
#include "data/dataset.h"
#include "data/input_files.h"
#include "data/row_parser.h"

namespace steelyard::data {

/// Sees rows in input order, not every one, and says whether the input keeps the order it promises.
class RecordOrder {
 public:
  virtual ~RecordOrder() = default;
  /// False when `record` of files[file] belongs before one seen earlier; error() says why.
  virtual bool Next(std::uint32_t file, const Record& record) = 0;
  virtual const std::string& error() const = 0;
};

/// Everything that tells one text input from another.
struct TextInput {
  Format format = Format::kLibsvm;
  std::vector<InputFile> files;
  std::unique_ptr<ByteSource> stream;  ///< The one stream, when files holds a stream.
  BadRows::Limits bad_rows;
  /// A parser for rows of files[file].
  std::function<std::unique_ptr<RowParser>(std::uint32_t file)> make_parser;
  /// A check of the order where shards and files meet, which no parser sees; empty where no order is promised.
  std::function<std::unique_ptr<RecordOrder>()> make_order;
};

std::unique_ptr<Dataset> MakeTextDataset(TextInput input);

/// A libsvm dataset over probed files.
Result<std::unique_ptr<Dataset>> OpenLibsvm(std::vector<ProbedFile> probed,
                                            const DatasetOptions& options);

/// Move the files and the stream out of `probed`.
TextInput TakeFiles(std::vector<ProbedFile> probed, const DatasetOptions& options);

}  // namespace steelyard::data
