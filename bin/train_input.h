// The input of a training job, opened and cut into shards by whoever submits it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "job/batch_reader.h"
#include "job/parameters.h"
#include "steelyard/status.h"

namespace steelyard::cli {

/// Where rows are, and how many.
struct TrainInput {
  std::unique_ptr<data::Dataset>
      dataset;  ///< The training files; standard input can be read through it only.
  std::unique_ptr<data::Dataset> valid_dataset;  ///< The --valid files, where they are a stream.
  data::Format format = data::Format::kAuto;
  bool format_guessed = false;  ///< Neither --format nor a file's name says it.
  bool keys_are_ids = false;
  std::uint64_t rows_total = data::kRowsUnknown;  ///< Held-out rows of --holdout included.
  std::uint64_t rows_trained = 0;  ///< About how many of them are trained on; 0 when unknown.
  std::vector<data::Shard> shards;
  std::vector<data::Shard> valid_shards;
};

/// Open the files of --valid and of DATA and cut them. The shards depend on the input, the minibatch and the number of
/// workers, on nothing else.
/// Errors: those of data::OpenDataset(), and kInvalidArgument or kBadData where the two inputs do not fit together.
Result<TrainInput> OpenTrainInput(const job::TrainParameters& parameters);

/// Join neighbouring shards of one file into pieces of at least `rows_min` rows, except where the file ends.
std::vector<data::Shard> JoinShards(const std::vector<data::Shard>& shards, std::uint64_t rows_min);

/// The stream of `input` for the workers of other processes to parse; nothing when there is none.
/// @param input  its dataset is moved out.
/// Errors: kInvalidArgument  DATA and --valid are both streams.
Result<std::optional<data::StreamFeed>> TakeStream(TrainInput& input);

/// An opener that hands out the datasets of `input` for the first request of their files and opens anew for all others.
/// @param input  borrowed; its datasets are moved out.
job::DatasetOpener HandOverOpener(TrainInput& input, const job::TrainParameters& parameters);

}  // namespace steelyard::cli
