// Goal: messages give durations in one form, however long.
#include "base/duration_text.h"

#include <gtest/gtest.h>

namespace steelyard {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, MillisecondsThenSeconds) {
  EXPECT_EQ(DurationText(0ns), "0 ms");
  EXPECT_EQ(DurationText(400us), "0 ms");
  EXPECT_EQ(DurationText(250ms), "250 ms");
  EXPECT_EQ(DurationText(999ms), "999 ms");
  EXPECT_EQ(DurationText(999'600us), "1 s");
  EXPECT_EQ(DurationText(5s), "5 s");
  EXPECT_EQ(DurationText(1'234ms), "1.2 s");
  EXPECT_EQ(DurationText(1'950ms), "2 s");
  EXPECT_EQ(DurationText(2h), "7200 s");
  EXPECT_EQ(DurationText(-1'500ms), "-1.5 s");
}

}  // namespace
}  // namespace steelyard
