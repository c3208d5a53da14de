// WrappedDataset: a dataset whose rows are another's, opened in its own way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace steelyard::data {

/// Everything but Open() is the other's.
class WrappedDataset : public Dataset {
 public:
  explicit WrappedDataset(std::shared_ptr<Dataset> dataset) : dataset_(std::move(dataset)) {}

  const std::vector<std::string>& files() const override { return dataset_->files(); }
  Format format() const override { return dataset_->format(); }
  bool keys_are_ids() const override { return dataset_->keys_are_ids(); }
  Result<std::uint64_t> CountRows() override { return dataset_->CountRows(); }
  Result<std::vector<Shard>> Cut(std::uint64_t rows_per_shard) override {
    return dataset_->Cut(rows_per_shard);
  }
  bool is_stream() const override { return dataset_->is_stream(); }
  Result<StreamFeed> TakeStream() override { return dataset_->TakeStream(); }

 protected:
  /// Readers may share it.
  const std::shared_ptr<Dataset>& dataset() const { return dataset_; }

 private:
  std::shared_ptr<Dataset> dataset_;
};

}  // namespace steelyard::data
