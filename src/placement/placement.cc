#include "placement/placement.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "base/planted_bug.h"
#include "base/spans.h"

namespace steelyard::placement {

std::vector<Key> CutEvenly(std::uint32_t segment_count) {
  SY_CHECK(segment_count > 0);
  std::vector<Key> firsts(segment_count);
  // 2^64 / segment_count, without 2^64; the last segment also takes the remainder, fewer keys than segments.
  const bool divides = kKeyMax % segment_count == segment_count - 1;
  const Key width = kKeyMax / segment_count + (divides ? 1 : 0);
  for (std::uint32_t i = 1; i < segment_count; ++i) firsts[i] = firsts[i - 1] + width;
  return firsts;
}

std::vector<Key> CutByKeys(std::span<const Key> keys, std::uint32_t segment_count) {
  SY_CHECK(segment_count > 0);
  if (keys.size() / 2 < segment_count) return CutEvenly(segment_count);
  std::vector<Key> firsts(segment_count);
  for (std::size_t i = 1; i < segment_count; ++i) firsts[i] = keys[i * keys.size() / segment_count];
  return firsts;
}

std::vector<std::uint32_t> AssignEvenly(std::uint32_t segment_count, std::uint32_t server_count) {
  SY_CHECK(server_count > 0);
  std::vector<std::uint32_t> owners(segment_count);
  for (std::uint64_t i = 0; i < segment_count; ++i) {
    owners[i] = static_cast<std::uint32_t>(i * server_count / segment_count);
  }
  return owners;
}

KeyRange RangeOfSegment(const wire::View& view, SegmentId index) {
  const bool is_last = index + 1 == view.segments.size();
  return {.first = view.segments[index].first,
          .last = is_last ? kKeyMax : view.segments[index + 1].first - 1};
}

Status CheckSorted(std::span<const Key> keys) {
  if (StrictlyIncreasing(keys)) return {};
  const auto bad = std::ranges::adjacent_find(keys, std::greater_equal<>());
  return Status(StatusCode::kInvalidArgument,
                "keys[" + std::to_string(bad - keys.begin()) +
                    "] >= its successor; keys must be sorted and unique");
}

Status CheckRange(const KeyRange& range) {
  if (range.first <= range.last) return {};
  return {StatusCode::kInvalidArgument, "a key range ends at " + std::to_string(range.last) +
                                            ", before it begins at " + std::to_string(range.first)};
}

void SliceKeys(std::span<const Key> keys, const wire::View& view, std::vector<KeySlice>& slices) {
  slices.clear();
  std::size_t begin = 0;
  std::size_t segment = 0;
  while (begin < keys.size()) {
    // The segment of keys[begin]: the last one that starts at or before it.
    const auto after = std::upper_bound(
        view.segments.begin() + static_cast<std::ptrdiff_t>(segment), view.segments.end(),
        keys[begin], [](Key key, const wire::SegmentView& s) { return key < s.first; });
    segment = static_cast<std::size_t>(after - view.segments.begin()) - 1;
    std::size_t end = keys.size();
    if (after != view.segments.end()) {
      end = static_cast<std::size_t>(
          std::lower_bound(keys.begin() + static_cast<std::ptrdiff_t>(begin), keys.end(),
                           after->first) -
          keys.begin());
      if (Planted(PlantedBug::kWrongSlice) && end < keys.size()) ++end;
    }
    slices.push_back({.segment = static_cast<SegmentId>(segment),
                      .offset = static_cast<std::uint32_t>(begin),
                      .count = static_cast<std::uint32_t>(end - begin)});
    begin = end;
  }
}

}  // namespace steelyard::placement
