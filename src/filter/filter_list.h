// FilterList: what `--filters LIST` says.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filter/codec.h"
#include "steelyard/status.h"

namespace steelyard::filter {

/// What pulls bear: nothing is lost of what is read.
struct PullFilters {
  bool key_cache = false;  ///< Of the keys that are asked for.
  bool delta = false;
  bool zeros = false;  ///< Of the values that are answered.
  std::optional<CodecId> bytes;
  bool operator==(const PullFilters&) const = default;
};

/// A user's choice of filters; nothing is on by default.
///
/// Grammar: `LIST`, or `LIST/LIST`: of pushes, and of pulls where it differs. A list is `none`, or names with commas between
/// them, each at most once, in any order:
///   key-cache  kkt  significant:C  skip:Q  fixed:B  feedback  sparse  delta  zeros  lz4  snappy
/// C > 0; 0 < Q <= 1; B is 1, 2 or 3. `feedback` needs skip or fixed; lz4 and snappy exclude each other. Pulls take those of
/// PullFilters, and of a single list these.
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
  std::optional<CodecId> bytes;      ///< kLz4 or kSnappy.
  std::optional<PullFilters> pulls;  ///< Where they have a list of their own.

  PullFilters of_pulls() const;
  /// Does it name a filter that changes or drops what is pushed?
  bool changes_values() const;
  /// The list in the order in which filters are applied, as ParseFilterList() reads it.
  std::string ToString() const;
  bool operator==(const FilterList&) const = default;
};

/// Errors: kInvalidArgument  an unknown name (with the near miss), an argument that is missing, wrong or too much, a
/// name         twice, a combination that makes no sense. Says what was found and what would do.
Result<FilterList> ParseFilterList(std::string_view text);

}  // namespace steelyard::filter
