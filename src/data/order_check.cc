// Verifying the order of rows.
#include "data/order_check.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "data/calendar.h"
#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {

bool OrderCheck::OutOfOrder(std::string_view last, std::string_view now) {
  error_ = fmt::format(
      "rows are not in the order of '{}': {} comes after {}; sort the input by '{}', "
      "or take [order] out of the schema",
      column_, now, last, column_);
  return false;
}

bool OrderCheck::NextInteger(std::int64_t value) {
  if (value < last_integer_)
    return OutOfOrder(fmt::format("{}", last_integer_), fmt::format("{}", value));
  last_integer_ = value;
  return true;
}

bool OrderCheck::NextTime(std::int64_t seconds) {
  if (seconds < last_integer_) {
    const auto text = [](std::int64_t t) {
      return IsCalendarTime(t) ? TimeText(t) : fmt::format("{}", t);
    };
    return OutOfOrder(text(last_integer_), text(seconds));
  }
  last_integer_ = seconds;
  return true;
}

bool OrderCheck::NextReal(double value) {
  if (std::isnan(value)) return NextEmpty();
  if (kind_ == Kind::kUnknown) last_real_ = -std::numeric_limits<double>::infinity();
  kind_ = Kind::kReal;
  if (value < last_real_)
    return OutOfOrder(fmt::format("{}", last_real_), fmt::format("{}", value));
  last_real_ = value;
  return true;
}

bool OrderCheck::NextEmpty() {
  error_ = fmt::format("column '{}', which [order] names, is empty here", column_);
  return false;
}

bool OrderCheck::NextText(std::string_view value) {
  if (value.empty()) return NextEmpty();
  if (kind_ == Kind::kUnknown) {
    kind_ = ParseReal(value) ? Kind::kReal : ParseTime(value) ? Kind::kTime : Kind::kText;
    last_real_ = -std::numeric_limits<double>::infinity();
  }
  if (kind_ == Kind::kReal) {
    const std::optional<double> number = ParseReal(value);
    if (number) return NextReal(*number);
  } else if (kind_ == Kind::kTime) {
    const std::optional<std::int64_t> time = ParseTime(value);
    if (time) return NextTime(*time);
  } else {
    if (value < last_text_) return OutOfOrder(Quoted(last_text_), Quoted(value));
    last_text_ = value;
    return true;
  }
  error_ = fmt::format("column '{}', which [order] names: {} is no {} as in the rows before",
                       column_, Quoted(value), kind_ == Kind::kReal ? "number" : "time");
  return false;
}

}  // namespace steelyard::data
