#include "server/hot_keys.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace steelyard::server {
namespace {

TEST(HotKeys, NothingIsHotBeforeAnythingCame) {
  EXPECT_TRUE(HotKeys().Top(10).empty());
}

TEST(HotKeys, AKeyThatEveryRequestNamesIsFirst) {
  std::mt19937_64 random(5);
  HotKeys hot;
  std::uint64_t noted = 0;
  for (int request = 0; request < 20'000; ++request) {
    std::vector<Key> keys = {4711};
    while (keys.size() < 20) keys.push_back(random());
    hot.Note(keys);
    noted += keys.size();
  }
  EXPECT_NEAR(static_cast<double>(hot.samples()), static_cast<double>(noted) / HotKeys::kStride,
              100);
  const auto top = hot.Top(3);
  ASSERT_FALSE(top.empty());
  EXPECT_EQ(top[0].key, 4711u);
  const double share =
      static_cast<double>(top[0].count - top[0].error) / static_cast<double>(hot.samples());
  EXPECT_NEAR(share, 1.0 / 20, 0.02);
}

// Requests of the stride's own length: a sample at fixed distances would see one place of the list only.
TEST(HotKeys, RegularListsHideNothing) {
  std::vector<Key> keys(HotKeys::kStride);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = i < 200 ? 1'000 + i : 7;
  HotKeys hot;
  for (int request = 0; request < 20'000; ++request) hot.Note(keys);
  EXPECT_EQ(hot.Top(1).at(0).key, 7u);
}

TEST(HotKeys, OldHeatFades) {
  HotKeys hot;
  const std::vector<Key> old(10'000, 1);
  const std::vector<Key> young(10'000, 2);
  while (hot.samples() < HotKeys::kFade - 100) hot.Note(old);
  EXPECT_EQ(hot.Top(1).at(0).key, 1u);
  for (std::uint64_t i = 0; i < 3 * HotKeys::kFade * HotKeys::kStride / young.size(); ++i)
    hot.Note(young);
  EXPECT_EQ(hot.Top(1).at(0).key, 2u);
  EXPECT_LE(hot.samples(), HotKeys::kFade);
}

// Oracle: exact counts. Whatever is more than 1 in kTracked of the sample is found, and bounds hold.
TEST(HotKeys, HeavyKeysAreFoundInSkewedStreams) {
  std::size_t heavy = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    std::map<Key, std::uint64_t> exact;
    HotKeys hot;
    std::uint64_t all = 0;
    while (hot.samples() < 20'000) {
      std::vector<Key> keys(1'000);
      for (Key& key : keys) {
        const double uniform = static_cast<double>(random() % 1'000'000 + 1) / 1e6;
        key = static_cast<Key>(1 / uniform);  // Key k about 1 / k^2 of the time.
        ++exact[key];
        ++all;
      }
      hot.Note(keys);
    }
    const auto top = hot.Top(HotKeys::kTracked);
    for (const auto& [key, count] : exact) {
      const double share = static_cast<double>(count) / static_cast<double>(all);
      if (share < 2.0 / HotKeys::kTracked) continue;
      ++heavy;
      const auto found = std::ranges::find(top, key, &wire::HotKey::key);
      ASSERT_NE(found, top.end()) << key << " is " << share;
      const auto samples = static_cast<double>(hot.samples());
      EXPECT_LE(static_cast<double>(found->count - found->error) / samples, share + 0.02);
      EXPECT_GE(static_cast<double>(found->count) / samples, share - 0.02);
    }
  }
  EXPECT_GT(heavy, 50u);
}

}  // namespace
}  // namespace steelyard::server
