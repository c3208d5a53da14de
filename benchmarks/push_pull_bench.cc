#include "push_pull_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "bare_contestant.h"
#include "child_server.h"
#include "table_contestant.h"

namespace steelyard::bench {
namespace {

constexpr std::size_t kListSizes[] = {1'000, 10'000, 100'000};
constexpr std::size_t kFillListKeys = 100'000;
/// Keys of one timed run, at most: long enough that starting and ending it do not count.
constexpr std::size_t kKeysPerRunMax = 10'000'000;

/// Lists of a load that comes again and again; a server remembers where it found the keys of so many.
constexpr std::size_t kRepeatedLists = 4;

using Contestants = std::vector<std::unique_ptr<Contestant>>;

/// What one contestant does in its turn of a round.
struct Turn {
  Contestant* contestant;
  Load load;
};

/// M keys/s of every turn, one value a round.
using Rates = std::vector<std::vector<double>>;

Result<Rates> Measure(const std::vector<Turn>& turns, std::size_t rounds) {
  Rates rates(turns.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < turns.size(); ++i) {
      const auto seconds = turns[i].contestant->Run(turns[i].load);
      if (!seconds.ok()) return seconds.status();
      rates[i].push_back(static_cast<double>(turns[i].load.keys()) / seconds.value() * 1e-6);
    }
  }
  return rates;
}

/// The same load for each of them.
std::vector<Turn> TurnsOf(const Contestants& contestants, const Load& load) {
  std::vector<Turn> turns;
  for (const auto& contestant : contestants) turns.push_back({contestant.get(), load});
  return turns;
}

/// Rows of the first contestant beside each of the others. @param targets  of each of the others.
void AddRows(const std::string& what, const Contestants& contestants, Rates& rates,
             const std::vector<std::optional<double>>& targets, std::vector<BenchRow>& rows) {
  const double own = MedianOf(rates[0]);
  for (std::size_t i = 1; i < contestants.size(); ++i) {
    rows.push_back({.name = what,
                    .value = own,
                    .unit = "M keys/s",
                    .peer = contestants[i]->name(),
                    .peer_value = MedianOf(rates[i]),
                    .target = targets[i - 1],
                    .spread = SpreadOf(rates[0])});
  }
}

/// FTRL at both its contestants must give the same weights after the same pushes.
Status CompareValues(Contestant& one, Contestant& other, const KeyList& keys) {
  const auto left = one.Values(keys);
  if (!left.ok()) return left.status();
  const auto right = other.Values(keys);
  if (!right.ok()) return right.status();
  std::size_t nonzeros = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    nonzeros += left.value()[i] != 0.0F ? 1 : 0;
    if (left.value()[i] == right.value()[i]) continue;
    return Status(StatusCode::kCorruption,
                  fmt::format("{} and {} differ at key {}: {} and {}", one.name(), other.name(),
                              keys[i], left.value()[i], right.value()[i]));
  }
  if (nonzeros > keys.size() / 2) return {};
  return Status(StatusCode::kCorruption,
                fmt::format("only {} of {} values are not zero", nonzeros, keys.size()));
}

}  // namespace

Result<std::vector<BenchRow>> RunPushPull(const PushPullOptions& options) {
  UpdaterOptions ftrl{.alpha = 0.1F, .beta = 1.0F, .l1 = 0.1F, .l2 = 0.0F};
  ftrl.name = "ftrl";
  Contestants contestants;
  contestants.push_back(MakeTableContestant({.name = "bench", .updater = ftrl}, {}));
  contestants.push_back(MakeBareContestant(ftrl));
  contestants.push_back(MakeMapContestant());
  PinToProcessor(1);

  std::vector<BenchRow> rows;
  {
    const std::vector<KeyList> every = EveryKey(options.keys, kFillListKeys);
    auto rates = Measure(TurnsOf(contestants, {.lists = every, .requests = every.size()}), 1);
    if (!rates.ok()) return rates.status();
    AddRows("insert new keys, 100,000 a request", contestants, rates.value(), {{}, {}}, rows);
  }
  for (const std::size_t list_keys : kListSizes) {
    if (list_keys > options.keys / 2) continue;  // Most keys would be drawn again and again.
    const std::size_t requests =
        std::min<std::size_t>(kKeysPerRunMax, options.keys * 4) / list_keys;
    const auto lists = UniformLists(options.keys, list_keys, requests, list_keys);
    for (const Load::Kind kind : {Load::Kind::kPush, Load::Kind::kPull}) {
      const Load load{.kind = kind, .lists = lists, .requests = requests};
      Load repeated = load;
      repeated.lists = load.lists.first(kRepeatedLists);
      std::vector<Turn> turns = TurnsOf(contestants, load);
      turns.push_back({contestants[0].get(), repeated});
      turns.push_back({contestants[1].get(), repeated});  // Whose values are compared below.
      auto rates = Measure(turns, options.rounds);
      if (!rates.ok()) return rates.status();
      const std::string what = fmt::format("{} {} keys a request",
                                           kind == Load::Kind::kPush ? "push" : "pull", list_keys);
      AddRows(what, contestants, rates.value(), {0.85, 10.0}, rows);
      rows.push_back({.name = what + ", repeated",
                      .value = MedianOf(rates.value()[contestants.size()]),
                      .unit = "M keys/s",
                      .peer = "new lists",
                      .peer_value = MedianOf(rates.value()[0]),
                      .target = 1.4,
                      .spread = SpreadOf(rates.value()[contestants.size()])});
    }
    SY_RETURN_IF_ERROR(CompareValues(*contestants[0], *contestants[1], lists[0]));
  }
  return rows;
}

}  // namespace steelyard::bench
