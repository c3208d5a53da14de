// RowWriter: parsed rows as lines of libsvm, libFM or VW text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "data/row_block.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// What is written has the keys, values, labels and weights of what was read, so the same model is learned from it. Two
/// exceptions: from features that are numbers VW text makes names, and a cross of a schema becomes a name of its own.
///
/// Threads: confined to one thread.
class RowWriter {
 public:
  /// @param binary_labels  they are 0 and 1 for no and yes; VW text says -1 and 1.
  /// Errors: kInvalidArgument  rows of `from` cannot be written as `to` without losing something.
  static Result<RowWriter> Make(Format from, Format to, bool binary_labels);

  /// Names are needed to write features by name: ask for them (keep_names) and hand them to Learn().
  bool wants_names() const { return to_ == Format::kVw && !KeysAreIds(from_); }
  void Learn(const std::vector<std::pair<Key, std::string>>& names);

  /// Append row `index` of `block` as a line. On an error nothing is appended; it does not say where.
  /// Errors: kBadData  a name that VW text cannot hold, a weight or a missing label that libFM cannot.
  Status Append(const RowBlock& block, std::size_t index, std::string& text);

 private:
  RowWriter(Format from, Format to, bool binary_labels)
      : from_(from), to_(to), binary_labels_(binary_labels) {}
  Status AppendIds(const RowBlock& block, std::size_t index, std::string& text) const;
  Status AppendNames(const RowBlock& block, std::size_t index, std::string& text) const;

  Format from_;
  Format to_;
  bool binary_labels_;
  std::unordered_map<Key, std::string> names_;
};

}  // namespace steelyard::data
