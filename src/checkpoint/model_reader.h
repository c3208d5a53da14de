// ModelReader: a saved model, verified as it is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/names_file.h"
#include "checkpoint/table_file.h"
#include "steelyard/status.h"

namespace steelyard::checkpoint {

/// Reads the model that stood in the directory when it was opened, even when another takes its place meanwhile.
///
/// Threads: confined to one thread.
class ModelReader {
 public:
  /// Read the manifest and the headers of its files.
  /// Errors: kNotFound    no such directory, or no manifest in it;
  ///         kCorruption  a changed byte, a file missing, too short or too long;
  ///         kBadData     a format version that this program does not know; kIoError.
  static Result<std::unique_ptr<ModelReader>> Open(const std::string& directory);

  const std::string& directory() const { return directory_; }
  const ModelManifest& manifest() const { return manifest_; }
  /// The table of that name, or nullptr.
  const TableFileHeader* table(std::string_view name) const;

  /// Visit the rows of a table in key order, a block at a time. Only when this returns OK was the whole file what was
  /// written: use nothing of it before. To be called once a table.
  Status ReadRows(std::string_view table, const TableFileReader::Visit& visit);

  bool has_names() const { return names_.has_value(); }
  /// Visit names in key order; likewise. Nothing is visited when there are none.
  Status ReadNames(const NamesFileReader::Visit& visit);

 private:
  ModelReader(std::string directory, ModelManifest manifest)
      : directory_(std::move(directory)), manifest_(std::move(manifest)) {}
  Result<InputFile> OpenFile(const Descriptor& directory, const ManifestFile& file) const;
  Status OpenFiles(const Descriptor& directory);

  std::string directory_;
  ModelManifest manifest_;
  std::vector<TableFileReader> tables_;  // As in manifest_.tables.
  std::optional<NamesFileReader> names_;
};

}  // namespace steelyard::checkpoint
