// Vocabulary types shared by the public API and every module.
#pragma once

#include <cstddef>
#include <cstdint>

namespace steelyard {

using Key = std::uint64_t;
inline constexpr Key kKeyMax = ~Key{0};

/// A closed interval of keys. Closed, because a half-open one cannot contain the largest Key.
struct KeyRange {
  Key first;
  Key last;  ///< Inclusive; last >= first.
  bool operator==(const KeyRange&) const = default;
};

using NodeId = std::uint32_t;  ///< Issued by the head; 0 is the head itself.
using Incarnation =
    std::uint64_t;  ///< Drawn at each process start; (NodeId, Incarnation) is an identity.
using TableId = std::uint32_t;
using SegmentId = std::uint32_t;  ///< Index of a segment inside its table.
using Epoch = std::uint64_t;      ///< Number of a view; grows, never reused.
using JobId = std::uint32_t;      ///< Also names the job's worker group.
using StreamId = std::uint32_t;   ///< A worker slot of a job: the component of clocks.
using Session =
    std::uint64_t;          ///< One process's tenure of a stream; later ones fence earlier ones.
using Ts = std::uint64_t;   ///< Count of a stream's pushes to a table, from 1; 0 means none.
using Step = std::int64_t;  ///< The application's iteration; -1 means before the first.

}  // namespace steelyard
