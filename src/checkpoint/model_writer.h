// ModelWriter: saves a model so that its directory holds either the earlier model or the complete new one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/manifest.h"
#include "checkpoint/names_file.h"
#include "checkpoint/table_file.h"
#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::checkpoint {

/// Writes into a temporary directory beside the model's, which Commit() puts in its place.
///
/// Use: Create, then per table AddTable and AppendRows, then the names if there are any, then Commit. After an error,
/// or without Commit, the earlier model is untouched and the temporary directory is removed with the writer.
/// Threads: confined to one thread.
class ModelWriter {
 public:
  /// @param directory  the model's; absent, empty, or a model that Commit() shall replace.
  /// Errors: kInvalidArgument  it holds something else; kNotFound  its parent does not exist; kIoError.
  static Result<std::unique_ptr<ModelWriter>> Create(const std::string& directory);
  ~ModelWriter();
  ModelWriter(const ModelWriter&) = delete;
  ModelWriter& operator=(const ModelWriter&) = delete;

  /// Begin a table; the one before it is complete.
  Status AddTable(const TableFileHeader& header);
  /// Append rows to the table begun last. See TableFileWriter::Append().
  Status AppendRows(std::span<const Key> keys, std::span<const float> rows);
  /// Append a key's name; keys increase. The last table is complete then.
  Status AppendName(Key key, std::string_view name);
  /// Write the manifest, flush everything to the disk and put the model in its place.
  /// @param manifest  `tables` and `names` are filled in from what was written.
  Status Commit(ModelManifest manifest);

  /// Rows written so far, over all tables.
  std::uint64_t row_count() const { return row_count_; }
  /// Where the model will be.
  const std::string& directory() const { return target_; }

 private:
  ModelWriter(std::string target, std::string temporary, Descriptor directory);
  Result<OutputFile> CreateFile(const std::string& name) const;
  Status FinishTable();
  Status FinishNames();
  Status Keep(Status status);

  std::string target_;
  std::string temporary_;
  Descriptor directory_;
  std::optional<TableFileWriter> table_;
  std::optional<NamesFileWriter> names_;
  std::vector<ManifestTable> tables_;
  std::optional<ManifestFile> names_file_;
  std::uint64_t row_count_ = 0;
  Status failed_;  // The first error; nothing is written after it.
  bool committed_ = false;
};

}  // namespace steelyard::checkpoint
