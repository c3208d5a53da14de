// Numbers in text.
#include "data/number.h"

#include <charconv>
#include <limits>
#include <system_error>

namespace steelyard::data {
namespace {

constexpr int kExactDigits =
    15;  // 10^15 < 2^53, and 10^15 <= 10^22: one correctly rounded division.

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

const char* ReadMoreDigits(const char* p, std::uint64_t& value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  for (; IsDigit(*p); ++p) {
    const auto digit = static_cast<std::uint64_t>(*p - '0');
    if (value > (kMax - digit) / 10) return nullptr;
    value = value * 10 + digit;
  }
  return p;
}

const char* ReadReal(const char* p, const char* end, double& value) {
  const char* at = p;
  const bool negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) ++at;
  const char* const body = at;
  std::uint64_t mantissa = 0;
  while (at < end && IsDigit(*at))
    mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
  std::ptrdiff_t digits = at - body;
  std::ptrdiff_t fraction = 0;
  if (at < end && *at == '.') {
    const char* const first = ++at;
    while (at < end && IsDigit(*at))
      mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at++ - '0');
    fraction = at - first;
    digits += fraction;
  }
  const bool has_exponent = at < end && (*at == 'e' || *at == 'E');
  if (digits > 0 && digits <= kExactDigits && !has_exponent) {
    const double whole = static_cast<double>(mantissa) / kPowersOfTen[fraction];
    value = negative ? -whole : whole;
    return at;
  }
  // from_chars takes '-' but not '+'; a second sign after '+' is no number.
  if (body < end && (*body == '-' || *body == '+')) return p;
  const auto [stop, error] = std::from_chars(body, end, value);
  if (error == std::errc::invalid_argument) return p;
  if (error == std::errc::result_out_of_range) {
    // Too small and too large look alike here: the exponent's sign or a leading zero tells them apart.
    const std::string_view text(body, static_cast<std::size_t>(stop - body));
    const std::size_t mark = text.find_first_of("eE");
    const bool tiny = mark == std::string_view::npos
                          ? text.starts_with('0') || text.starts_with('.')
                          : text.substr(mark + 1).starts_with('-');
    value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  if (negative) value = -value;
  return stop;
}

std::optional<double> ParseReal(std::string_view text) {
  text = Trim(text);
  double value = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || ReadReal(text.data(), end, value) != end) return std::nullopt;
  return value;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace steelyard::data
