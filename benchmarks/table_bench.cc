#include "table_bench.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "child_server.h"
#include "hint_bench.h"
#include "key_lists.h"
#include "load.h"
#include "table/hash_table.h"
#include "table/updater.h"
#include "thread_time.h"
#ifdef SY_HAVE_ABSL
#include <absl/container/flat_hash_map.h>
#endif

namespace steelyard::bench {
namespace {

constexpr std::size_t kListKeys = 100'000;
constexpr std::size_t kListCount = 100;

struct Row {
  float z = 0;
  float n = 0;
};

/// A table under test: push a gradient to each key, pull the weights, nanoseconds measured around it.
struct Candidate {
  std::string name;
  std::function<void(const KeyList&, std::span<const float>)> push;
  std::function<void(const KeyList&, std::span<float>)> pull;
};

template <typename Map>
Candidate MapCandidate(const char* name, Map& map, const math::FtrlRule& rule) {
  return {.name = name,
          .push =
              [&map, rule](const KeyList& keys, std::span<const float> gradients) {
                for (std::size_t i = 0; i < keys.size(); ++i) {
                  Row& row = map[keys[i]];
                  rule.Step(gradients[i], row.z, row.n);
                }
              },
          .pull =
              [&map, rule](const KeyList& keys, std::span<float> weights) {
                for (std::size_t i = 0; i < keys.size(); ++i) {
                  const auto found = map.find(keys[i]);
                  const Row row = found == map.end() ? Row{} : found->second;
                  weights[i] = rule.Weight(row.z, std::sqrt(row.n));
                }
              }};
}

double MKeysPerSecond(const std::vector<KeyList>& lists,
                      const std::function<void(const KeyList&)>& work) {
  std::size_t keys = 0;
  const double start = ThreadSeconds();
  for (const KeyList& list : lists) {
    work(list);
    keys += list.size();
  }
  return static_cast<double>(keys) / (ThreadSeconds() - start) * 1e-6;
}

}  // namespace

Result<std::vector<BenchRow>> RunTable(const TableBenchOptions& options) {
  PinToProcessor(1);
  UpdaterOptions ftrl{.alpha = 0.1F, .beta = 1.0F, .l1 = 0.1F, .l2 = 0.0F};
  ftrl.name = "ftrl";
  const auto updater = table::MakeUpdater(ftrl, 1);
  const math::FtrlRule rule = table::FtrlRuleOf(ftrl);

  table::PageMemory memory;
  table::HashTable own({0, kKeyMax}, 2, memory);
  std::unordered_map<Key, Row> map;
  std::vector<Candidate> candidates{
      {.name = "steelyard",
       .push =
           [&](const KeyList& keys, std::span<const float> gradients) {
             updater.value()->ApplyBatch(own, keys, gradients);
           },
       .pull = [&](const KeyList& keys,
                   std::span<float> weights) { updater.value()->ReadBatch(own, keys, weights); }},
      MapCandidate("std::unordered_map", map, rule)};
#ifdef SY_HAVE_ABSL
  absl::flat_hash_map<Key, Row> flat;
  candidates.push_back(MapCandidate("absl::flat_hash_map", flat, rule));
#endif
  std::vector<BenchRow> rows;
  const auto add = [&](const std::string& what, std::vector<std::vector<double>>& rates) {
    const double figure = MedianOf(rates[0]);
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      rows.push_back({.name = what,
                      .value = figure,
                      .unit = "M keys/s",
                      .peer = candidates[i].name,
                      .peer_value = MedianOf(rates[i]),
                      .target = {},
                      .spread = SpreadOf(rates[0])});
    }
  };

  const std::vector<float> gradients(kListKeys, kGradient);
  std::vector<std::vector<double>> rates(candidates.size());
  {
    const auto every = EveryKey(options.keys, kListKeys);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      rates[i] = {MKeysPerSecond(every, [&](const KeyList& keys) {
        candidates[i].push(keys, std::span(gradients).first(keys.size()));
      })};
    }
    add("insert new keys", rates);
  }
  const auto lists = UniformLists(options.keys, kListKeys, kListCount, 7);
  std::vector<std::vector<float>> weights(candidates.size(), std::vector<float>(kListKeys));
  std::vector<std::vector<double>> pulls(candidates.size());
  rates.assign(candidates.size(), {});
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      rates[i].push_back(
          MKeysPerSecond(lists, [&](const KeyList& keys) { candidates[i].push(keys, gradients); }));
      pulls[i].push_back(MKeysPerSecond(
          lists, [&](const KeyList& keys) { candidates[i].pull(keys, weights[i]); }));
    }
  }
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (weights[i] != weights[0]) {
      return Status(StatusCode::kCorruption, fmt::format("{} and {} hold different weights",
                                                         candidates[0].name, candidates[i].name));
    }
  }
  add("FTRL push, 100,000 uniform keys", rates);
  add("FTRL pull, 100,000 uniform keys", pulls);
  rows.push_back(RunHintedPushes(options.rounds));
  rows.push_back(
      {.name = "memory",
       .value = static_cast<double>(own.memory_bytes()) / static_cast<double>(own.size()),
       .unit = "B/key",
       .peer = {},
       .peer_value = {},
       .target = {}});
  return rows;
}

}  // namespace steelyard::bench
