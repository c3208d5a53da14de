// SavedModel: a trained model in memory, for the commands that use one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "job/parameters.h"
#include "steelyard/status.h"
#include "steelyard/types.h"
#include "table/hash_table.h"

namespace steelyard::checkpoint {
class ModelReader;
}  // namespace steelyard::checkpoint

namespace steelyard::cli {

/// Call `visit` with every key and its weight, zeros included, in key order.
/// Errors: kBadData  no linear model; kCorruption; kIoError; or what `visit` returned. Nothing visited counts then.
Status VisitWeights(checkpoint::ModelReader& reader,
                    const std::function<Status(Key key, float weight)>& visit);

/// The weights that are not 0, and what the model says about itself.
///
/// Threads: const calls from any thread.
class SavedModel {
 public:
  /// Errors: kNotFound  no model there; kCorruption; kBadData  not a model of this program's kind.
  static Result<SavedModel> Load(const std::string& directory);

  const std::string& directory() const { return directory_; }
  /// How it was trained; data paths are those of then.
  const job::TrainParameters& parameters() const { return parameters_; }
  bool keys_are_ids() const { return keys_are_ids_; }
  /// Return the weight of `key`, 0 for one never learned.
  double Weight(Key key) const {
    const float* weight = weights_->Find(key);
    return weight == nullptr ? 0.0 : static_cast<double>(*weight);
  }

 private:
  SavedModel() = default;

  std::string directory_;
  job::TrainParameters parameters_;
  bool keys_are_ids_ = false;
  std::unique_ptr<table::PageMemory> memory_ = std::make_unique<table::PageMemory>();
  std::unique_ptr<table::HashTable> weights_;
};

}  // namespace steelyard::cli
