// CellFeatures: from the cells of a row of text to its keys, by a schema; the plain columns of a row are read together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/cells.h"
#include "data/feature_builder.h"
#include "data/name_batch.h"
#include "data/schema.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class CellFeatures {
 public:
  /// @param columns  [schema.features] the cell that each feature comes from.
  CellFeatures(const Schema& schema, std::span<const std::uint32_t> columns, bool keep_names);

  /// Make the row's keys as FeatureBuilder does. Valid until the next call. False when a cell does not fit; error() says why.
  bool Build(const Cells& cells);
  std::span<const Key> keys() const {
    return all_names_ ? std::span<const Key>(name_keys_.data(), name_count_) : builder_.keys();
  }
  std::span<const float> values() const {
    return all_names_ ? std::span<const float>() : builder_.values();
  }
  std::vector<std::pair<Key, std::string>> TakeNames() { return builder_.TakeNames(); }
  const std::string& error() const { return builder_.error(); }

 private:
  /// A feature that is the number in its cell.
  struct NumberColumn {
    std::uint32_t feature;
    std::uint32_t cell;
    Key key;
  };

  void PlaceNames(const Cells& cells);
  std::size_t FindNumbers(const Cells& cells);
  bool ReadNumbers(const Cells& cells);
  bool ReadOne(std::size_t index, const Cells& cells);
  bool Refuse(const Cells& cells);

  FeatureBuilder builder_;
  std::vector<std::uint32_t> columns_;
  std::vector<std::uint32_t> names_;             ///< Features that are the text of their cell,
  std::vector<NumberColumn> numbers_;            ///< its number,
  std::vector<std::uint32_t> others_;            ///< something else.
  std::vector<NameBatch::Column> name_columns_;  ///< [names_]
  bool all_names_;  ///< There is nothing but names: their keys are the row's.

  NameBook no_book_{false};
  NameBatch batch_{no_book_};
  std::size_t name_count_ = 0;
  std::vector<Key> name_keys_;  ///< Of the cells that are not empty.
  std::vector<std::uint32_t> number_befores_;
  std::vector<std::uint32_t> number_ends_;
  std::vector<std::uint32_t> number_indices_;  ///< Into numbers_.
  std::vector<float> number_values_;
  std::vector<Component> components_;
};

}  // namespace steelyard::data
