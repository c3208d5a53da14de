// ParquetRows: batches of columns become rows, by a schema.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/binding.h"
#include "data/feature_builder.h"
#include "data/order_check.h"
#include "data/parquet_file.h"
#include "data/row_block.h"
#include "data/row_parser.h"

namespace steelyard::data {

/// How one file is read. Every reader of the file shares it.
struct ParquetPlan {
  std::string path;
  std::uint64_t rows = 0;
  std::uint64_t first_row = 0;  ///< Number in the whole input of the file's first row.
  Schema schema;
  ColumnBinding binding;                ///< Indices into `selected`.
  std::vector<std::uint32_t> selected;  ///< Columns of the file that are read.
  LabelMap labels;
  bool labels_optional = false;
  bool keep_names = false;
};

/// Show cell `index` of the order column to `order`; false when it is out of order.
bool CheckOrder(const ColumnCells& cells, std::size_t index, OrderCheck& order);

/// Rows of one batch of cells. Components are made a column at a time, rows one at a time.
///
/// Threads: confined to one thread.
class ParquetRows {
 public:
  /// @param order  has seen the row before the first one; absent where the schema promises no order.
  ParquetRows(const ParquetPlan& plan, std::optional<OrderCheck> order);

  /// Take the first `count` cells of each selected column; they must stay until the last Append().
  void Load(std::size_t count, std::vector<ColumnCells>& cells);

  /// Append row `index` of the batch to `block` under the number `row`. On false nothing is appended; see error().
  bool Append(std::size_t index, std::uint64_t row, RowBlock& block);

  /// The check as the last row left it.
  std::optional<OrderCheck> TakeOrder() { return std::exchange(order_, std::nullopt); }

  const std::string& error() const { return error_; }
  bool fatal() const { return fatal_; }
  std::vector<std::pair<Key, std::string>> TakeNames() { return builder_.TakeNames(); }

 private:
  bool Fail(std::string message);
  void LoadFeature(std::size_t feature, const ColumnCells& cells);
  void LoadTimes(std::size_t feature, const ColumnCells& cells);
  bool ReadLabel(std::size_t index, float& label);
  bool ReadWeight(std::size_t index, float& weight);

  const ParquetPlan& plan_;
  FeatureBuilder builder_;
  std::optional<OrderCheck> order_;
  std::size_t count_ = 0;
  const std::vector<ColumnCells>* cells_ = nullptr;
  std::vector<Component> components_;  ///< [count, features]
  std::map<std::size_t, std::string>
      misfits_;  ///< Rows of the batch with a cell that does not fit, and why.
  std::string error_;
  bool fatal_ = false;
};

}  // namespace steelyard::data
