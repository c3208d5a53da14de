// Freezing: segments become arrays one after another, a slice of rows at a time.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/hash.h"
#include "server/shard.h"

namespace steelyard::server {
namespace {

/// Rows that one turn goes over: about 10 ms (10 M rows on two servers, each twice, took 0.7 s).
constexpr std::size_t kSliceRows = std::size_t{1} << 17;

Status NotHeld(TableId table) {
  return {StatusCode::kNotFound, "table " + std::to_string(table) + " is not held by this server"};
}

}  // namespace

table::Freezer::Keep Shard::Table::FarFromZero(float at_least) const {
  if (at_least == 0.0F) return {};
  return [this, at_least, values = std::vector<float>(updater->value_floats())](
             Key key, std::span<const float> row) mutable {
    updater->Read(key, row, values);
    return std::abs(values.front()) >= at_least;
  };
}

std::optional<SegmentId> Shard::Table::NextToFreeze() const {
  if (!freeze_at_least) return {};
  const auto next = std::ranges::find_if(
      segments, [](const auto& segment) { return segment != nullptr && !segment->frozen; });
  if (next == segments.end()) return {};
  return static_cast<SegmentId>(next - segments.begin());
}

Status Shard::CheckFreezable(TableId id) const {
  const auto found = tables_.find(id);
  if (found == tables_.end()) return NotHeld(id);
  const Table& table = found->second;
  if (table.freeze_at_least || table.freeze_between_steps) return {};
  const std::string& name = table.view.spec.options.name;
  for (const auto& segment : table.segments) {
    if (segment != nullptr && segment->rows->size() >= table::ArrayTable::kSizeMax) {
      return Status(StatusCode::kResourceExhausted,
                    "a segment of table '" + name + "' has " +
                        std::to_string(segment->rows->size()) + " rows, and may be frozen with " +
                        std::to_string(table::ArrayTable::kSizeMax - 1) +
                        " at most; create it with more segments");
    }
  }
  if (table.held_bytes() == 0) return {};
  return Status(StatusCode::kUnavailable,
                "table '" + name +
                    "' has pushes of a step that not every member of its group is through; "
                    "freeze it between steps");
}

Status Shard::Freeze(const wire::TableFreeze& freeze) {
  Table* table = FindTable(freeze.table);
  if (table == nullptr) return NotHeld(freeze.table);
  if (table->freeze_at_least || table->freeze_between_steps) return {};
  table->freeze_between_steps = freeze.at_least;
  table->BeginFreezingBetweenSteps();
  return {};
}

void Shard::Table::BeginFreezingBetweenSteps() {
  if (may_begin_freezing()) freeze_at_least = std::exchange(freeze_between_steps, {});
}

bool Shard::freezing() const {
  return std::ranges::any_of(tables_, [](const auto& entry) {
    return entry.second.may_begin_freezing() || entry.second.NextToFreeze();
  });
}

std::optional<TableId> Shard::ContinueFreezing() {
  for (auto& [id, table] : tables_) table.BeginFreezingBetweenSteps();
  const auto at = std::ranges::find_if(
      tables_, [](const auto& entry) { return entry.second.NextToFreeze().has_value(); });
  if (at == tables_.end()) return {};
  const Table& table = at->second;
  const SegmentId index = *table.NextToFreeze();
  Segment& segment = *table.segments[index];
  if (segment.freezer == nullptr) {
    segment.freezer = std::make_unique<table::Freezer>(
        segment.rows.get(), table.FarFromZero(*table.freeze_at_least), page_memory_.get());
  }
  if (!segment.freezer->Continue(kSliceRows)) return {};
  auto array = segment.freezer->Take();
  segment.freezer = nullptr;
  const Hash128 hash = HashBytes128(std::as_bytes(array->keys()));
  segment.frozen = {
      .segment = index, .rows = array->size(), .hash_low = hash.low, .hash_high = hash.high};
  segment.rows = std::move(array);
  segment.slots = {};
  if (table.NextToFreeze()) return {};
  return at->first;
}

std::optional<wire::TableFrozen> Shard::FrozenKeysOf(TableId id) const {
  const auto found = tables_.find(id);
  if (found == tables_.end() || !found->second.freeze_at_least || found->second.NextToFreeze()) {
    return {};
  }
  wire::TableFrozen frozen{.table = id, .segments = {}};
  for (const auto& segment : found->second.segments) {
    if (segment != nullptr) frozen.segments.push_back(*segment->frozen);
  }
  return frozen;
}

std::optional<std::span<const Key>> Shard::FixedKeysOf(TableId id, SegmentId segment,
                                                       KeyRange range) const {
  const auto found = tables_.find(id);
  if (found == tables_.end() || segment >= found->second.segments.size()) return {};
  const Segment* const held = found->second.segments[segment].get();
  if (held == nullptr || !held->frozen) return {};
  const auto& rows = static_cast<const table::ArrayTable&>(*held->rows);
  const table::ArrayTable::RankRange ranks = rows.RanksOf(range);
  return rows.keys().subspan(ranks.first, ranks.count);
}

}  // namespace steelyard::server
