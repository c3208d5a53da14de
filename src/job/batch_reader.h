// BatchReader: turns a worker's data shards into minibatches, away from the loop; keeps held-out rows and names aside.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/holdout.h"
#include "data/localise.h"
#include "data/row_spool.h"
#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::job {

/// Opens a dataset; data::OpenDataset in production, rows from memory in the simulation.
using DatasetOpener =
    std::function<Result<std::unique_ptr<data::Dataset>>(const data::DatasetOptions&)>;

/// How a job's input is read. @param valid  the --valid files instead of the training files.
data::DatasetOptions DatasetOptionsOf(const TrainParameters& parameters, bool valid);

/// The job's hold-out rule; nothing is held out when there is none.
Result<data::Holdout> HoldoutOf(const TrainParameters& parameters, std::uint64_t rows_total);

/// Minibatches of one or more shards, read in order.
///
/// Minibatches are cut by row number within a shard: `batch_rows` training rows each, fewer at a shard's end, so that
/// the same shards give the same minibatches whoever reads them.
///
/// Threads: Open() and Read() are called by one work item at a time; nothing else touches it meanwhile.
class BatchReader {
 public:
  struct Options {
    std::size_t batch_rows = 128;
    data::Holdout holdout;  ///< Rows it names are spooled (first pass) and not returned.
    bool spool_held_out = false;
    bool keep_names = false;
    std::function<std::uint64_t()> thread_ns =
        {};  ///< Processor time of the calling thread; may be empty.
  };

  /// Errors: those of the opener.
  Status Open(const DatasetOpener& opener, const data::DatasetOptions& options);

  /// Start a phase with its options. Names and spooled rows of earlier phases stay.
  void Begin(const Options& options);

  /// Read up to `batches_max` minibatches from the shards given so far.
  /// @param spare  minibatches to refill; new ones are made when it is empty.
  struct Chunk {
    std::vector<std::unique_ptr<data::Minibatch>> batches;
    std::vector<std::size_t> shard_ends;  ///< Of each shard that ended: the batches before its end.
    std::uint64_t parse_ns = 0;           ///< Processor time of reading rows.
    std::uint64_t localise_ns = 0;        ///< And of all else: what makes minibatches of them.
    Status status;
  };
  Chunk Read(std::deque<data::Shard>& shards, std::size_t batches_max,
             std::vector<std::unique_ptr<data::Minibatch>>& spare);

  /// Read minibatches of the rows that were held out. Empty at the end; the next call starts over.
  Chunk ReadHeldOut(std::size_t batches_max, std::vector<std::unique_ptr<data::Minibatch>>& spare);

  /// Rows refused in this phase.
  std::uint64_t bad_rows() const { return bad_rows_ + (reader_ ? reader_->bad_rows() : 0); }
  std::uint64_t held_out_rows() const { return spool_.rows(); }
  /// Key -> name of every key seen (keep_names only).
  const std::unordered_map<Key, std::string>& names() const { return names_; }

 private:
  Chunk ReadBatches(std::deque<data::Shard>& shards, std::size_t batches_max,
                    std::vector<std::unique_ptr<data::Minibatch>>& spare);
  std::uint64_t ThreadNs() const { return options_.thread_ns ? options_.thread_ns() : 0; }
  static std::unique_ptr<data::Minibatch> Take(
      std::vector<std::unique_ptr<data::Minibatch>>& spare);
  Status ReadRows(std::size_t rows_max, data::RowBlock& rows);
  Status FillBatch(data::Minibatch& batch);
  void TakeNames();

  Options options_;
  std::unique_ptr<data::Dataset> dataset_;
  std::unique_ptr<data::RowReader> reader_;
  data::RowBlock rows_;  ///< Read, and handed out up to next_row_.
  std::size_t next_row_ = 0;
  bool at_end_ = false;  ///< The current shard has no rows after rows_.
  data::Localiser localiser_;
  data::RowBlock held_out_;  ///< On its way to the spool.
  data::RowSpool spool_;
  std::uint64_t bad_rows_ = 0;
  std::uint64_t parse_ns_ = 0;  ///< Of all calls.
  std::unordered_map<Key, std::string> names_;
};

}  // namespace steelyard::job
