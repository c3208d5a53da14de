#include "apps/linear/row_gatherer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "table/freezer.h"
#include "table/row_batches.h"

namespace steelyard::apps::linear {

void RowGatherer::Add(const data::Minibatch& batch) {
  const data::RowBlock& rows = batch.rows;
  Part part{.keys = batch.keys, .offsets = {0}, .features = {}, .values = {}};
  part.offsets.reserve(rows.size() + 1);
  part.features.reserve(batch.positions.size());
  part.values.reserve(rows.values.size());
  std::vector<float> counts(batch.keys.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::isnan(rows.labels[i])) continue;
    double value_max = 0.0;
    for (std::size_t at = rows.offsets[i]; at < rows.offsets[i + 1]; ++at) {
      counts[batch.positions[at]] += 1.0F;
      value_max = std::max(value_max, std::fabs(static_cast<double>(rows.Value(at))));
      part.features.push_back(batch.positions[at]);
      if (!rows.values.empty()) part.values.push_back(rows.values[at]);
    }
    value_max_ = std::max(value_max_, value_max * std::fabs(rows.Weight(i)));
    part.offsets.push_back(static_cast<std::uint32_t>(part.features.size()));
    if (importance_.empty() && rows.Weight(i) != 1.0F) importance_.assign(labels_.size(), 1.0F);
    labels_.push_back(rows.labels[i]);
    if (!importance_.empty() || rows.Weight(i) != 1.0F) importance_.push_back(rows.Weight(i));
  }
  table::AddToRows(counted_->rows, batch.keys, counts, {});
  entry_count_ += part.features.size();
  has_values_ = has_values_ || !part.values.empty();
  parts_.push_back(std::move(part));
}

void RowGatherer::EndRows() {
  table::Freezer freezer(&counted_->rows, {}, memory_.get());
  while (!freezer.Continue(std::size_t{1} << 20)) {
  }
  keys_ = freezer.Take();
  counted_.reset();
}

void RowGatherer::MakeColumns(runtime::Team* team) {
  const auto rank_features = [this](std::size_t i) {
    Part& part = parts_[i];
    std::vector<table::ArrayTable::Rank> ranks(part.keys.size());
    const std::size_t absent = keys_->FindRanks(part.keys, ranks);
    SY_CHECK(absent == 0);
    part.keys = {};
    for (std::uint32_t& feature : part.features) feature = ranks[feature];
  };
  runtime::ForEach(team, parts_.size(), rank_features);
  std::vector<RowsToTranspose> rows;
  rows.reserve(parts_.size());
  for (const Part& part : parts_)
    rows.push_back({.offsets = part.offsets, .features = part.features, .values = part.values});
  columns_ = Transpose(rows, keys_->size(), team);
  parts_ = {};
}

Columns RowGatherer::TakeColumns(std::span<const std::uint32_t> feature_of_key,
                                 std::size_t feature_count, runtime::Team* team) {
  SY_CHECK(feature_of_key.size() == keys_->size());
  keys_.reset();
  Columns columns = Renumber(columns_, feature_of_key, feature_count, team);
  columns_ = {};
  return columns;
}

std::size_t RowGatherer::entry_bytes() const {
  return entry_count_ *
         (has_values_ ? sizeof(std::uint32_t) + sizeof(float) : sizeof(std::uint32_t));
}

}  // namespace steelyard::apps::linear
