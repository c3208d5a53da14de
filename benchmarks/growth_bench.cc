#include "growth_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "base/hash.h"
#include "child_server.h"
#include "key_lists.h"
#include "load.h"
#include "table/hash_table.h"
#include "table/updater.h"
#include "thread_time.h"

namespace steelyard::bench {
namespace {

constexpr std::uint64_t kPushKeys = 1000;
constexpr std::uint64_t kPeerShare = 10;

/// What growing took: seconds of each push.
struct Growth {
  std::vector<double> pushes;

  /// Of the pushes [first, last), in tenths of them all.
  double MKeysPerSecond(std::size_t first, std::size_t last) const {
    double seconds = 0;
    const std::size_t begin = pushes.size() * first / 10, end = pushes.size() * last / 10;
    for (std::size_t i = begin; i < end; ++i) seconds += pushes[i];
    return static_cast<double>((end - begin) * kPushKeys) / seconds * 1e-6;
  }
  double longest_us() const { return *std::ranges::max_element(pushes) * 1e6; }
};

Growth Grow(std::uint64_t keys, const std::function<void(const KeyList&)>& push) {
  Growth growth;
  KeyList list;
  for (std::uint64_t first = 0; first < keys; first += kPushKeys) {
    list.clear();
    for (std::uint64_t id = first; id < first + kPushKeys; ++id) list.push_back(KeyOfId(id));
    std::ranges::sort(list);
    const double start = ThreadSeconds();
    push(list);
    growth.pushes.push_back(ThreadSeconds() - start);
  }
  return growth;
}

}  // namespace

Result<std::vector<BenchRow>> RunGrowth(const GrowthBenchOptions& options) {
  PinToProcessor(1);
  const std::uint64_t keys = options.keys / kPushKeys * kPushKeys;
  const UpdaterOptions ftrl{.name = "ftrl", .alpha = 0.1F, .beta = 1.0F, .l1 = 0.1F, .l2 = 0.0F};
  const auto updater = table::MakeUpdater(ftrl, 1);
  const std::vector<float> gradients(kPushKeys, kGradient);
  table::PageMemory memory;
  table::HashTable own({0, kKeyMax}, 2, memory);
  const Growth growth =
      Grow(keys, [&](const KeyList& list) { updater.value()->ApplyBatch(own, list, gradients); });
  if (own.size() != keys) {
    return Status(StatusCode::kCorruption,
                  fmt::format("{} keys were pushed, {} are there", keys, own.size()));
  }
  float weight = 0;
  updater.value()->ReadBatch(own, KeyList{KeyOfId(keys - 1)}, std::span(&weight, 1));
  if (weight == 0) return Status(StatusCode::kCorruption, "the last key pushed reads as zero");

  struct Row {
    float z = 0, n = 0;
  };
  const math::FtrlRule rule = table::FtrlRuleOf(ftrl);
  std::unordered_map<Key, Row> map;
  const Growth peer = Grow(keys / kPeerShare, [&](const KeyList& list) {
    for (const Key key : list) {
      Row& row = map[key];
      rule.Step(kGradient, row.z, row.n);
    }
  });
  const auto beside = [&](std::string name, double value, std::string unit, double peers) {
    return BenchRow{.name = std::move(name),
                    .value = value,
                    .unit = std::move(unit),
                    .peer = "std::unordered_map, a tenth of them",
                    .peer_value = peers,
                    .target = {}};
  };
  return std::vector<BenchRow>{
      beside("new keys, first tenth", growth.MKeysPerSecond(0, 1), "M keys/s",
             peer.MKeysPerSecond(0, 10)),
      beside("new keys, last tenth", growth.MKeysPerSecond(9, 10), "M keys/s",
             peer.MKeysPerSecond(0, 10)),
      beside("longest push of 1,000", growth.longest_us(), "us", peer.longest_us()),
      {.name = "memory",
       .value = static_cast<double>(own.memory_bytes()) / static_cast<double>(own.size()),
       .unit = "B/key",
       .peer = {},
       .peer_value = {},
       .target = {}}};
}

}  // namespace steelyard::bench
