// VwParser: "label importance 'tag |namespace name:value ..." lines, the text that Vowpal Wabbit reads, as rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/label.h"
#include "data/name_batch.h"
#include "data/name_book.h"
#include "data/row_block.h"
#include "data/row_parser.h"

namespace steelyard::data {

/// A feature `name` of the namespace `space` is called "space=name", one without a namespace "name": the names, and so
/// the keys, that a column of a table gives.
class VwParser : public RowParser {
 public:
  VwParser(LabelMap labels, bool labels_optional, bool keep_names)
      : labels_(std::move(labels)),
        labels_optional_(labels_optional),
        names_(keep_names),
        batch_(names_) {}

  bool Parse(const Record& record, std::uint64_t row, RowBlock& block) override;
  std::vector<std::pair<Key, std::string>> TakeNames() override { return names_.Take(); }

 private:
  bool ParseHead(const char* p, const char* bar);
  bool ParseLabel(std::string_view word);
  bool ParseNamespace(const char*& p, const char* end);
  bool ParseFeature(const char*& p, const char* end, std::size_t index);
  bool Fail(std::string message);

  LabelMap labels_;
  bool labels_optional_;
  NameBook names_;
  float label_ = 0;
  float weight_ = 1;
  double scale_ = 1;    ///< Of the namespace.
  std::string prefix_;  ///< "namespace=" of the current one, then room.
  std::size_t prefix_bytes_ = 0;
  NameBatch batch_;
  std::vector<Key> keys_;  ///< The row being parsed; never shrinks.
  std::vector<float> values_;
};

/// Does `line` look like a VW example? Used to detect the format.
bool LooksLikeVw(std::string_view line);

}  // namespace steelyard::data
