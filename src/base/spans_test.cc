// Goal: one wrong element is found wherever it stands, in spans of every length around a vector's.
#include "base/spans.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace steelyard {
namespace {

TEST(Spans, StrictlyIncreasingFindsOneWrongKey) {
  EXPECT_TRUE(StrictlyIncreasing({}));
  std::size_t tried = 0;
  for (std::size_t count = 1; count < 70; ++count) {
    std::vector<Key> keys(count);
    std::iota(keys.begin(), keys.end(), kKeyMax - count);  // Large ones: they are not signed.
    keys.front() = 3;
    ASSERT_TRUE(StrictlyIncreasing(keys));
    for (std::size_t wrong = 1; wrong < count; ++wrong) {
      const Key right = std::exchange(keys[wrong], keys[wrong - 1]);
      ASSERT_FALSE(StrictlyIncreasing(keys)) << wrong << " of " << count;
      keys[wrong] = right;
      ++tried;
    }
  }
  EXPECT_GT(tried, 2000u);
}

TEST(Spans, FirstNotFiniteFindsTheFirst) {
  EXPECT_EQ(FirstNotFinite({}), 0u);
  for (const std::size_t count : {1u, 15u, 64u, 1023u, 1024u, 1025u, 5000u}) {
    std::vector<float> floats(count, std::numeric_limits<float>::max());
    floats[count / 2] = -std::numeric_limits<float>::denorm_min();
    ASSERT_EQ(FirstNotFinite(floats), count);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN()}) {
      for (const std::size_t at : {std::size_t{0}, count / 3, count - 1}) {
        std::vector<float> some = floats;
        some[at] = some[count - 1] = bad;
        ASSERT_EQ(FirstNotFinite(some), at);
      }
    }
  }
}

}  // namespace
}  // namespace steelyard
