// Schema: what the columns of a CSV or Parquet input mean, read from TOML.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::data {

/// What of a column's value becomes the feature.
enum class Part : std::uint8_t {
  kWhole,
  kHour,         ///< 0 to 23.
  kWeekday,      ///< 0 (Sunday) to 6.
  kMonthDay,     ///< "6-13".
  kMinuteOfDay,  ///< 0 to 1439.
};

/// A column named by the schema, and where.
struct ColumnUse {
  std::string column;  ///< Empty: not used.
  int line = 0;        ///< In the schema file; 0 when the command line named it.
};

struct FeatureSpec {
  std::string name;
  ColumnUse column;
  Part part = Part::kWhole;
  double width = 0;      ///< Bucket size: floor(value / width) is the value; 0 for none.
  bool alone = true;     ///< False: used in crosses only.
  bool numeric = false;  ///< One feature whose value is the column's number.
};

/// A feature for each combination of values of its parts.
struct CrossSpec {
  std::string name;                     ///< "origin*dest".
  std::vector<std::uint32_t> features;  ///< Indices into Schema::features, at least two.
};

struct Schema {
  std::string file;  ///< For messages.
  ColumnUse label;
  std::string positive;  ///< A label rule, or empty.
  ColumnUse weight;
  ColumnUse order;
  std::vector<FeatureSpec> features;  ///< In the file's order.
  std::vector<CrossSpec> crosses;
};

/// Errors: kBadData, where = "file:line"  not TOML, an unknown table, key, feature or part (near miss named).
Result<Schema> ParseSchema(std::string_view text, const std::string& file);

/// Index of the column that `use` names among `columns`.
/// Errors: kBadData, where = the schema  no such column; near misses or all names are given.
Result<std::uint32_t> FindColumn(const ColumnUse& use, std::span<const std::string> columns,
                                 const std::string& schema_file, const std::string& data_file);

/// A smallest schema over `columns`, to show to someone who has none.
std::string ExampleSchema(std::span<const std::string> columns);

}  // namespace steelyard::data
