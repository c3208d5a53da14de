// One look over the files: text is scanned once for its rows, in small pieces that are joined when the total is known.
#include "train_input.h"

#include <algorithm>
#include <utility>

#include "data/input_files.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kPieceRows = 4096;
// Rows of a batch solver stay with a worker, unless it is slow: finer pieces are shared out more evenly.
constexpr std::uint64_t kBatchPieceRows = 1024;
constexpr std::uint64_t kShardsPerWorker = 16;
// Workers take turns at shards, so rows are learned out of order by about a shard for each worker. On data that drifts
// (flights, 2 workers) shards of 65,536 rows and more cost held-out loss, up to 0.8 %; shards of 16,384 do not.
constexpr std::uint64_t kShardRowsMax = 16'384;
constexpr std::uint64_t kShardsMax = std::uint64_t{1}
                                     << 18;  // Of one job: 40 bytes each in its frame.

std::uint64_t RoundUp(std::uint64_t number, std::uint64_t unit) {
  return (number + unit - 1) / unit * unit;
}

// Shards of whole minibatches, several for each worker, so that all end a pass at about the same time.
std::uint64_t RowsPerShard(const job::TrainParameters& parameters, std::uint64_t rows_total) {
  const std::uint64_t even = rows_total / (kShardsPerWorker * parameters.worker_count()) + 1;
  const std::uint64_t least = rows_total / kShardsMax + 1;
  return RoundUp(std::max(std::min(even, kShardRowsMax), least),
                 parameters.minibatch_rows(parameters.worker_count()));
}

std::uint64_t SumRows(const std::vector<data::Shard>& shards) {
  std::uint64_t rows = 0;
  for (const data::Shard& shard : shards) {
    if (shard.row_count == data::kRowsUnknown) return data::kRowsUnknown;
    rows += shard.row_count;
  }
  return rows;
}

struct Cut {
  std::vector<data::Shard> shards;
  std::uint64_t rows = data::kRowsUnknown;
};

Result<Cut> CutDataset(data::Dataset& dataset, const job::TrainParameters& parameters,
                       bool needs_total) {
  Cut cut;
  if (dataset.format() == data::Format::kParquet) {  // Its files say how many rows they have.
    const Result<std::uint64_t> rows = dataset.CountRows();
    if (!rows.ok()) return rows.status();
    cut.rows = rows.value();
    Result<std::vector<data::Shard>> shards = dataset.Cut(RowsPerShard(parameters, cut.rows));
    if (!shards.ok()) return shards.status();
    cut.shards = std::move(shards.value());
    return cut;
  }
  const std::uint64_t piece = job::IsBatch(parameters.solver) ? kBatchPieceRows : kPieceRows;
  const Result<std::vector<data::Shard>> pieces =
      dataset.Cut(RoundUp(piece, parameters.minibatch_rows(parameters.worker_count())));
  if (!pieces.ok()) return pieces.status();
  cut.rows = SumRows(pieces.value());
  if (cut.rows == data::kRowsUnknown && needs_total) {
    const Result<std::uint64_t> rows = dataset.CountRows();
    if (!rows.ok()) return rows.status();
    cut.rows = rows.value();
  }
  const std::uint64_t known = cut.rows == data::kRowsUnknown ? 0 : cut.rows;
  cut.shards = JoinShards(pieces.value(), RowsPerShard(parameters, known));
  return cut;
}

// About how many of `rows` the hold-out rule leaves.
std::uint64_t TrainedRows(const data::HoldoutRule& holdout, std::uint64_t rows) {
  if (rows == data::kRowsUnknown) return 0;
  const double all = static_cast<double>(rows);
  switch (holdout.kind) {
    case data::HoldoutRule::Kind::kNone:
      return rows;
    case data::HoldoutRule::Kind::kEvery:
      return static_cast<std::uint64_t>(all * 0.9);
    case data::HoldoutRule::Kind::kLast:
    case data::HoldoutRule::Kind::kRandom:
      return static_cast<std::uint64_t>(all * (1.0 - holdout.percent / 100.0));
  }
  return rows;
}

// To count and cut the files; the workers of a cluster keep a cache of their own.
Result<std::unique_ptr<data::Dataset>> OpenToCut(const job::TrainParameters& parameters,
                                                 bool valid) {
  data::DatasetOptions options = job::DatasetOptionsOf(parameters, valid);
  if (!parameters.cluster.empty()) options.cache_folder.clear();
  return data::OpenDataset(options);
}

// Open and cut the files of DATA and of --valid.
Result<TrainInput> OpenBoth(const job::TrainParameters& parameters) {
  TrainInput input;
  Result<std::unique_ptr<data::Dataset>> dataset = OpenToCut(parameters, false);
  if (!dataset.ok()) return dataset.status();
  input.dataset = std::move(dataset.value());
  input.format = input.dataset->format();
  input.format_guessed = parameters.format == data::Format::kAuto &&
                         data::FormatOfName(input.dataset->files().front()) != input.format;
  input.keys_are_ids = input.dataset->keys_are_ids();
  Result<Cut> cut = CutDataset(*input.dataset, parameters,
                               parameters.holdout.kind == data::HoldoutRule::Kind::kLast);
  if (!cut.ok()) return cut.status();
  input.shards = std::move(cut.value().shards);
  input.rows_total = cut.value().rows;
  input.rows_trained = TrainedRows(parameters.holdout, input.rows_total);
  const Result<data::Holdout> holdout = job::HoldoutOf(parameters, input.rows_total);
  if (!holdout.ok()) return holdout.status();
  if (parameters.valid.empty()) return input;

  Result<std::unique_ptr<data::Dataset>> valid = OpenToCut(parameters, true);
  if (!valid.ok()) return valid.status();
  if (valid.value()->keys_are_ids() != input.keys_are_ids) {
    return Status(StatusCode::kBadData,
                  "--valid and DATA must be of one kind: numeric feature ids or features by name",
                  valid.value()->files().front());
  }
  cut = CutDataset(*valid.value(), parameters, false);
  if (!cut.ok()) return cut.status();
  input.valid_shards = std::move(cut.value().shards);
  if (valid.value()->is_stream()) input.valid_dataset = std::move(valid.value());
  return input;
}

// The one shard of a stream goes to every worker.
void ShareStream(const data::Dataset* dataset, std::vector<data::Shard>& shards) {
  if (dataset == nullptr || !dataset->is_stream()) return;
  for (data::Shard& shard : shards) shard.byte_count = data::kSharedStream;
}

}  // namespace

std::vector<data::Shard> JoinShards(const std::vector<data::Shard>& shards,
                                    std::uint64_t rows_min) {
  std::vector<data::Shard> joined;
  for (const data::Shard& shard : shards) {
    const bool goes_on = !joined.empty() && joined.back().file == shard.file &&
                         joined.back().row_count < rows_min &&
                         shard.row_count != data::kRowsUnknown &&
                         joined.back().first_byte + joined.back().byte_count == shard.first_byte;
    if (goes_on) {
      joined.back().byte_count += shard.byte_count;
      joined.back().row_count += shard.row_count;
    } else {
      joined.push_back(shard);
    }
  }
  return joined;
}

Result<TrainInput> OpenTrainInput(const job::TrainParameters& parameters) {
  Result<TrainInput> input = OpenBoth(parameters);
  if (!input.ok() || parameters.in_process()) return input;
  ShareStream(input.value().dataset.get(), input.value().shards);
  ShareStream(input.value().valid_dataset.get(), input.value().valid_shards);
  return input;
}
Result<std::optional<data::StreamFeed>> TakeStream(TrainInput& input) {
  std::optional<data::StreamFeed> feed;
  if (input.dataset->is_stream() && input.valid_dataset != nullptr) {
    return Status(StatusCode::kInvalidArgument,
                  "DATA and --valid are both streams; worker processes can share one; name a file "
                  "for the other",
                  input.valid_dataset->files().front());
  }
  const bool trains = input.dataset->is_stream();
  if (!trains && input.valid_dataset == nullptr) return feed;
  Result<data::StreamFeed> taken =
      trains ? input.dataset->TakeStream() : input.valid_dataset->TakeStream();
  if (!taken.ok()) return taken.status();
  feed = std::move(taken.value());
  return feed;
}

job::DatasetOpener HandOverOpener(TrainInput& input, const job::TrainParameters& parameters) {
  return [&input, paths = parameters.data, valid_paths = parameters.valid](
             const data::DatasetOptions& options) -> Result<std::unique_ptr<data::Dataset>> {
    if (input.dataset != nullptr && options.paths == paths)
      return std::exchange(input.dataset, nullptr);
    if (input.valid_dataset != nullptr && options.paths == valid_paths)
      return std::exchange(input.valid_dataset, nullptr);
    return data::OpenDataset(options);
  };
}

}  // namespace steelyard::cli
