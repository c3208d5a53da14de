// RowGatherer: rows as they come, the keys that stand in them, and then the same rows as columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "apps/linear/columns.h"
#include "data/localise.h"
#include "runtime/team.h"
#include "steelyard/types.h"
#include "table/array_table.h"
#include "table/hash_table.h"
#include "table/page_memory.h"

namespace steelyard::apps::linear {

/// A worker's rows between reading and solving: Add() each minibatch, EndRows(), MakeColumns(), TakeColumns().
///
/// Threads: confined to one at a time; but keys() and entries() may be read beside MakeColumns().
/// Memory:  4 bytes an entry (8 in minibatches that have values), 8 a distinct key of each minibatch, 8 a row; entries twice while
///          they become columns.
class RowGatherer {
 public:
  /// Add rows; those without a label (NaN) are passed over.
  void Add(const data::Minibatch& batch);

  /// No more rows: keys() and entries() are known. The memory that counting took is given back to the system: servers of
  /// this machine are about to take as much for these keys.
  void EndRows();
  /// [n] the distinct keys, increasing.
  std::span<const Key> keys() const { return keys_->keys(); }
  /// [n] in how many places of the rows each key stands.
  std::span<const float> entries() const { return std::as_const(*keys_).column(0); }

  /// Make columns of the rows, in the order of their keys. @param team  as of Transpose().
  void MakeColumns(runtime::Team* team = nullptr);
  /// Take the columns under their features' numbers.
  /// @param feature_of_key  [n] each number below `feature_count` at most once; or kNoColumn: that column goes.
  Columns TakeColumns(std::span<const std::uint32_t> feature_of_key, std::size_t feature_count,
                      runtime::Team* team = nullptr);

  std::size_t row_count() const { return labels_.size(); }
  /// Distinct keys so far.
  std::size_t key_count() const { return counted_ ? counted_->rows.size() : keys_->size(); }
  std::span<const float> labels() const { return labels_; }
  /// Empty while each row's is 1.
  std::span<const float> importance() const { return importance_; }
  /// Of any entry, its |value| times its row's importance.
  double value_max() const { return value_max_; }

  /// Bytes that Columns of these rows take for their entries.
  std::size_t entry_bytes() const;

 private:
  /// The rows of a minibatch that have a label.
  struct Part {
    std::vector<Key> keys;                ///< [d] distinct, increasing.
    std::vector<std::uint32_t> offsets;   ///< [rows + 1]
    std::vector<std::uint32_t> features;  ///< [nnz] positions in `keys`; at last of all keys.
    std::vector<float> values;            ///< [nnz]; empty when every value is 1.
  };

  std::vector<Part> parts_;
  std::size_t entry_count_ = 0;
  std::vector<float> labels_;
  std::vector<float> importance_;
  double value_max_ = 0.0;
  bool has_values_ = false;

  /// Keys and in how many places they stand, while rows come.
  struct Counted {
    table::PageMemory memory;
    table::HashTable rows{KeyRange{0, kKeyMax}, 1, memory};
  };

  std::unique_ptr<Counted> counted_ = std::make_unique<Counted>();
  std::unique_ptr<table::PageMemory> memory_ = std::make_unique<table::PageMemory>();
  std::unique_ptr<table::ArrayTable> keys_;  ///< Of counted_, once there are no more rows.
  Columns columns_;                          ///< By key.
};

}  // namespace steelyard::apps::linear
