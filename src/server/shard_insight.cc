// What a shard tells of its tables: hot keys, and how far streams are on ranges of keys.
#include <algorithm>
#include <string>

#include "server/shard.h"

namespace steelyard::server {
namespace {

Status NotHeld(TableId table) {
  return {StatusCode::kNotFound, "table " + std::to_string(table) + " is not held by this server"};
}

}  // namespace

Result<wire::HotKeyCounts> Shard::HotKeysOf(const wire::HotKeysGet& get) const {
  const auto found = tables_.find(get.table);
  if (found == tables_.end()) return NotHeld(get.table);
  const HotKeys& hot = found->second.hot;
  return wire::HotKeyCounts{
      .table = get.table, .samples = hot.samples(), .keys = hot.Top(get.most)};
}

wire::RangeTimes Shard::TimesOf(const Table& table, const Segment& segment) {
  wire::RangeTimes times{.first = segment.range.first, .last = segment.range.last, .streams = {}};
  for (const StreamId stream : segment.clock.Streams()) {
    wire::StreamTime& time = times.streams.emplace_back();
    time.stream = stream;
    time.ts = segment.clock.ts(stream);
    time.through = segment.clock.through(stream);
    const auto member = table.group_of.find(stream);
    if (member == table.group_of.end()) continue;
    const engine::GroupClock& clock = table.groups.at(member->second).clock;
    time.group = member->second;
    time.through = std::max(time.through, clock.through(stream));
    time.active = clock.active(stream);
  }
  return times;
}

Result<wire::Clocks> Shard::ClocksOf(const wire::ClocksGet& get) const {
  const auto found = tables_.find(get.table);
  if (found == tables_.end()) return NotHeld(get.table);
  wire::Clocks clocks{.table = get.table, .ranges = {}};
  for (const auto& segment : found->second.segments) {
    if (segment == nullptr) continue;
    if (segment->range.last < get.first || segment->range.first > get.last) continue;
    clocks.ranges.push_back(TimesOf(found->second, *segment));
  }
  return clocks;
}

Step Shard::ThroughOf(const Table& table, const Group& group, const wire::Pull& pull) {
  // An open step of an aggregated table is in no row; a pull of no keys asks for all of them.
  if (table.view.spec.options.aggregate || pull.entries.empty()) return group.clock.min();
  return group.clock.MinWhere([&](StreamId stream) {
    Step least = wire::kStepMax;
    for (const wire::PullEntry& entry : pull.entries) {
      least = std::min(least, table.segments[entry.segment]->clock.through(stream));
      if (least <= group.clock.min()) break;
    }
    return least;
  });
}

}  // namespace steelyard::server
