// Room for what is pushed, and aggregated tables: pushes that are kept until their step closes, and applied as one sum.
#include <algorithm>
#include <string>

#include "server/shard.h"

namespace steelyard::server {

using wire::EntryCode;

Shard::Group* Shard::Table::AggregatedIn(StreamId stream) {
  if (!view.spec.options.aggregate) return nullptr;
  const auto group = group_of.find(stream);
  return group == group_of.end() ? nullptr : &groups[group->second];
}

std::size_t Shard::Table::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& segment : segments) {
    if (segment != nullptr) bytes += segment->rows->memory_bytes();
  }
  return bytes;
}

std::size_t Shard::Table::memory_max() const {
  const auto here =
      std::ranges::count_if(segments, [](const auto& segment) { return segment != nullptr; });
  return wire::ShareOfMemory(view.spec, static_cast<std::size_t>(here));
}

std::size_t Shard::Table::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [job, group] : groups) bytes += group.steps.bytes();
  return bytes;
}

wire::EntryAnswer Shard::CheckRoom(const Table& table, const Segment& segment,
                                   std::span<const Key> keys) const {
  if (segment.failed_at) return {.code = EntryCode::kFailed, .detail = *segment.failed_at};
  const bool full =
      page_memory_->bytes_in_use() + held_bytes_ + key_list_bytes_ >= memory_bytes_max_;
  const bool limited = table.view.spec.options.memory_max != 0;
  if (!segment.frozen && table.freeze_at_least) return {.code = EntryCode::kBusy};
  if (!segment.frozen && !full && !limited) return {};
  const std::size_t held = limited ? table.memory_bytes() + table.held_bytes() : 0;
  const bool over_quota = limited && held >= table.memory_max();
  if (!segment.frozen && !full && !over_quota) return {};
  const std::size_t absent = segment.rows->FirstAbsent(keys);
  if (absent == keys.size()) return {};
  if (segment.frozen) return {.code = EntryCode::kFrozen, .detail = keys[absent]};
  if (over_quota) return {.code = EntryCode::kOverQuota, .detail = held};
  return {.code = EntryCode::kFull, .detail = memory_bytes_max_};
}

wire::EntryAnswer Shard::Hold(Group& group, const wire::Push& push, SegmentId segment,
                              std::span<const Key> keys, std::span<const float> floats) {
  if (keys.empty()) return {};
  const std::size_t after = held_bytes_ + engine::OpenSteps::BytesOf(keys.size(), floats.size());
  if (after > kHeldBytesMax && push.step > group.clock.min() + 1) return {.code = EntryCode::kBusy};
  if (after > 2 * kHeldBytesMax) return {.code = EntryCode::kHeldFull, .detail = held_bytes_};
  held_bytes_ = after;
  group.steps.Hold(push.step, segment, push.columns,
                   {.stream = push.stream,
                    .ts = push.ts,
                    .keys = {keys.begin(), keys.end()},
                    .floats = {floats.begin(), floats.end()}});
  return {};
}

void Shard::CloseSteps(Table& table, Group& group) {
  const auto take = [&] {
    held_bytes_ -= group.steps.bytes();
    auto sums = group.steps.TakeNext(group.clock.min());
    held_bytes_ += group.steps.bytes();
    return sums;
  };
  while (const auto sums = take()) {
    ++counters_.steps_closed;
    for (const engine::OpenSteps::Sum& sum : *sums) {
      Segment& segment = *table.segments[sum.segment];
      if (segment.failed_at) continue;
      const auto failure = ApplyRows(table, segment, sum.columns, sum.keys, sum.floats, {});
      if (!failure) continue;
      Complain(counters_.updater_failures, table, failure->what);
      segment.failed_at = failure->key;
    }
  }
}

void Shard::Advance(Table& table, Group& group, Outbox& outbox) {
  CloseSteps(table, group);
  AnswerWaiting(table, group, outbox);
}

}  // namespace steelyard::server
