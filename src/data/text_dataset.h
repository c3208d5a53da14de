// Text inputs: counting, cutting and reading the rows of text files.
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
#include "data/record_order.h"
#include "data/row_parser.h"

namespace steelyard::data {

/// Everything that tells one text input from another.
struct TextInput {
  Format format = Format::kLibsvm;
  std::vector<InputFile> files;
  std::unique_ptr<ByteSource> stream;   ///< The one stream, when files holds a stream.
  std::unique_ptr<ChunkSource> chunks;  ///< Instead, when another process reads it.
  std::string head;                     ///< The stream's first bytes, without a byte order mark.
  BadRows::Limits bad_rows;
  /// A parser for rows of files[file].
  std::function<std::unique_ptr<RowParser>(std::uint32_t file)> make_parser;
  /// A check of the order where shards and files meet, which no parser sees; empty where no order is promised.
  std::function<std::unique_ptr<RecordOrder>()> make_order;
};

std::unique_ptr<Dataset> MakeTextDataset(TextInput input);

/// Move the files and the stream out of `probed`.
TextInput TakeFiles(std::vector<ProbedFile> probed, const DatasetOptions& options);

}  // namespace steelyard::data
