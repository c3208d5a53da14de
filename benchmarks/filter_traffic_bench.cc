#include "filter_traffic_bench.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "table_contestant.h"

namespace steelyard::bench {
namespace {

constexpr std::size_t kListSizes[] = {10'000, 100'000};
constexpr std::size_t kLists = 4;      ///< That come again and again.
constexpr std::size_t kRequests = 40;  ///< Of a load; bytes a key depend little on it.
/// Few: on a busy machine no request waits so long that it is sent again.
constexpr std::size_t kInFlight = 2;
/// What key caching must make of a repeated list of 8-byte keys and 4-byte values; 3 is the most there is.
constexpr double kCachedTarget = 2.9;

struct Measured {
  std::string name;
  std::unique_ptr<ServedContestant> contestant;
};

Result<double> BytesPerKey(ServedContestant& contestant, const Load& load) {
  const std::uint64_t before = contestant.BytesMoved();
  const auto seconds = contestant.Run(load);
  if (!seconds.ok()) return seconds.status();
  return static_cast<double>(contestant.BytesMoved() - before) / static_cast<double>(load.keys());
}

Status CompareValues(std::vector<Measured>& all, const KeyList& keys) {
  const auto first = all.front().contestant->Values(keys);
  if (!first.ok()) return first.status();
  for (Measured& measured : all) {
    const auto values = measured.contestant->Values(keys);
    if (!values.ok()) return values.status();
    if (values.value() != first.value() || values.value()[0] == 0.0F) {
      return Status(StatusCode::kCorruption,
                    "the values with " + measured.name + " are not those without filters");
    }
  }
  return {};
}

/// Rows of each stack of filters beside no filters.
Status AddRows(const std::string& what, const Load& load, std::optional<double> target,
               std::vector<Measured>& all, std::vector<BenchRow>& rows) {
  const auto plain = BytesPerKey(*all.front().contestant, load);
  if (!plain.ok()) return plain.status();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto bytes = BytesPerKey(*all[i].contestant, load);
    if (!bytes.ok()) return bytes.status();
    rows.push_back({.name = what + ", " + all[i].name,
                    .value = bytes.value(),
                    .unit = "B/key",
                    .peer = "no filters",
                    .peer_value = plain.value(),
                    .target = all[i].name.starts_with("key-cache") ? target : std::nullopt});
  }
  return {};
}

}  // namespace

Result<std::vector<BenchRow>> RunFilterTraffic(const FilterTrafficOptions& options) {
  std::vector<Measured> all;
  for (const char* const filters : {"none", "key-cache", "delta", "key-cache,delta"}) {
    all.push_back({filters, MakeTableContestant({.name = "bench"}, {.filters = filters})});
  }
  std::vector<BenchRow> rows;
  for (const std::size_t list_keys : kListSizes) {
    for (const Load::Kind kind : {Load::Kind::kPush, Load::Kind::kPull}) {
      const std::uint64_t seed = list_keys + (kind == Load::Kind::kPush ? 0 : 1);
      const auto lists = UniformLists(options.keys, list_keys, kRequests, seed);
      const std::string what =
          fmt::format("{} {} keys", kind == Load::Kind::kPush ? "push" : "pull", list_keys);
      Load repeated{.kind = kind, .lists = lists, .requests = kRequests, .in_flight = kInFlight};
      repeated.lists = repeated.lists.first(kLists);
      Load first = repeated;
      first.requests = kLists;
      for (Measured& measured : all) {
        const auto seconds = measured.contestant->Run(first);
        if (!seconds.ok()) return seconds.status();
      }
      SY_RETURN_IF_ERROR(AddRows(what + ", repeated", repeated, kCachedTarget, all, rows));
      Load fresh = repeated;
      fresh.lists = std::span(lists).subspan(kLists);
      fresh.requests = fresh.lists.size();
      SY_RETURN_IF_ERROR(AddRows(what + ", new", fresh, std::nullopt, all, rows));
      if (kind == Load::Kind::kPush) SY_RETURN_IF_ERROR(CompareValues(all, lists[0]));
    }
  }
  return rows;
}

}  // namespace steelyard::bench
