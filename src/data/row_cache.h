// Row cache: parsed rows kept in a folder, so that later passes and later jobs over the same files parse nothing.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Keep the rows of each shard of `dataset` in a file of `options.cache_folder`, and read them from there when they are
/// known.
///
/// A file's name is made from what its rows depend on: size, time of change and first and last bytes of the input file,
/// the shard's place in it, and the options. It appears when a shard was read to its end, whole; a damaged one is
/// removed and its shard parsed again. Any number of processes may share the folder, and anybody may empty it.
///
/// Errors: kIoError  the folder cannot be made; kInvalidArgument  a stream, which nobody can read a second time.
///         Readers also report kIoError when the folder is full.
/// Cost:   about 8 bytes a feature of disk (12 where values are not 1), written at the disk's speed in the first pass.
Result<std::unique_ptr<Dataset>> CacheRows(std::unique_ptr<Dataset> dataset,
                                           const DatasetOptions& options);

}  // namespace steelyard::data
