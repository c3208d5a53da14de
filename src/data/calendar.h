// Calendar: times in text, and the parts of a time that become features. All in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/schema.h"

namespace steelyard::data {

/// Seconds since 1970-01-01T00:00 from "2001-01-01T00:01", the same with a space for T, with seconds (a fraction is cut
/// off), with Z or an offset such as +02:00, a date alone, or a number of seconds.
std::optional<std::int64_t> ParseTime(std::string_view text);

/// True for times of the years 1 to 9999; others have no parts.
bool IsCalendarTime(std::int64_t seconds);

/// The number that `part` of a time is; a month-day is month x 32 + day; the whole is the seconds.
std::int64_t PartOfTime(std::int64_t seconds, Part part);

/// How that number is written in a feature's name.
std::string PartText(std::int64_t number, Part part);

/// "2001-01-01T00:01:00".
std::string TimeText(std::int64_t seconds);

}  // namespace steelyard::data
