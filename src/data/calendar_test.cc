// Goal: times and their parts are those of the calendar. Method: gmtime as the oracle over random times, edges, refusals.
#include "data/calendar.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

namespace steelyard::data {
namespace {

TEST(Calendar, PartsMatchTheCLibraryFromYear1To9999) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) {
    const std::int64_t span = 253'402'300'799 + 62'135'596'800;
    const auto seconds =
        static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span)) - 62'135'596'800;
    ASSERT_TRUE(IsCalendarTime(seconds));
    const std::time_t time = seconds;
    std::tm parts{};
    ASSERT_NE(::gmtime_r(&time, &parts), nullptr);
    ASSERT_EQ(PartOfTime(seconds, Part::kHour), parts.tm_hour);
    ASSERT_EQ(PartOfTime(seconds, Part::kWeekday), parts.tm_wday);
    ASSERT_EQ(PartOfTime(seconds, Part::kMinuteOfDay), parts.tm_hour * 60 + parts.tm_min);
    ASSERT_EQ(PartText(PartOfTime(seconds, Part::kMonthDay), Part::kMonthDay),
              std::to_string(parts.tm_mon + 1) + "-" + std::to_string(parts.tm_mday));
    ASSERT_EQ(ParseTime(TimeText(seconds)), seconds);
  }
}

TEST(Calendar, TextsOfTheSameTime) {
  const std::int64_t wanted = 978'307'260;  // 2001-01-01T00:01.
  for (const char* text :
       {"2001-01-01T00:01", "2001-01-01 00:01", "2001-01-01T00:01:00", "2001-01-01T00:01:00Z",
        "2001-01-01T00:01:00.999", "2001-01-01T02:01+02:00", "2000-12-31 19:01:00-0500",
        "978307260", "978307260.5", " 978307260"}) {
    EXPECT_EQ(ParseTime(text), wanted) << text;
  }
  EXPECT_EQ(ParseTime("2001-01-01"), wanted - 60);
  EXPECT_EQ(ParseTime("-0.5"), -1);
  EXPECT_EQ(ParseTime("2000-02-29"), 951'782'400);
}

TEST(Calendar, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2001-13-01", "2001-02-29", "2001-01-00", "0000-01-01", "2001-01-01T24:00",
        "2001-01-01T00:60", "2001-01-01T00:01:61", "2001-01-01X00:01", "2001-01-01T0:01",
        "2001-01-01T00:01 ", "2001-01-01T00:01+", "2001-01-01T00:01+1:00", "2001/01/01",
        "yesterday", "nan", "inf", "1e300"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
  EXPECT_FALSE(IsCalendarTime(253'402'300'800));
  EXPECT_FALSE(IsCalendarTime(-62'135'596'801));
}

}  // namespace
}  // namespace steelyard::data
