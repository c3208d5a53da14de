// Columns are sorted once by what they become, so that each loop does one thing for all of its columns.
#include "data/cell_features.h"

#include "base/hash.h"
#include "data/real_run.h"

namespace steelyard::data {

CellFeatures::CellFeatures(const Schema& schema, std::span<const std::uint32_t> columns,
                           bool keep_names)
    : builder_(schema, keep_names),
      columns_(columns.begin(), columns.end()),
      all_names_(schema.crosses.empty()),
      components_(schema.features.size()) {
  for (std::uint32_t i = 0; i < schema.features.size(); ++i) {
    const FeatureSpec& feature = schema.features[i];
    const bool whole = feature.part == Part::kWhole;
    const bool name = whole && !feature.numeric && feature.width == 0 && !keep_names;
    const bool number = whole && feature.numeric;
    (name ? names_ : number ? numbers_ : others_).push_back(i);
    if (name) name_columns_.emplace_back(feature.name + '=', columns_[i]);
    if (number) number_keys_.push_back(KeyOfName(feature.name));
    all_names_ = all_names_ && name && feature.alone;
  }
  name_keys_.resize(names_.size() + NameSlots::kLanes);
  number_befores_.resize(numbers_.size() + 1);  // An empty last one is written, then not counted.
  number_ends_.resize(numbers_.size() + 1);
  number_indices_.resize(numbers_.size() + 1);
  number_values_.resize(numbers_.size() + RealRun::kSpare);
}

bool CellFeatures::Build(const Cells& cells) {
  batch_.Start(name_keys_.data());
  name_count_ = batch_.AddCells(name_columns_, cells);
  batch_.Finish();
  if (all_names_) return true;
  PlaceNames(cells);
  if (!ReadNumbers(cells)) return Refuse(cells);
  for (const std::uint32_t index : others_) {
    if (!ReadOne(index, cells)) return Refuse(cells);
  }
  builder_.Build(components_);
  return true;
}

void CellFeatures::PlaceNames(const Cells& cells) {
  const Key* key = name_keys_.data();
  Component* const components = components_.data();
  for (const std::uint32_t index : names_) {
    const bool present = !cells[columns_[index]].empty();
    components[index] = {.key = *key, .value = 1.0F, .present = present};
    key += present ? 1 : 0;
  }
}

bool CellFeatures::ReadNumbers(const Cells& cells) {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < numbers_.size(); ++i) {
    const std::uint32_t column = columns_[numbers_[i]];
    number_befores_[count] = cells.stops[column];
    number_ends_[count] = cells.stops[column + 1];
    number_indices_[count] = i;
    components_[numbers_[i]].present = false;
    count += cells[column].empty() ? 0 : 1;
  }
  for (std::size_t first = 0; first < count;) {
    const std::size_t read = ReadReals({.text = cells.text,
                                        .befores = number_befores_.data() + first,
                                        .ends = number_ends_.data() + first,
                                        .stride = 1,
                                        .count = count - first},
                                       number_values_.data());
    for (std::size_t i = 0; i < read; ++i) {
      const std::uint32_t index = number_indices_[first + i];
      components_[numbers_[index]] = {
          .key = number_keys_[index], .value = number_values_[i], .present = true};
    }
    first += read;
    if (first == count) break;
    // Blanks around it, perhaps.
    if (!ReadOne(numbers_[number_indices_[first]], cells)) return false;
    ++first;
  }
  return true;
}

bool CellFeatures::ReadOne(std::size_t index, const Cells& cells) {
  return builder_.OfText(index, cells[columns_[index]], components_[index]);
}

/// Say what is wrong with the first cell that does not fit, in the schema's order.
bool CellFeatures::Refuse(const Cells& cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!ReadOne(i, cells)) break;
  }
  return false;
}

}  // namespace steelyard::data
