// Times in text and their parts.
#include "data/calendar.h"

#include <fmt/format.h>

#include <chrono>

#include "data/number.h"

namespace steelyard::data {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kFirst = -62'135'596'800;  // 0001-01-01T00:00:00.
constexpr std::int64_t kLast = 253'402'300'799;   // 9999-12-31T23:59:59.

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::chrono::year_month_day CivilOf(std::int64_t days) {
  return std::chrono::sys_days(std::chrono::days(days));
}

/// A reader of fixed-width digits that remembers whether everything fitted.
struct Cursor {
  std::string_view text;
  bool ok = true;

  int Digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') {
        ok = false;
        return 0;
      }
      value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
  }
  bool Take(char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
  }
  void Need(char wanted) { ok = Take(wanted) && ok; }
};

std::optional<std::int64_t> ParseIso(std::string_view text) {
  Cursor at{text};
  const std::chrono::year year(at.Digits(4));
  at.Need('-');
  const std::chrono::month month(static_cast<unsigned>(at.Digits(2)));
  at.Need('-');
  const std::chrono::day day(static_cast<unsigned>(at.Digits(2)));
  const std::chrono::year_month_day date(year, month, day);
  if (!at.ok || !date.ok() || static_cast<int>(year) == 0) return std::nullopt;
  std::int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * kDaySeconds;
  if (at.text.empty()) return seconds;

  if (!at.Take('T') && !at.Take(' ')) return std::nullopt;
  const int hour = at.Digits(2);
  at.Need(':');
  const int minute = at.Digits(2);
  const bool has_second = at.Take(':');
  const int second = has_second ? at.Digits(2) : 0;
  if (has_second && at.Take('.')) {
    while (!at.text.empty() && at.text[0] >= '0' && at.text[0] <= '9') at.text.remove_prefix(1);
  }
  if (!at.ok || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  seconds += hour * 3600 + minute * 60 + second;
  if (at.text.empty() || at.text == "Z") return seconds;

  const bool east = at.Take('+');
  if (!east && !at.Take('-')) return std::nullopt;
  const int offset_hours = at.Digits(2);
  at.Take(':');
  const int offset_minutes = at.text.empty() ? 0 : at.Digits(2);
  if (!at.ok || !at.text.empty()) return std::nullopt;
  const int offset = offset_hours * 3600 + offset_minutes * 60;
  return east ? seconds - offset : seconds + offset;
}

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text) {
  if (text.size() >= 10 && text[4] == '-' && text[7] == '-') return ParseIso(text);
  if (const std::optional<std::int64_t> whole = ParseInteger(text)) return whole;
  const std::optional<double> real = ParseReal(text);
  if (!real || !(*real >= static_cast<double>(kFirst)) || !(*real <= static_cast<double>(kLast))) {
    return std::nullopt;
  }
  const auto cut = static_cast<std::int64_t>(*real);
  return static_cast<double>(cut) > *real ? cut - 1 : cut;
}

bool IsCalendarTime(std::int64_t seconds) {
  return seconds >= kFirst && seconds <= kLast;
}

std::int64_t PartOfTime(std::int64_t seconds, Part part) {
  const std::int64_t days = FloorDivide(seconds, kDaySeconds);
  const std::int64_t within = seconds - days * kDaySeconds;
  switch (part) {
    case Part::kWhole:
      return seconds;
    case Part::kHour:
      return within / 3600;
    case Part::kMinuteOfDay:
      return within / 60;
    case Part::kWeekday:
      return (days % 7 + 11) % 7;  // 1970-01-01 was a Thursday, 4.
    case Part::kMonthDay: {
      const std::chrono::year_month_day date = CivilOf(days);
      return static_cast<unsigned>(date.month()) * 32 + static_cast<unsigned>(date.day());
    }
  }
  return 0;
}

std::string PartText(std::int64_t number, Part part) {
  return part == Part::kMonthDay ? fmt::format("{}-{}", number / 32, number % 32)
                                 : fmt::format("{}", number);
}

std::string TimeText(std::int64_t seconds) {
  const std::int64_t days = FloorDivide(seconds, kDaySeconds);
  const std::int64_t within = seconds - days * kDaySeconds;
  const std::chrono::year_month_day date = CivilOf(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     within / 3600, within / 60 % 60, within % 60);
}

}  // namespace steelyard::data
