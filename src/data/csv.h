// CsvParser: records of RFC 4180 as rows, by a schema.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/binding.h"
#include "data/cell_features.h"
#include "data/cells.h"
#include "data/order_check.h"
#include "data/row_parser.h"
#include "data/text_dataset.h"

namespace steelyard::data {

/// Split `record` into fields; those that hold doubled quotes are rewritten into `unquoted`, which keeps them alive.
/// False when text follows a closing quote.
bool SplitRecord(const Record& record, char delimiter, std::vector<std::string_view>& fields,
                 std::string& unquoted);

/// What every parser of one file shares.
struct CsvPlan {
  Schema schema;
  ColumnBinding binding;
  LabelMap labels;
  std::vector<std::string> columns;
  char delimiter = ',';
  bool labels_optional = false;
  bool keep_names = false;
};

class CsvParser : public RowParser {
 public:
  explicit CsvParser(CsvPlan plan);

  bool Parse(const Record& record, std::uint64_t row, RowBlock& block) override;
  std::vector<std::pair<Key, std::string>> TakeNames() override { return features_.TakeNames(); }

 private:
  bool Fail(std::string message);
  bool Split(const Record& record);
  bool SplitQuoted(const Record& record);
  bool ReadLabel(float& label);
  bool ReadWeight(float& weight);

  CsvPlan plan_;
  CellFeatures features_;
  std::optional<OrderCheck> order_;
  Cells cells_;                       ///< Of the row being parsed.
  std::vector<std::uint32_t> stops_;  ///< Its stops.
  std::vector<std::string_view> fields_;
  std::string unquoted_;
  std::string flat_;  ///< The text of a row that had quotes.
};

/// Read headers, bind the schema to each file.
Result<std::unique_ptr<Dataset>> OpenCsv(std::vector<ProbedFile> probed,
                                         const DatasetOptions& options);

}  // namespace steelyard::data
