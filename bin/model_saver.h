// ModelSaver: takes the rows and names that a job ends with and puts a model in its place.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/model_writer.h"
#include "job/table_scan.h"
#include "steelyard/status.h"
#include "steelyard/table_options.h"
#include "steelyard/types.h"
#include "table/updater.h"

namespace steelyard::cli {

/// Without Commit() nothing is left behind and an earlier model stays.
///
/// Threads: confined to one thread.
class ModelSaver {
 public:
  /// @param table  of the job; what a scan makes of it is saved.
  ModelSaver(std::string directory, TableOptions table)
      : directory_(std::move(directory)), table_(job::ScannedTable(std::move(table))) {}

  /// Find out whether a model can be saved there, before hours of training.
  /// Errors: kInvalidArgument  it holds something that is no model; kNotFound  no such parent; kIoError.
  static Status CheckPlace(const std::string& directory);

  Status AddNames(const std::vector<std::pair<Key, std::string>>& names);
  /// @param keys  increasing over all calls.
  Status AddRows(std::span<const Key> keys, std::span<const float> rows);
  /// Forget the rows so far: others are the result.
  void StartAgain();
  /// Write names and manifest; the model is in its place when this returns OK.
  Status Commit(checkpoint::ModelManifest manifest);

  std::uint64_t row_count() const { return row_count_; }
  std::uint64_t nonzeros() const { return nonzeros_; }

 private:
  Status Begin();

  std::string directory_;
  TableOptions table_;
  std::unique_ptr<table::Updater> updater_;
  std::unique_ptr<checkpoint::ModelWriter> writer_;
  std::vector<std::pair<Key, std::string>> names_;
  std::uint64_t row_count_ = 0;
  std::uint64_t nonzeros_ = 0;
};

}  // namespace steelyard::cli
