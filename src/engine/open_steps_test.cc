#include "engine/open_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <random>

namespace steelyard::engine {
namespace {

using wire::Columns;

OpenSteps::Part Part(StreamId stream, Ts ts, std::vector<Key> keys, std::vector<float> floats) {
  return {.stream = stream, .ts = ts, .keys = std::move(keys), .floats = std::move(floats)};
}

TEST(OpenSteps, StepsAreTakenInOrderAndOnce) {
  OpenSteps steps;
  EXPECT_FALSE(steps.TakeNext(100));
  steps.Hold(4, 0, Columns::kValues, Part(1, 2, {5}, {4}));
  steps.Hold(3, 0, Columns::kValues, Part(1, 1, {5}, {3}));
  steps.Hold(3, 1, Columns::kRows, Part(2, 1, {9}, {1}));
  EXPECT_EQ(steps.step_count(), 2u);
  EXPECT_EQ(steps.bytes(), 3 * OpenSteps::BytesOf(1, 1));
  EXPECT_FALSE(steps.TakeNext(2)) << "nobody is through 3";
  const auto third = steps.TakeNext(4);
  ASSERT_TRUE(third);
  ASSERT_EQ(third->size(), 2u);
  EXPECT_EQ(third->at(0).floats, std::vector<float>{3});
  EXPECT_EQ(third->at(1).segment, 1u);
  EXPECT_EQ(third->at(1).columns, Columns::kRows);
  EXPECT_EQ(steps.TakeNext(4)->at(0).floats, std::vector<float>{4});
  EXPECT_FALSE(steps.TakeNext(4));
  EXPECT_TRUE(steps.empty());
  EXPECT_EQ(steps.bytes(), 0u);
}

TEST(OpenSteps, ASegmentThatBeginsAnewHasNothing) {
  OpenSteps steps;
  steps.Hold(0, 0, Columns::kValues, Part(1, 1, {5}, {4}));
  steps.Hold(0, 1, Columns::kValues, Part(1, 1, {7}, {6}));
  steps.Forget(0);
  EXPECT_EQ(steps.bytes(), OpenSteps::BytesOf(1, 1));
  const auto sums = steps.TakeNext(0);
  ASSERT_EQ(sums->size(), 1u);
  EXPECT_EQ(sums->at(0).keys, std::vector<Key>{7});
}

// Oracle: a map that adds each stream's pushes in order, stream after stream. Floats of many magnitudes: order matters.
TEST(OpenSteps, SumsHaveTheBitsOfOneThreadWhateverTheArrival) {
  std::mt19937_64 random(7);
  std::size_t sums_checked = 0;
  std::size_t orders_that_matter = 0;
  for (int round = 0; round < 200; ++round) {
    const std::size_t width = 1 + random() % 3;
    std::vector<OpenSteps::Part> parts;
    for (StreamId stream = 1; stream <= 1 + random() % 5; ++stream) {
      for (Ts ts = 1; ts <= 1 + random() % 3; ++ts) {
        OpenSteps::Part part{.stream = stream, .ts = ts, .keys = {}, .floats = {}};
        for (Key key = 0; key < 20; ++key) {
          if (random() % 2 == 0) continue;
          part.keys.push_back(key);
          for (std::size_t i = 0; i < width; ++i) {
            const auto scale = static_cast<float>(std::int64_t{1} << (random() % 30));
            part.floats.push_back(scale * (static_cast<float>(random() % 2000) - 1000) / 7);
          }
        }
        if (!part.keys.empty()) parts.push_back(std::move(part));
      }
    }
    if (parts.empty()) continue;
    const auto add = [&](std::map<Key, std::vector<float>>& to, const OpenSteps::Part& part) {
      for (std::size_t i = 0; i < part.keys.size(); ++i) {
        const auto [at, first] = to.try_emplace(part.keys[i], width, 0.0F);
        for (std::size_t j = 0; j < width; ++j) {
          const float x = part.floats[i * width + j];
          at->second[j] = first ? x : at->second[j] + x;
        }
      }
    };
    std::map<Key, std::vector<float>> oracle;
    for (const auto& part : parts) add(oracle, part);
    std::ranges::shuffle(parts, random);
    std::map<Key, std::vector<float>> as_arrived;
    for (const auto& part : parts) add(as_arrived, part);
    orders_that_matter += as_arrived != oracle;
    OpenSteps steps;
    for (const auto& part : parts) steps.Hold(1, 3, Columns::kValues, part);
    const auto sums = steps.TakeNext(1);
    ASSERT_TRUE(sums);
    const OpenSteps::Sum& sum = sums->at(0);
    ASSERT_EQ(sum.keys.size(), oracle.size());
    for (std::size_t i = 0; i < sum.keys.size(); ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        ++sums_checked;
        ASSERT_EQ(std::bit_cast<std::uint32_t>(sum.floats[i * width + j]),
                  std::bit_cast<std::uint32_t>(oracle.at(sum.keys[i])[j]));
      }
    }
  }
  EXPECT_GT(sums_checked, 5'000u);
  EXPECT_GT(orders_that_matter, 20u) << "or any order would have passed";
}

}  // namespace
}  // namespace steelyard::engine
