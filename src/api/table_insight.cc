// What a table's servers tell of its use, put together: each holds other keys.
#include <algorithm>
#include <utility>

#include "api/connection.h"
#include "placement/placement.h"
#include "steelyard/cluster.h"
#include "wire/table_messages.h"

namespace steelyard {
namespace {

StreamTime TimeOf(const wire::StreamTime& time) {
  return {.stream = time.stream,
          .group = {time.group},
          .ts = time.ts,
          .through = time.through,
          .active = time.active};
}

/// Ranges by key; neighbours whose streams are equally far are one.
std::vector<RangeClock> Merged(std::vector<RangeClock> ranges) {
  std::ranges::sort(ranges, {}, [](const RangeClock& clock) { return clock.range.first; });
  std::vector<RangeClock> merged;
  for (RangeClock& clock : ranges) {
    const bool same = !merged.empty() && merged.back().streams == clock.streams &&
                      merged.back().range.last + 1 == clock.range.first;
    if (same) {
      merged.back().range.last = clock.range.last;
    } else {
      merged.push_back(std::move(clock));
    }
  }
  return merged;
}

}  // namespace

Result<HotKeys> Table::FindHotKeys(std::size_t count) {
  const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(count, wire::kHotKeysMax));
  const auto answers = connection_->AskServers<wire::HotKeyCounts>(
      table_->view, wire::HotKeysGet{.table = table_->view.table, .most = most});
  if (!answers.ok()) return answers.status();
  HotKeys hot;
  for (const wire::HotKeyCounts& counts : answers.value()) hot.samples += counts.samples;
  for (const wire::HotKeyCounts& counts : answers.value()) {
    for (const wire::HotKey& key : counts.keys) {
      const auto least = static_cast<double>(key.count - key.error);
      hot.keys.push_back({.key = key.key, .share = least / static_cast<double>(hot.samples)});
    }
  }
  std::ranges::stable_sort(hot.keys, std::ranges::greater(), &HotKey::share);
  if (hot.keys.size() > most) hot.keys.resize(most);
  return hot;
}

Result<std::vector<RangeClock>> Table::Clocks(KeyRange range) {
  SY_RETURN_IF_ERROR(placement::CheckRange(range));
  const auto answers = connection_->AskServers<wire::Clocks>(
      table_->view,
      wire::ClocksGet{.table = table_->view.table, .first = range.first, .last = range.last});
  if (!answers.ok()) return answers.status();
  std::vector<RangeClock> ranges;
  for (const wire::Clocks& clocks : answers.value()) {
    for (const wire::RangeTimes& times : clocks.ranges) {
      RangeClock& clock = ranges.emplace_back();
      clock.range = {std::max(times.first, range.first), std::min(times.last, range.last)};
      std::ranges::transform(times.streams, std::back_inserter(clock.streams), TimeOf);
    }
  }
  return Merged(std::move(ranges));
}

}  // namespace steelyard
