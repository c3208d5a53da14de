// Goal: every pull is counted once, in the bucket that its staleness ends in. Method: edges, then random pulls.
#include "wire/staleness.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace steelyard::wire {
namespace {

TEST(Staleness, CountsStepsBehindTheStepBefore) {
  StalenessSums sums;
  sums.Record(5, 4);  // Sequential: everybody is through step 4.
  sums.Record(5, 9);  // The others are ahead.
  sums.Record(5, 3);
  sums.Record(5, 0);
  sums.Record(0, -1);
  EXPECT_EQ(sums.pulls, 5u);
  EXPECT_EQ(sums.steps, 5u);
  EXPECT_EQ(sums.steps_max, 4u);
  EXPECT_EQ(sums.buckets, (std::vector<std::uint64_t>{3, 1, 0, 1}));
  EXPECT_EQ(sums.mean(), 1.0);
}

TEST(Staleness, APowerOfTwoEndsABucket) {
  for (std::size_t b = 0; b < StalenessSums::kBucketsMax; ++b) {
    EXPECT_EQ(StalenessSums::BucketOf(StalenessSums::BucketEnd(b)), b);
    if (b + 1 < StalenessSums::kBucketsMax) {
      EXPECT_EQ(StalenessSums::BucketOf(StalenessSums::BucketEnd(b) + 1), b + 1);
    }
  }
}

TEST(Staleness, AnyNumberFromAPeerIsCounted) {
  StalenessSums sums;
  sums.Record(std::numeric_limits<Step>::max(), std::numeric_limits<Step>::min());
  sums.Record(0, std::numeric_limits<Step>::max());
  EXPECT_EQ(sums.pulls, 2u);
  EXPECT_LE(sums.buckets.size(), StalenessSums::kBucketsMax);
  EXPECT_TRUE(sums.Check().ok());
}

TEST(Staleness, PartsAddUpToTheWhole) {
  std::mt19937_64 random(1);
  StalenessSums whole;
  StalenessSums parts[3];
  for (int i = 0; i < 10'000; ++i) {
    const auto step = static_cast<Step>(random() % 1'000);
    const Step through = step - static_cast<Step>(random() % 70);
    whole.Record(step, through);
    parts[random() % 3].Record(step, through);
  }
  StalenessSums sum;
  for (const StalenessSums& part : parts) sum.Add(part);
  EXPECT_EQ(sum, whole);
  std::uint64_t counted = 0;
  for (const std::uint64_t count : whole.buckets) counted += count;
  EXPECT_EQ(counted, 10'000u);
}

TEST(Staleness, TooManyBucketsAreRefused) {
  StalenessSums sums;
  sums.buckets.resize(StalenessSums::kBucketsMax + 1);
  EXPECT_EQ(sums.Check().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace steelyard::wire
