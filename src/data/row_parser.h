// RowParser: one record of text becomes one row of a block.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/row_block.h"
#include "data/text_stream.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// Threads: confined to one thread.
class RowParser {
 public:
  virtual ~RowParser() = default;

  /// Append the row in `record` to `block` under the number `row`. On false nothing is appended, and error() says why.
  virtual bool Parse(const Record& record, std::uint64_t row, RowBlock& block) = 0;

  /// Names of keys first seen since the last call.
  virtual std::vector<std::pair<Key, std::string>> TakeNames() { return {}; }

  const std::string& error() const { return error_; }
  /// The last false was not about one bad row: reading must stop whatever the limits are.
  bool fatal() const { return fatal_; }

 protected:
  std::string error_;
  bool fatal_ = false;
};

/// A row on its way into a block.
struct ParsedRow {
  std::uint64_t row;
  float label;
  float weight;
  std::span<const Key> keys;
  std::span<const float> values;  ///< As many as keys, or none when all are 1.
};

/// Append `parsed`, giving the block columns of weights or values only when one differs from 1.
void AppendRow(const ParsedRow& parsed, RowBlock& block);

}  // namespace steelyard::data
