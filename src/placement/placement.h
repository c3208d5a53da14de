// Placement: how the key space is cut into segments, who owns them, and how a key list is sliced by segment.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "steelyard/status.h"
#include "steelyard/types.h"
#include "wire/control_messages.h"

namespace steelyard::placement {

/// The first key of each of `segment_count` segments of equal width. Independent of the number of servers.
std::vector<Key> CutEvenly(std::uint32_t segment_count);

/// Likewise, so that segments hold equally many keys of which `keys` is an even sample. Even where there are fewer than two
/// keys a segment to go by.
/// @param keys  [n] strictly increasing.
std::vector<Key> CutByKeys(std::span<const Key> keys, std::uint32_t segment_count);

/// Return owners[i], the index of segment i's server: neighbours stay together, loads differ by at most one.
/// @param server_count  > 0.
std::vector<std::uint32_t> AssignEvenly(std::uint32_t segment_count, std::uint32_t server_count);

/// The keys of segment `index` of a view.
KeyRange RangeOfSegment(const wire::View& view, SegmentId index);

/// Check that keys are strictly increasing. Errors: kInvalidArgument naming the index.
Status CheckSorted(std::span<const Key> keys);

/// Check that a range does not end before it begins. Errors: kInvalidArgument with both keys.
Status CheckRange(const KeyRange& range);

/// The run keys[offset, offset + count) that lies in one segment; count > 0.
struct KeySlice {
  SegmentId segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

/// Cut a sorted key list by segment; segments without keys are left out.
///
/// @param keys  [n] strictly increasing; checked by the caller with CheckSorted().
/// Cost: O(m log n) for m segments touched.
void SliceKeys(std::span<const Key> keys, const wire::View& view, std::vector<KeySlice>& slices);

}  // namespace steelyard::placement
