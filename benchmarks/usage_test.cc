// What the small benchmark programs do with --help and unknown words: nothing is measured then.
#include "usage.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace steelyard {
namespace {

bool IsTcp(const std::string& word) {
  return word == "tcp";
}

TEST(Usage, KnownWordsLetTheProgramGoOn) {
  EXPECT_EQ(EndsEarly({}, "some_bench\n", IsTcp), std::nullopt);
  EXPECT_EQ(EndsEarly({"tcp", "tcp"}, "some_bench\n", IsTcp), std::nullopt);
}

TEST(Usage, HelpIsPrintedWhateverStandsBesideIt) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(EndsEarly({"--what", "--help"}, "some_bench\n", IsTcp), 0);
  EXPECT_EQ(EndsEarly({"-h"}, "some_bench\n", IsTcp), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "some_bench\nsome_bench\n");
}

TEST(Usage, AnUnknownWordIsNamed) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(EndsEarly({"tcp", "--what"}, "some_bench\n", IsTcp), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "unknown argument '--what'\nsome_bench\n");
}

}  // namespace
}  // namespace steelyard
