// Goal: each key reaches exactly one segment and owner. Method: edges, then a linear-scan oracle on random keys.
#include "placement/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace steelyard::placement {
namespace {

wire::View MakeView(std::uint32_t segments, std::uint32_t servers) {
  wire::View view;
  const auto firsts = CutEvenly(segments);
  const auto owners = AssignEvenly(segments, servers);
  view.owners.resize(servers);
  for (std::uint32_t i = 0; i < segments; ++i) view.segments.push_back({firsts[i], owners[i], 1});
  return view;
}

TEST(Placement, SegmentsCoverTheWholeKeySpace) {
  for (const std::uint32_t count : {1u, 3u, 16u, 1000u}) {
    const wire::View view = MakeView(count, 1);
    EXPECT_EQ(RangeOfSegment(view, 0).first, 0u);
    EXPECT_EQ(RangeOfSegment(view, count - 1).last, kKeyMax);
    for (std::uint32_t i = 1; i < count; ++i) {
      EXPECT_EQ(RangeOfSegment(view, i - 1).last + 1, RangeOfSegment(view, i).first);
    }
  }
}

TEST(Placement, CutsFollowTheKeysOfASample) {
  std::vector<Key> keys;
  for (Key i = 0; i < 1000; ++i) keys.push_back(i < 900 ? i : Key{1} << 60 | i);
  const std::vector<Key> firsts = CutByKeys(keys, 10);
  ASSERT_EQ(firsts.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(firsts[i], i == 0 ? 0 : keys[100 * i]);
  EXPECT_EQ(CutByKeys(std::span(keys).first(19), 10), CutEvenly(10)) << "too few to go by";
}

TEST(Placement, LoadsDifferByAtMostOne) {
  for (const std::uint32_t servers : {1u, 2u, 3u, 7u}) {
    std::vector<int> load(servers);
    for (const auto owner : AssignEvenly(32, servers)) ++load[owner];
    EXPECT_LE(*std::ranges::max_element(load) - *std::ranges::min_element(load), 1);
  }
}

TEST(Placement, RefusesARepeatedKeyAndNamesItsIndex) {
  const Status status = CheckSorted(std::vector<Key>{1, 5, 5});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "keys[1] >= its successor; keys must be sorted and unique");
  EXPECT_TRUE(CheckSorted({}).ok());
}

TEST(Placement, SlicesMatchALinearScan) {
  std::mt19937_64 random(20141006);  // Fixed seed: a failure replays as it was.
  for (const std::uint32_t segments : {1u, 2u, 5u, 32u}) {
    const wire::View view = MakeView(segments, 2);
    std::set<Key> unique = {0, kKeyMax};
    for (std::uint32_t i = 0; i < segments; ++i) unique.insert(RangeOfSegment(view, i).first);
    for (int i = 0; i < 500; ++i) unique.insert(random());
    const std::vector<Key> keys(unique.begin(), unique.end());
    std::vector<KeySlice> slices;
    SliceKeys(keys, view, slices);
    std::size_t next = 0;
    for (const KeySlice& slice : slices) {
      ASSERT_EQ(slice.offset, next);
      ASSERT_GT(slice.count, 0u);
      const KeyRange range = RangeOfSegment(view, slice.segment);
      for (std::size_t i = 0; i < slice.count; ++i, ++next) {
        ASSERT_TRUE(range.first <= keys[next] && keys[next] <= range.last);
      }
    }
    EXPECT_EQ(next, keys.size());
  }
}

}  // namespace
}  // namespace steelyard::placement
