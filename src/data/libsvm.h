// LibsvmParser: "label[:weight] id[:value] ..." lines as rows; libFM writes the same, libffm a field before each id.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/label.h"
#include "data/row_block.h"
#include "data/row_parser.h"
#include "data/token_run.h"

namespace steelyard::data {

class LibsvmParser : public RowParser {
 public:
  /// @param fields  libffm: a feature is "field:id:value"; linear models have no use for the field.
  LibsvmParser(LabelMap labels, bool labels_optional, bool fields = false);

  bool Parse(const Record& record, std::uint64_t row, RowBlock& block) override;

 private:
  const char* ParseLabel(const char* p, const char* end);
  const char* ParseShortLabel(const char* p);
  const char* ParseRun(const char* p, const char* end, std::size_t& count);
  bool ParseFeature(const char*& p, const char* end, std::size_t index);
  bool Fail(const char* token, const char* end, std::string_view wanted);
  const char* Wanted() const;

  LabelMap labels_;
  bool labels_optional_;
  bool fields_;
  std::array<float, 3> labels_of_{};  ///< Of 0, 1 and -1.
  float label_ = 0;
  float weight_ = 1;
  std::vector<Key> keys_;  ///< The row being parsed; never shrinks.
  std::vector<float> values_;
  TokenRun run_;
};

/// Does `line` look like a libsvm (or libFM) row, a libffm row? Used to detect the format.
bool LooksLikeLibsvm(std::string_view line);
bool LooksLikeLibffm(std::string_view line);

}  // namespace steelyard::data
