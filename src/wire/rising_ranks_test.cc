// Goal: ranks come back as they were; bytes that are no such list are refused.
#include "wire/rising_ranks.h"

#include <gtest/gtest.h>

#include <random>

namespace steelyard::wire {
namespace {

using Ranks = std::vector<std::uint32_t>;

TEST(RisingRanks, TakeHalfAByteWhereNeighboursAreNear) {
  const RisingRanks coded = RisingRanks::Of(Ranks{0, 1, kNoRank, 3, 10, 18});
  EXPECT_EQ(coded.halves, (std::vector<std::uint8_t>{0x11, 0x20, 0x87, 0x01}));
  EXPECT_EQ(coded.Expand(6), (Ranks{0, 1, kNoRank, 3, 10, 18}));
  EXPECT_EQ(RisingRanks::Of({}).Expand(0), Ranks{});
}

TEST(RisingRanks, ComeBackAsTheyWere) {
  std::mt19937_64 random(3);
  std::size_t there = 0;
  for (int round = 0; round < 300; ++round) {
    Ranks ranks;
    std::uint64_t next = 0;
    while (ranks.size() < 200) {
      next += random() % (std::uint64_t{1} << random() % 33);
      if (next >= kNoRank) break;
      ranks.push_back(random() % 4 == 0 ? kNoRank : static_cast<std::uint32_t>(next++));
    }
    EXPECT_EQ(RisingRanks::Of(ranks).Expand(ranks.size()), ranks);
    there += ranks.size();
  }
  EXPECT_GT(there, 1000u);
  const Ranks last{kNoRank - 1};
  EXPECT_EQ(RisingRanks::Of(last).Expand(1), last);
}

TEST(RisingRanks, RefuseWhatIsNoSuchList) {
  using Halves = std::vector<std::uint8_t>;
  const auto are_ranks = [](const Halves& halves, std::size_t count) {
    return RisingRanks{halves}.Expand(count).has_value();
  };
  EXPECT_TRUE(are_ranks({0x91, 0x01}, 2)) << "0 and 9";
  EXPECT_FALSE(are_ranks({0x91, 0x01}, 1)) << "one is left";

  EXPECT_FALSE(are_ranks({0x91, 0x01}, 1000)) << "more than there is room for";
  const Halves upper_half{0x21};
  EXPECT_FALSE(are_ranks(upper_half, 1)) << "something is left in the upper half";
  const Halves byte_left{0x01, 0x00};
  EXPECT_FALSE(are_ranks(byte_left, 1));
  const Halves zeros_in_front{0x08};
  EXPECT_FALSE(are_ranks(zeros_in_front, 1));
  const Halves endless{0x88};
  EXPECT_FALSE(are_ranks(endless, 1));
  EXPECT_FALSE(are_ranks(Halves(6, 0xff), 1)) << "33 bits and more";
  const Halves beyond{0xff, 0xff, 0xff, 0xff, 0xff, 0x17};
  EXPECT_FALSE(are_ranks(beyond, 2)) << "a distance of more than 32 bits";
}

}  // namespace
}  // namespace steelyard::wire
