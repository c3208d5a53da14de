// Goal: a range clock says of every key what a clock of its own would say, in bounded memory.
// Method: random ranges against an array with one clock a key; then a million ranges, with a limit that binds.
#include "engine/range_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <random>

namespace steelyard::engine {
namespace {

TEST(RangeClock, SplitsInThreeAndMergesAgain) {
  RangeClock clock({100, 199});
  EXPECT_EQ(clock.range_count(), 1u);
  clock.Set({120, 129}, 1, 5);
  EXPECT_EQ(clock.range_count(), 3u);
  EXPECT_EQ(clock.At(119, 1), RangeClock::kNever);
  EXPECT_EQ(clock.At(120, 1), 5);
  EXPECT_EQ(clock.At(129, 1), 5);
  EXPECT_EQ(clock.At(130, 1), RangeClock::kNever);
  clock.Set({130, 139}, 1, 5);
  EXPECT_EQ(clock.range_count(), 3u) << "equal neighbours are one range";
  clock.Set({125, 126}, 1, 3);
  EXPECT_EQ(clock.range_count(), 3u) << "time does not go back";
  clock.Set({125, 126}, 2, 3);
  EXPECT_EQ(clock.range_count(), 5u);
  EXPECT_EQ(clock.ClockOf({125, 126}), (RangeClock::Clock{{1, 5}, {2, 3}}));
  EXPECT_EQ(clock.ClockOf({124, 126}), (RangeClock::Clock{{1, 5}}));
  EXPECT_EQ(clock.Min({120, 140}, 1), RangeClock::kNever);
  clock.Remove(2);
  EXPECT_EQ(clock.range_count(), 3u);
  clock.Set({100, 199}, 1, 9);
  EXPECT_EQ(clock.range_count(), 1u);
  EXPECT_EQ(clock.Min({100, 199}, 1), 9);
}

TEST(RangeClock, HoldsTheLargestKey) {
  RangeClock clock({0, kKeyMax});
  clock.Set({kKeyMax, kKeyMax}, 7, 0);
  EXPECT_EQ(clock.At(kKeyMax, 7), 0);
  EXPECT_EQ(clock.At(kKeyMax - 1, 7), RangeClock::kNever);
  clock.Set({0, kKeyMax}, 7, 1);
  EXPECT_EQ(clock.range_count(), 1u);
}

TEST(RangeClock, SaysWhatOneClockAKeyWouldSay) {
  constexpr Key kKeys = 60;
  constexpr StreamId kStreams = 3;
  std::mt19937_64 random(11);
  std::size_t compared = 0;
  std::size_t ranges_max = 0;
  for (int run = 0; run < 300; ++run) {
    RangeClock clock({0, kKeys - 1});
    std::array<std::array<Step, kStreams>, kKeys> naive;
    for (auto& times : naive) times.fill(RangeClock::kNever);
    for (int i = 0; i < 60; ++i) {
      const Key a = random() % kKeys;
      const Key b = random() % kKeys;
      const KeyRange range{std::min(a, b), std::max(a, b)};
      const auto stream = static_cast<StreamId>(random() % kStreams);
      const auto step = static_cast<Step>(random() % 8);
      clock.Set(range, stream, step);
      for (Key key = range.first; key <= range.last; ++key)
        naive[key][stream] = std::max(naive[key][stream], step);
      std::size_t distinct = 1;
      for (Key key = 0; key < kKeys; ++key) {
        distinct += key > 0 && naive[key] != naive[key - 1];
        for (StreamId s = 0; s < kStreams; ++s, ++compared)
          ASSERT_EQ(clock.At(key, s), naive[key][s]);
      }
      ASSERT_EQ(clock.range_count(), distinct) << "no two neighbours are equal";
      ranges_max = std::max(ranges_max, distinct);
      const auto asked = static_cast<StreamId>(random() % kStreams);
      Step min = naive[range.first][asked];
      for (Key key = range.first; key <= range.last; ++key) min = std::min(min, naive[key][asked]);
      ASSERT_EQ(clock.Min(range, asked), min);
      const auto vector = clock.ClockOf(range);
      const auto entry = std::ranges::find(vector, asked, &RangeClock::Clock::value_type::first);
      ASSERT_EQ(entry == vector.end() ? RangeClock::kNever : entry->second, min);
    }
  }
  EXPECT_GT(compared, 1'000'000u);
  EXPECT_GT(ranges_max, 20u);
}

TEST(RangeClock, AMillionRandomRangesStayInTheirMemory) {
  constexpr Key kKeys = Key{1} << 40;
  constexpr StreamId kStreams = 8;
  RangeClock clock({0, kKeys - 1});
  std::mt19937_64 random(13);
  std::array<Step, kStreams> last{};
  std::size_t ranges_max = 0;
  std::size_t bytes_max = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const Key first = random() % kKeys;
    const KeyRange range{first, std::min(kKeys - 1, first + random() % (kKeys / 1'000))};
    const auto stream = static_cast<StreamId>(random() % kStreams);
    clock.Set(range, stream, ++last[stream]);
    ranges_max = std::max(ranges_max, clock.range_count());
    if (i % 10'000 == 0) bytes_max = std::max(bytes_max, clock.memory_bytes());
  }
  EXPECT_EQ(ranges_max, RangeClock::kRangesMax) << "the limit must have been reached";
  EXPECT_LT(bytes_max, RangeClock::kRangesMax * 512);
  std::cout << "1,000,000 ranges of 8 streams: at most " << ranges_max << " ranges, " << bytes_max
            << " bytes\n";
}

TEST(RangeClock, BeyondItsMemoryItIsTooOldAndNeverTooNew) {
  constexpr Key kKeys = 200;
  std::mt19937_64 random(17);
  std::size_t older = 0;
  for (int run = 0; run < 100; ++run) {
    RangeClock clock({0, kKeys - 1}, 8);
    std::array<std::array<Step, 2>, kKeys> naive;
    for (auto& times : naive) times.fill(RangeClock::kNever);
    for (Step step = 0; step < 100; ++step) {
      const Key first = random() % kKeys;
      const KeyRange range{first, std::min(kKeys - 1, first + random() % 30)};
      const auto stream = static_cast<StreamId>(random() % 2);
      clock.Set(range, stream, step);
      for (Key key = range.first; key <= range.last; ++key) naive[key][stream] = step;
      ASSERT_LE(clock.range_count(), 8u);
      for (Key key = 0; key < kKeys; ++key) {
        for (StreamId s = 0; s < 2; ++s) {
          ASSERT_LE(clock.At(key, s), naive[key][s]);
          older += clock.At(key, s) < naive[key][s];
        }
      }
    }
    clock.Set({0, kKeys - 1}, 0, 1'000);
    EXPECT_EQ(clock.Min({0, kKeys - 1}, 0), 1'000) << "what covers everything is never given up";
  }
  EXPECT_GT(older, 0u);
}

}  // namespace
}  // namespace steelyard::engine
