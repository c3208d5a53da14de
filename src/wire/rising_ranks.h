// RisingRanks: where a list of keys stands in a table, as a part of messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace steelyard::wire {

/// Instead of a rank: the frozen table has no such key, or a solver leaves it out.
inline constexpr std::uint32_t kNoRank = ~std::uint32_t{0};

/// The distance of each rank to the last one before it, in half-bytes, the lower half of a byte first: three bits, lowest
/// first, and a fourth that says that more follow. 0 is kNoRank; the first distance counts from -1. So a worker that has
/// every second feature says where each is in half a byte.
struct RisingRanks {
  std::vector<std::uint8_t> halves;
  template <typename V>
  void Fields(V& v) {
    v(halves);
  }

  /// @param ranks  increasing, with kNoRank anywhere.
  static RisingRanks Of(std::span<const std::uint32_t> ranks);
  /// All of them, or nothing: these are not `count` ranks. A rank takes at least half a byte, so that memory is bounded.
  std::optional<std::vector<std::uint32_t>> Expand(std::size_t count) const;
};

}  // namespace steelyard::wire
