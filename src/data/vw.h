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
  bool ParseRegular(std::string_view text, std::size_t stop_count);
  bool ReadValues(const char* text, std::size_t count);
  bool ParseFeatures(std::string_view text, std::size_t stop_count);
  bool TakeNamespace(std::string_view name, const std::string_view* weight);
  bool TakeValue(std::string_view name, std::string_view number);
  bool ReadNumber(std::string_view number, double& value) const;
  std::string WordAt(const char* word) const;
  void Grow(std::size_t stops);
  bool Fail(std::string message);

  LabelMap labels_;
  bool labels_optional_;
  NameBook names_;
  float label_ = 0;
  float weight_ = 1;
  const char* end_ = nullptr;  ///< Of the row being parsed.
  std::string_view space_;     ///< The current namespace,
  double scale_ = 1;           ///< and its weight.
  NameBatch batch_;
  std::vector<std::uint32_t> stops_;  ///< Offsets of what ends words. These never shrink.
  std::vector<Key> keys_;
  std::vector<float> values_;
  std::size_t count_ = 0;  ///< Features so far.
  std::vector<std::uint32_t>
      number_befores_;  ///< Of a regular row, offsets of what is around its numbers
  std::vector<std::uint32_t> number_ends_;
  std::vector<std::uint32_t> numbered_;  ///< and the features that they belong to.
  std::vector<float> numbers_;
};

/// Does `line` look like a VW example? Used to detect the format.
bool LooksLikeVw(std::string_view line);

}  // namespace steelyard::data
