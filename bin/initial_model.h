// InitialModel: the rows of --init MODEL, as training starts from them.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "job/parameters.h"
#include "steelyard/status.h"
#include "steelyard/types.h"

namespace steelyard::cli {

/// Whole rows with the solver's state, in key order, and the names that the model kept.
class InitialModel {
 public:
  /// Read the model of parameters.init; nothing when that is empty.
  ///
  /// A model that brings a schema lends it to `parameters` if they have none.
  /// Errors: kNotFound, kCorruption; kBadData  another task, solver or schema than the job's.
  static Result<InitialModel> Load(job::TrainParameters& parameters);

  /// Refuse input of another kind than the model's. Errors: kBadData.
  Status CheckKeys(bool keys_are_ids) const;

  /// Refill with the next rows; nothing appended means the end.
  void Next(std::vector<Key>& keys, std::vector<float>& rows);
  const std::vector<std::pair<Key, std::string>>& names() const { return names_; }

 private:
  std::string directory_;
  bool keys_are_ids_ = false;
  std::size_t row_floats_ = 1;
  std::size_t next_ = 0;
  std::vector<Key> keys_;
  std::vector<float> rows_;
  std::vector<std::pair<Key, std::string>> names_;
};

}  // namespace steelyard::cli
