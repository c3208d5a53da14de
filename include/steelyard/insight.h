// What a table tells of its use: keys that are asked for most, how far the members of worker groups are, what filters saved.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "steelyard/task.h"
#include "steelyard/types.h"

namespace steelyard {

/// What one filter was given and what it left, over all pushes or transmissions so far.
struct FilterCounts {
  std::string name;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};

struct HotKey {
  Key key = 0;
  double share = 0.0;  ///< Of the keys that requests named, at least; as the sample has it.
};

struct HotKeys {
  std::uint64_t samples = 0;  ///< Keys that were looked at: few of them mean little.
  std::vector<HotKey> keys;   ///< Most first.
};

/// How far one stream of pushes is.
struct StreamTime {
  StreamId stream =
      0;  ///< A member's number: the order in which shares of an aggregated step are added.
  WorkerGroup group;    ///< id 0: in none.
  Ts ts = 0;            ///< Its last push that the servers have.
  Step through = -1;    ///< Each of its pushes of steps up to this one has arrived.
  bool active = false;  ///< Gates wait for it: it is in a group and has not left.
  bool operator==(const StreamTime&) const = default;
};

/// The vector clock of the keys of a range.
struct RangeClock {
  KeyRange range{};
  std::vector<StreamTime> streams;  ///< By number.
};

}  // namespace steelyard
