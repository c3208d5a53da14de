// What functions that run where the rows are take and answer: arguments, answers, and a summary of a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "steelyard/types.h"

namespace steelyard {

/// One argument of a function.
using Argument = std::variant<double, std::uint64_t, std::string>;

/// What a function answers for the rows of one segment of a table.
struct FunctionAnswer {
  std::vector<double> numbers;
  std::vector<Key> keys;
  bool operator==(const FunctionAnswer&) const = default;
};

/// What a function does to the rows it is called on.
enum class Effect : std::uint8_t {
  kReads,    ///< Asked again until it is answered, beside pushes.
  kChanges,  ///< Carried out exactly once, in its order among the pushes of the same connection.
};

/// Figures of one column over a range, as pulls read its values. Sums are in double, in an order that depends on the
/// table's segments alone: the same bits on one server or many.
struct Summary {
  std::uint64_t rows = 0;
  std::uint64_t nonzeros = 0;
  double sum = 0.0;
  double norm1 = 0.0;
  double norm2 = 0.0;
  double min = 0.0;  ///< 0 without rows, as max.
  double max = 0.0;
};

/// A key and one of its values.
struct KeyValue {
  Key key = 0;
  double value = 0.0;
  bool operator==(const KeyValue&) const = default;
};

}  // namespace steelyard
