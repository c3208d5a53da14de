// FilterList: what `--filters LIST` says.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filter/codec.h"
#include "steelyard/status.h"

namespace steelyard::filter {

/// A user's choice of filters; nothing is on by default.
///
/// Grammar: `none`, or names with commas between them, each at most once, in any order:
///   key-cache  kkt  significant:C  skip:Q  fixed:B  feedback  sparse  delta  zeros  lz4  snappy
/// C > 0; 0 < Q <= 1; B is 1, 2 or 3. `feedback` needs skip or fixed; lz4 and snappy exclude each other.
struct FilterList {
  bool key_cache = false;
  bool kkt = false;
  std::optional<double> significant;  ///< c: the threshold is c/t.
  std::optional<double> skip;         ///< q: the probability to send a row.
  std::optional<int> fixed;           ///< Bytes a value.
  bool feedback = false;
  bool sparse = false;
  bool delta = false;
  bool zeros = false;
  std::optional<CodecId> bytes;  ///< kLz4 or kSnappy.

  /// The list in the order in which filters are applied, as ParseFilterList() reads it.
  std::string ToString() const;
  bool operator==(const FilterList&) const = default;
};

/// Errors: kInvalidArgument  an unknown name (with the near miss), an argument that is missing, wrong or too much, a
/// name         twice, a combination that makes no sense. Says what was found and what would do.
Result<FilterList> ParseFilterList(std::string_view text);

}  // namespace steelyard::filter
