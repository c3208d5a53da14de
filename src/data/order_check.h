// OrderCheck: are rows in the order that the schema's [order] promises?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "data/schema.h"

namespace steelyard::data {

/// Compares each row's value of the order column with the one before: numbers and times as numbers, text as text.
///
/// Threads: confined to one thread.
class OrderCheck {
 public:
  explicit OrderCheck(std::string column) : column_(std::move(column)) {}

  /// False when the value is smaller than the last, empty, or of another kind; error() says so.
  bool NextInteger(std::int64_t value);
  bool NextReal(double value);
  bool NextTime(std::int64_t seconds);
  /// A number, a time or text, as the first row has it.
  bool NextText(std::string_view value);
  bool NextEmpty();

  const std::string& error() const { return error_; }

 private:
  enum class Kind : std::uint8_t { kUnknown, kInteger, kReal, kTime, kText };

  bool OutOfOrder(std::string_view last, std::string_view now);

  std::string column_;
  Kind kind_ = Kind::kUnknown;
  std::int64_t last_integer_ = INT64_MIN;
  double last_real_ = 0;
  std::string last_text_;
  std::string error_;
};

}  // namespace steelyard::data
