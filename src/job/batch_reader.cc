#include "job/batch_reader.h"

#include <algorithm>

namespace steelyard::job {
namespace {

/// Rows asked of a reader at once: enough that a call's own cost vanishes.
constexpr std::size_t kReadRows = 2048;

}  // namespace

data::DatasetOptions DatasetOptionsOf(const TrainParameters& parameters, bool valid) {
  data::DatasetOptions options;
  options.paths = valid ? parameters.valid : parameters.data;
  options.format = parameters.format;
  options.schema_text = parameters.schema_text;
  options.schema_name = parameters.schema;
  options.label_rule = parameters.label;
  options.weight_column = parameters.weight;
  options.label_kind =
      parameters.task == Task::kSquared ? data::LabelKind::kReal : data::LabelKind::kBinary;
  options.intercept = parameters.intercept;
  options.keep_names = parameters.keep_names && !valid;
  options.bad_rows_max = parameters.bad_rows_max.rows;
  options.bad_rows_fraction_max = parameters.bad_rows_max.percent / 100;
  if (parameters.cache != kNoCache) options.cache_folder = parameters.cache;
  return options;
}

Result<data::Holdout> HoldoutOf(const TrainParameters& parameters, std::uint64_t rows_total) {
  data::Holdout holdout(parameters.holdout, parameters.seed);
  if (holdout.needs_total_rows()) {
    if (rows_total == data::kRowsUnknown) {
      return Status(StatusCode::kInvalidArgument,
                    "--holdout last:P% needs to know how many rows there are, and standard input "
                    "does not say; "
                    "use --holdout every or random:P%, or read from a file");
    }
    holdout.SetTotalRows(rows_total);
  }
  return holdout;
}

Status BatchReader::Open(const DatasetOpener& opener, const data::DatasetOptions& options) {
  auto dataset = opener(options);
  if (!dataset.ok()) return dataset.status();
  dataset_ = std::move(dataset.value());
  return {};
}

void BatchReader::Begin(const Options& options) {
  options_ = options;
  reader_.reset();
  bad_rows_ = 0;
  rows_.Clear();
  next_row_ = 0;
  at_end_ = false;
}

std::unique_ptr<data::Minibatch> BatchReader::Take(
    std::vector<std::unique_ptr<data::Minibatch>>& spare) {
  if (spare.empty()) return std::make_unique<data::Minibatch>();
  auto batch = std::move(spare.back());
  spare.pop_back();
  batch->rows.Clear();
  return batch;
}

void BatchReader::TakeNames() {
  if (!options_.keep_names || !reader_) return;
  for (auto& [key, name] : reader_->TakeNames()) names_.try_emplace(key, std::move(name));
}

/// Read up to `rows_max` rows behind those of `rows`; at the shard's end there are none.
Status BatchReader::ReadRows(std::size_t rows_max, data::RowBlock& rows) {
  const std::size_t before = rows.size();
  const std::uint64_t began = ThreadNs();
  SY_RETURN_IF_ERROR(reader_->Read(rows_max, rows));
  parse_ns_ += ThreadNs() - began;
  at_end_ = rows.size() == before;
  TakeNames();
  return {};
}

Status BatchReader::FillBatch(data::Minibatch& batch) {
  if (!options_.holdout.holds_out_any()) {  // Rows are read where they stay.
    while (batch.rows.size() < options_.batch_rows && !at_end_) {
      SY_RETURN_IF_ERROR(ReadRows(options_.batch_rows - batch.rows.size(), batch.rows));
    }
    return {};
  }
  while (batch.rows.size() < options_.batch_rows && !at_end_) {
    if (next_row_ == rows_.size()) {
      rows_.Clear();
      next_row_ = 0;
      SY_RETURN_IF_ERROR(ReadRows(kReadRows, rows_));
      continue;
    }
    const std::size_t index = next_row_++;
    if (!options_.holdout.HeldOut(rows_.rows[index])) {
      data::AppendRow(rows_, index, batch.rows);
    } else if (options_.spool_held_out) {
      data::AppendRow(rows_, index, held_out_);
    }
  }
  if (!held_out_.empty() && (at_end_ || held_out_.size() >= kReadRows)) {
    SY_RETURN_IF_ERROR(spool_.Append(held_out_));
    held_out_.Clear();
  }
  return {};
}

BatchReader::Chunk BatchReader::Read(std::deque<data::Shard>& shards, std::size_t batches_max,
                                     std::vector<std::unique_ptr<data::Minibatch>>& spare) {
  const std::uint64_t began = ThreadNs();
  const std::uint64_t parsed = parse_ns_;
  Chunk chunk = ReadBatches(shards, batches_max, spare);
  chunk.parse_ns = parse_ns_ - parsed;
  chunk.localise_ns = ThreadNs() - began - chunk.parse_ns;
  return chunk;
}

BatchReader::Chunk BatchReader::ReadBatches(std::deque<data::Shard>& shards,
                                            std::size_t batches_max,
                                            std::vector<std::unique_ptr<data::Minibatch>>& spare) {
  Chunk chunk;
  while (chunk.batches.size() < batches_max && !shards.empty()) {
    if (!reader_) {
      auto reader = dataset_->Open(shards.front());
      if (!reader.ok()) {
        chunk.status = reader.status();
        return chunk;
      }
      reader_ = std::move(reader.value());
      at_end_ = false;
    }
    auto batch = Take(spare);
    chunk.status = FillBatch(*batch);
    if (!chunk.status.ok()) return chunk;
    if (!batch->rows.empty()) {
      localiser_.Localise(*batch);
      chunk.batches.push_back(std::move(batch));
    }
    if (at_end_ && next_row_ == rows_.size()) {
      bad_rows_ += reader_->bad_rows();
      reader_.reset();
      shards.pop_front();
      chunk.shard_ends.push_back(chunk.batches.size());
    }
  }
  return chunk;
}

BatchReader::Chunk BatchReader::ReadHeldOut(std::size_t batches_max,
                                            std::vector<std::unique_ptr<data::Minibatch>>& spare) {
  Chunk chunk;
  while (chunk.batches.size() < batches_max) {
    auto batch = Take(spare);
    chunk.status = spool_.Read(options_.batch_rows, batch->rows);
    if (!chunk.status.ok()) return chunk;
    if (batch->rows.empty()) {
      if (chunk.batches.empty()) chunk.status = spool_.Rewind();
      return chunk;
    }
    localiser_.Localise(*batch);
    chunk.batches.push_back(std::move(batch));
  }
  return chunk;
}

}  // namespace steelyard::job
