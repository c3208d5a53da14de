// Goal: lossy filters are right on average or in the sum, drop what they say, and keep to their memory.
// Method: fixed seeds; means against their standard errors; sums of dyadic numbers, which floats add exactly.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "filter/drop_filters.h"
#include "filter/fixed_filter.h"
#include "filter/holding_filters.h"
#include "filter/section.h"
#include "filter/test_inputs.h"

namespace steelyard::filter {
namespace {

PushRows RowsOf(std::vector<Key> keys, std::vector<float> floats, std::uint32_t width = 1) {
  return {.width = width, .keys = std::move(keys), .floats = std::move(floats)};
}

std::size_t EncodedBytes(const PushRows& rows) {
  SectionEncoder encoder({&ColumnsCodec(), &FixedCodec()});
  return encoder.Encode(rows.floats, rows.width).size();
}

TEST(PushRows, MergeInsertsKeysAndSumsShared) {
  PushRows rows = RowsOf({2, 5}, {1, 2, 3, 4}, 2);
  MergeRows(rows, RowsOf({1, 5, 9}, {10, 20, 30, 40, 50, 60}, 2));
  EXPECT_EQ(rows.keys, (std::vector<Key>{1, 2, 5, 9}));
  EXPECT_EQ(rows.floats, (std::vector<float>{10, 20, 1, 2, 33, 44, 50, 60}));
  MergeRows(rows, {.width = 2});
  EXPECT_EQ(rows.size(), 4U);
}

TEST(FixedFilter, IsUnbiasedAtEveryFraction) {
  constexpr std::size_t kTimes = 2000;
  for (const int bytes : {1, 2, 3}) {
    // The first value sets the grid: a step of 1. The others have every kind of fraction, and both signs.
    const auto top = static_cast<float>((1 << GridBits(bytes)) - 1);
    const std::vector<float> values{top,  0.125F, 0.5F, 0.875F, -0.125F, -2.25F,
                                    3.0F, -5.0F,  0.0F, 17.75F, 0.001F};
    std::vector<double> sums(values.size());
    Random random(static_cast<std::uint64_t>(bytes));
    FixedFilter filter(bytes);
    for (std::size_t time = 0; time < kTimes; ++time) {
      PushRows rows = RowsOf(SteppedKeys(values.size(), 0, 1), values);
      filter.Apply(rows, random);
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_LT(std::abs(rows.floats[i] - values[i]), 1.0F) << values[i];
        ASSERT_EQ(rows.floats[i], std::round(rows.floats[i]));
        sums[i] += rows.floats[i];
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double fraction = std::abs(values[i]) - std::floor(std::abs(values[i]));
      const double error = std::sqrt(fraction * (1 - fraction) / kTimes);
      // Rounding up half of the time would be off by 0.375, 17 standard errors, at a fraction of 1/8.
      EXPECT_NEAR(sums[i] / kTimes, values[i], 4.5 * error) << bytes << " bytes";
    }
  }
}

TEST(FixedFilter, NeighboursAreRoundedIndependently) {
  Random random(5);
  PushRows rows = RowsOf(SteppedKeys(100'000, 0, 1), std::vector<float>(100'000, 0.5F));
  for (std::size_t i = 0; i < rows.size(); i += kGridRows) rows.floats[i] = 127;
  FixedFilter(1).Apply(rows, random);
  double ups = 0, both = 0, across = 0;
  for (std::size_t i = 1; i + kGridRows < rows.size(); ++i) {
    if (i % kGridRows == 0 || (i + 1) % kGridRows == 0) continue;
    ups += rows.floats[i];
    both += rows.floats[i] * rows.floats[i + 1];
    across += rows.floats[i] * rows.floats[i + kGridRows];
  }
  const double count = 99'000;
  EXPECT_NEAR(ups / count, 0.5, 0.01);
  EXPECT_NEAR(both / count, 0.25, 0.01);
  EXPECT_NEAR(across / count, 0.25, 0.01);
}

TEST(FixedFilter, TheCodecPacksWhatItRoundedWhereverItIsSliced) {
  for (const int bytes : {1, 2, 3}) {
    for (const std::uint32_t width : {1U, 2U, 5U}) {
      Random random(9);
      PushRows rows = RowsOf(SteppedKeys(3000, 10, 1), NormalFloats(3000 * width, 0.1, 2), width);
      for (std::size_t i = 0; i < rows.size(); ++i)
        rows.row(i)[0] *= 1000;  // Columns differ in scale.
      FixedFilter(bytes).Apply(rows, random);
      for (const std::size_t first : {0U, 1U, 100U, 1777U}) {
        const PushRows slice = RowsOf(
            {rows.keys.begin() + static_cast<std::ptrdiff_t>(first), rows.keys.end()},
            {rows.floats.begin() + static_cast<std::ptrdiff_t>(first * width), rows.floats.end()},
            width);
        const double per_float =
            static_cast<double>(EncodedBytes(slice)) / static_cast<double>(slice.floats.size());
        EXPECT_LT(per_float, bytes + 0.2)
            << bytes << " bytes, width " << width << " from " << first;
      }
    }
  }
}

TEST(FixedFilter, RoundingUpNeedsNoFurtherByte) {
  for (const int bytes : {1, 2}) {
    const float top =
        static_cast<float>(1 << GridBits(bytes)) - 0.25F;  // Rounded up, a bit too long.
    Random random(6);
    PushRows rows = RowsOf(SteppedKeys(1000, 3, 1), std::vector<float>(1000, top));
    FixedFilter(bytes).Apply(rows, random);
    EXPECT_LT(static_cast<double>(EncodedBytes(rows)), 1000 * (bytes + 0.1));
  }
}

TEST(FixedFilter, LeavesWhatHasNoGrid) {
  Random random(1);
  for (const float odd : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    PushRows rows = RowsOf({1, 2}, {odd, 0.3F});
    FixedFilter(1).Apply(rows, random);
    EXPECT_EQ(rows.floats[1], 0.3F);
  }
  PushRows tiny = RowsOf({1, 2}, {std::numeric_limits<float>::denorm_min(), 0});
  FixedFilter(1).Apply(tiny, random);
  EXPECT_TRUE(tiny.floats[0] == 0 || tiny.floats[0] == PowerOfTwo(kGridExponentMin));
  PushRows none;
  FixedFilter(1).Apply(none, random);
}

TEST(SkipFilter, KeepsTheShareItSaysAndTheSum) {
  constexpr std::size_t kCount = 100'000;
  for (const double q : {0.1, 0.5, 1.0}) {
    Random random(3);
    PushRows rows = RowsOf(SteppedKeys(kCount, 3, 1), std::vector<float>(2 * kCount, 1.5F), 2);
    SkipFilter(q, SkipFilter::Scale::kUnbiased).Apply(rows, random);
    const double error = std::sqrt(q * (1 - q) / kCount);
    EXPECT_NEAR(static_cast<double>(rows.size()) / kCount, q, 4.5 * error);
    ASSERT_EQ(rows.floats.size(), 2 * rows.size());
    for (const float value : rows.floats)
      ASSERT_EQ(value, static_cast<float>(1.5F * static_cast<float>(1 / q)));
    EXPECT_TRUE(std::ranges::is_sorted(rows.keys));
  }
}

TEST(DropFilters, KeepTheirRows) {
  Random random(1);
  PushRows rows = RowsOf({1, 2, 3, 4}, {0, 0, 0, 1, -0.0F, 0, 2, 0}, 2);
  SparseFilter().Apply(rows, random);
  EXPECT_EQ(rows.keys, (std::vector<Key>{2, 4}));
  EXPECT_EQ(rows.floats, (std::vector<float>{0, 1, 2, 0}));
  KktFilter([](Key key, std::span<const float> row) {
    return key == 4 && row[0] == 2;
  }).Apply(rows, random);
  EXPECT_EQ(rows.keys, (std::vector<Key>{4}));
  EXPECT_EQ(rows.floats, (std::vector<float>{2, 0}));
}

TEST(HeldRows, BehavesAsAMap) {
  HeldRows held(std::size_t{1} << 20);
  std::map<Key, float> expected;
  Random random(11);
  for (int i = 0; i < 20'000; ++i) {
    const Key key = random.Next() % 700 << 54U;  // Few, and alike in their low bits.
    if (random.Next() % 3 == 0) {
      held.Erase(key);
      expected.erase(key);
    } else {
      held.FindOrInsert(key, 2)[1] += 1;
      expected[key] += 1;
    }
    ASSERT_EQ(held.size(), expected.size());
    const Key other = random.Next() % 700 << 54U;
    const auto row = held.Find(other);
    ASSERT_EQ(row.empty(), !expected.contains(other));
    if (!row.empty()) {
      ASSERT_EQ(row[1], expected[other]);
    }
  }
  PushRows all{.width = 2};
  held.TakeAll(all);
  ASSERT_EQ(all.size(), expected.size());
  std::size_t i = 0;
  for (const auto& [key, value] : expected) {
    ASSERT_EQ(all.keys[i], key);
    ASSERT_EQ(all.row(i++)[1], value);
  }
  EXPECT_EQ(held.bytes(), 0U);
}

TEST(HeldRows, KeepsToItsMemory) {
  constexpr std::size_t kBytesMax = 10'000;
  HeldRows held(kBytesMax);
  std::size_t refused = 0;
  for (Key key = 0; key < 5000; ++key) {
    refused += held.FindOrInsert(key, 1).empty() ? 1 : 0;
    ASSERT_LE(held.bytes(), kBytesMax);
  }
  EXPECT_EQ(refused, 5000 - held.size());
  EXPECT_GT(held.size() * 13 * 4, kBytesMax);  // A quarter of it holds rows at least.
  EXPECT_FALSE(held.FindOrInsert(0, 1).empty());
}

/// What a server would have added up.
class Server {
 public:
  void Push(const PushRows& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      sums_[rows.keys[i]] += static_cast<double>(rows.row(i)[0]);
  }
  double operator[](Key key) { return sums_[key]; }

 private:
  std::map<Key, double> sums_;
};

TEST(SignificantFilter, SendsOnceTheHeldSumExceedsTheThreshold) {
  Random random(1);
  SignificantFilter filter(4, std::size_t{1} << 16);  // 4, 2, 4/3, 1, ...
  std::vector<std::size_t> sent;
  PushRows rows;
  for (int push = 0; push < 4; ++push) {
    rows = RowsOf({7}, {0.75F});
    filter.Apply(rows, random);
    sent.push_back(rows.size());
  }
  EXPECT_EQ(sent, (std::vector<std::size_t>{0, 0, 1, 0}));  // 2.25 > 4/3; 0.75 <= 1.
  PushRows last = RowsOf({3}, {1});
  filter.Flush(last);
  EXPECT_EQ(last.keys, (std::vector<Key>{3, 7}));
  EXPECT_EQ(last.floats, (std::vector<float>{1, 0.75F}));
  EXPECT_EQ(filter.state_bytes(), 0U);
  PushRows odd = RowsOf({1}, {std::numeric_limits<float>::quiet_NaN()});
  filter.Apply(odd, random);
  EXPECT_EQ(odd.size(), 1U);
}

/// Push multiples of 1/64 to keys that come and go; after Flush() the server has the exact sums, whatever the memory.
void ExpectExactSums(ValueFilter& filter, std::size_t state_bytes_max, std::uint64_t seed) {
  Random random(seed);
  Server server, exact;
  for (int push = 0; push < 200; ++push) {
    PushRows rows;
    for (Key key = 0; key < 300; ++key) {
      if (random.Next() % 3 == 0)
        rows.Append(
            key, std::vector{static_cast<float>(static_cast<int>(random.Next() % 129) - 64) / 64});
    }
    exact.Push(rows);
    filter.Apply(rows, random);
    ASSERT_TRUE(std::ranges::is_sorted(rows.keys, std::less_equal<>()));
    ASSERT_LE(filter.state_bytes(), state_bytes_max);
    server.Push(rows);
  }
  PushRows last;
  filter.Flush(last);
  server.Push(last);
  for (Key key = 0; key < 300; ++key)
    ASSERT_EQ(server[key], exact[key]) << filter.name() << " " << key;
}

TEST(SignificantFilter, LosesNothingInTheSum) {
  for (const std::size_t bytes_max : {0U, 2'000U, 100'000U}) {
    SignificantFilter filter(50, bytes_max);
    ExpectExactSums(filter, bytes_max, 1);
  }
}

std::unique_ptr<ErrorFeedback> MakeFeedback(double q, int bytes, std::size_t bytes_max) {
  std::vector<std::unique_ptr<ValueFilter>> lossy;
  lossy.push_back(std::make_unique<SkipFilter>(q, SkipFilter::Scale::kNone));
  lossy.push_back(std::make_unique<FixedFilter>(bytes));
  return std::make_unique<ErrorFeedback>(std::move(lossy), bytes_max);
}

TEST(ErrorFeedback, LosesNothingInTheSum) {
  for (const std::size_t bytes_max : {0U, 2'000U, 100'000U}) {
    ExpectExactSums(*MakeFeedback(0.4, 1, bytes_max), bytes_max, 2);
    ExpectExactSums(*MakeFeedback(1.0, 2, bytes_max), bytes_max, 3);
  }
}

TEST(ErrorFeedback, WhatIsHeldStaysSmall) {
  Random random(4);
  const auto filter = MakeFeedback(0.2, 1, std::size_t{1} << 20);
  Server server;
  for (int push = 0; push < 2000; ++push) {
    PushRows rows = RowsOf({1, 2}, {1, 100});
    filter->Apply(rows, random);
    server.Push(rows);
  }
  // A run of 60 skipped pushes has a chance of 1e-6; what feedback of scaled rows holds would have exploded.
  EXPECT_NEAR(server[1], 2000, 60 + 100);
  EXPECT_NEAR(server[2], 200'000, 6000 + 100);
}

TEST(ErrorFeedback, RowsWithoutRoomPassAsTheyAre) {
  Random random(1);
  const auto filter = MakeFeedback(0.001, 1, 0);
  PushRows rows = RowsOf({1, 2, 3}, {0.3F, 1000.7F, -0.1F});
  filter->Apply(rows, random);
  EXPECT_EQ(rows.keys, (std::vector<Key>{1, 2, 3}));
  EXPECT_EQ(rows.floats, (std::vector<float>{0.3F, 1000.7F, -0.1F}));
}

}  // namespace
}  // namespace steelyard::filter
