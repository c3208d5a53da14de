// Goal: sparse floats come back bit by bit, whatever their number and however many are 0; lists that say something else
// than they hold are found. Method: random lists of every length.
#include "wire/sparse_floats.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

namespace steelyard::wire {
namespace {

TEST(SparseFloats, ComeBackBitByBit) {
  std::mt19937_64 random(1);
  std::size_t zeros = 0;
  for (std::size_t count = 0; count < 100; ++count) {
    std::vector<float> floats(count);
    for (float& x : floats) {
      x = random() % 3 == 0 ? static_cast<float>(random() % 1000) - 500.0F : 0.0F;
      if (random() % 10 == 0) x = -0.0F;
      zeros += std::bit_cast<std::uint32_t>(x) == 0 ? 1 : 0;
    }
    const SparseFloats sparse = SparseFloats::Of(floats);
    ASSERT_TRUE(sparse.Fits(count));
    EXPECT_FALSE(sparse.Fits(count + 8));
    const std::vector<float> back = sparse.Expand(count);
    ASSERT_EQ(back.size(), count);
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(floats[i]));
  }
  EXPECT_GT(zeros, 1000u);
}

TEST(SparseFloats, HalvesTakeTwoBytes) {
  std::mt19937_64 random(2);
  for (std::size_t count = 1; count < 100; ++count) {
    std::vector<float> floats(count);
    for (float& x : floats)
      x = std::bit_cast<float>(static_cast<std::uint32_t>(random()) & 0xbfff0000U);
    SparseFloats sparse = SparseFloats::Of(floats);
    EXPECT_LE(sparse.values.size(), 2 * count);
    ASSERT_TRUE(sparse.Fits(count));
    EXPECT_EQ(sparse.Expand(count), floats);
    floats[count / 2] = 0.1F;
    sparse = SparseFloats::Of(floats);
    EXPECT_EQ(sparse.values.size() % 4, 0u) << "one of them needs all";
    ASSERT_TRUE(sparse.Fits(count));
    EXPECT_EQ(sparse.Expand(count), floats);
  }
}

TEST(SparseFloats, WhatDoesNotFitIsFound) {
  SparseFloats sparse = SparseFloats::Of(std::vector<float>{0.0F, 1.0F, 0.0F});
  EXPECT_TRUE(sparse.Fits(3));
  sparse.present[0] |= 1u << 3;
  sparse.values.insert(sparse.values.end(), {1, 2});
  EXPECT_FALSE(sparse.Fits(3)) << "a bit behind the last float";
  EXPECT_TRUE(sparse.Fits(4));
  sparse.values.pop_back();
  EXPECT_FALSE(sparse.Fits(4)) << "part of a value";
  sparse.values.resize(2);
  EXPECT_FALSE(sparse.Fits(4)) << "a bit without a value";
  EXPECT_FALSE(sparse.Fits(9));
}

}  // namespace
}  // namespace steelyard::wire
