// CriteoParser: rows of the Criteo click logs: a label, 13 integers and 26 categories between tabs, no header.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/cells.h"
#include "data/label.h"
#include "data/name_batch.h"
#include "data/name_book.h"
#include "data/row_block.h"
#include "data/row_parser.h"

namespace steelyard::data {

inline constexpr std::size_t kCriteoIntegers = 13;
inline constexpr std::size_t kCriteoCategories = 26;

/// What an integer of at least 3 becomes: floor(ln(value)^2). Smaller ones stand for themselves.
/// Source: the preprocessing of Juan, Zhuang, Chin and Lin for the Criteo competition, 2014.
std::uint32_t CriteoBucket(std::uint64_t value);

class CriteoIntegers;

/// Features are named I1=2 (an integer below 3), I1=b7 (bucket 7) and C1=68fd1e64; an empty field gives none.
class CriteoParser : public RowParser {
 public:
  CriteoParser(LabelMap labels, bool labels_optional, bool keep_names);

  bool Parse(const Record& record, std::uint64_t row, RowBlock& block) override;
  std::vector<std::pair<Key, std::string>> TakeNames() override { return names_.Take(); }

 private:
  bool ReadLabel(std::string_view cell, float& label);
  bool ReadIntegers(const Cells& cells, std::size_t& count);
  bool ReadInteger(std::size_t column, std::string_view cell, Key& key);
  Key KeyOfText(std::size_t column, std::string_view text);
  bool Fail(std::string message);

  LabelMap labels_;
  bool labels_optional_;
  NameBook names_;
  const CriteoIntegers& integers_;
  NameBatch batch_;
  std::vector<std::pair<Key, std::string>> integer_names_;  ///< Of the row, where names are wanted.
  std::vector<NameBatch::Column> categories_;               ///< Prefixes "C1=", ... "C26=".
  std::vector<std::uint32_t> stops_;
  std::vector<Key> keys_;
};

/// Does `line` look like a Criteo row, with its label or without? Used to detect the format.
bool LooksLikeCriteo(std::string_view line);

}  // namespace steelyard::data
