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
    if (name) {
      names_.push_back(i);
      name_columns_.emplace_back(feature.name + '=', columns_[i]);
    } else if (number) {
      numbers_.push_back({.feature = i, .cell = columns_[i], .key = KeyOfName(feature.name)});
    } else {
      others_.push_back(i);
    }
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

/// Note where the cells of numbers stand that are not empty. @return how many there are.
std::size_t CellFeatures::FindNumbers(const Cells& cells) {
  const std::size_t numbers = numbers_.size();
  const NumberColumn* const columns = numbers_.data();
  Component* const components = components_.data();
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < numbers; ++i) {
    const std::uint32_t before = cells.stops[columns[i].cell];
    const std::uint32_t end = cells.stops[columns[i].cell + 1];
    number_befores_.data()[count] = before;
    number_ends_.data()[count] = end;
    number_indices_.data()[count] = i;
    components[columns[i].feature].present = false;
    count += before + 1 != end ? 1 : 0;
  }
  return count;
}

bool CellFeatures::ReadNumbers(const Cells& cells) {
  const std::size_t count = FindNumbers(cells);
  for (std::size_t first = 0; first < count;) {
    const float* const values = number_values_.data();
    const std::size_t read = ReadReals({.text = cells.text,
                                        .befores = number_befores_.data() + first,
                                        .ends = number_ends_.data() + first,
                                        .stride = 1,
                                        .count = count - first},
                                       number_values_.data());
    const std::uint32_t* const indices = number_indices_.data() + first;
    for (std::size_t i = 0; i < read; ++i) {
      const NumberColumn& column = numbers_.data()[indices[i]];
      components_.data()[column.feature] = {.key = column.key, .value = values[i], .present = true};
    }
    first += read;
    if (first == count) break;
    // Blanks around it, perhaps.
    if (!ReadOne(numbers_[number_indices_[first]].feature, cells)) return false;
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
