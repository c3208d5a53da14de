#include "hint_bench.h"

#include <algorithm>
#include <span>
#include <vector>

#include "key_lists.h"
#include "load.h"
#include "placement/placement.h"
#include "table/hash_table.h"
#include "table/row_batches.h"
#include "table/slot_memory.h"
#include "thread_time.h"

namespace steelyard::bench {
namespace {

constexpr std::uint64_t kKeys = 468'000;
constexpr std::size_t kListKeys = 1'800;
constexpr std::size_t kLists = 1'000;
constexpr std::size_t kRowFloats = 2;
constexpr std::uint32_t kSegments = 32;

/// Rows as a server holds them: in segments, each with the slots of its recent lists.
class SegmentedRows {
 public:
  SegmentedRows() {
    const std::vector<Key> firsts = placement::CutEvenly(kSegments);
    for (std::uint32_t i = 0; i < kSegments; ++i) {
      const Key last = i + 1 == kSegments ? kKeyMax : firsts[i + 1] - 1;
      segments_.push_back({table::HashTable({firsts[i], last}, kRowFloats, memory_)});
    }
  }

  /// The keys of each segment.
  std::vector<std::span<const Key>> Slice(std::span<const Key> keys) const {
    std::vector<std::span<const Key>> slices;
    for (const Segment& segment : segments_) {
      const auto end = std::ranges::upper_bound(keys, segment.rows.range().last);
      slices.push_back(keys.first(static_cast<std::size_t>(end - keys.begin())));
      keys = keys.subspan(slices.back().size());
    }
    return slices;
  }

  void Pull(std::span<const std::span<const Key>> slices) {
    for (std::uint32_t i = 0; i < kSegments; ++i) {
      CopyRows(segments_[i].rows, slices[i], FloatsOf(pulled_, slices[i]),
               segments_[i].Hints(slices[i]));
    }
  }

  void Push(std::span<const std::span<const Key>> slices, bool hinted) {
    for (std::uint32_t i = 0; i < kSegments; ++i) {
      AddToRows(segments_[i].rows, slices[i], FloatsOf(pushed_, slices[i]),
                hinted ? segments_[i].Hints(slices[i]) : table::SlotHints());
    }
  }

 private:
  struct Segment {
    table::HashTable rows;
    table::SlotMemory slots{};
    table::SlotHints Hints(std::span<const Key> keys) { return slots.For(keys, rows.generation()); }
  };
  static std::span<float> FloatsOf(std::vector<float>& floats, std::span<const Key> keys) {
    return std::span(floats).first(keys.size() * kRowFloats);
  }

  table::PageMemory memory_;
  std::vector<Segment> segments_;
  std::vector<float> pulled_ = std::vector<float>(kListKeys * kRowFloats);
  std::vector<float> pushed_ = std::vector<float>(kListKeys * kRowFloats, kGradient);
};

/// M keys/s of pushes, each after its pull, which is not counted.
double Measure(SegmentedRows& rows, const std::vector<KeyList>& lists, bool hinted) {
  double seconds = 0;
  for (const KeyList& list : lists) {
    const auto slices = rows.Slice(list);
    rows.Pull(slices);
    const double start = ThreadSeconds();
    rows.Push(slices, hinted);
    seconds += ThreadSeconds() - start;
  }
  return static_cast<double>(kLists * kListKeys) / seconds * 1e-6;
}

}  // namespace

BenchRow RunHintedPushes(std::size_t rounds) {
  SegmentedRows rows;
  for (const KeyList& list : EveryKey(kKeys, kListKeys)) rows.Push(rows.Slice(list), false);
  const auto lists = UniformLists(kKeys, kListKeys, kLists, 11);
  std::vector<double> hinted;
  std::vector<double> searched;
  for (std::size_t round = 0; round < rounds; ++round) {
    hinted.push_back(Measure(rows, lists, true));
    searched.push_back(Measure(rows, lists, false));
  }
  return {.name = "push of rows, 1,800 keys just pulled",
          .value = MedianOf(hinted),
          .unit = "M keys/s",
          .peer = "looked up again",
          .peer_value = MedianOf(searched),
          .target = {},
          .spread = SpreadOf(hinted)};
}

}  // namespace steelyard::bench
