#include "server/shard.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/check.h"
#include "base/duration_text.h"
#include "base/planted_bug.h"
#include "base/spans.h"
#include "placement/placement.h"
#include "table/row_batches.h"

namespace steelyard::server {
namespace {

using transport::LinkId;
using wire::Columns;
using wire::EntryCode;

constexpr std::uint32_t kScanBytesMax = 4u << 20;
/// Rows that one request may walk over: about 10 ms.
constexpr std::size_t kWalkRowsMax = std::size_t{1} << 17;
/// Floats of one pull's answer; the rest of the frame is for its entries.
constexpr std::size_t kPulledBytesMax = wire::kFrameBytesMax - (std::size_t{2} << 20);

}  // namespace

std::size_t Shard::Table::FloatsPerKey(Columns columns) const {
  if (columns == Columns::kNone) return 0;
  return columns == Columns::kRows ? updater->row_floats() : updater->value_floats();
}

table::SlotHints Shard::Segment::HintsFor(std::span<const Key> keys,
                                          const table::HomeBuckets& homes) {
  table::SlotHints hints;
  if (homes.buckets.size() < keys.size()) hints = slots.For(keys, rows->generation());
  hints.homes = homes;
  return hints;
}

EntryRows Shard::Table::RowsOf(SegmentId id) const {
  if (id >= segments.size() || segments[id] == nullptr) return {};
  return {.rows = segments[id]->rows.get(), .range = segments[id]->range};
}

Shard::Table* Shard::FindTable(TableId id) {
  const auto found = tables_.find(id);
  return found == tables_.end() ? nullptr : &found->second;
}

Status Shard::Install(const wire::View& view) {
  const TableOptions& options = view.spec.options;
  auto updater = table::MakeUpdater(options.updater, options.width, user_.functions.get());
  if (!updater.ok()) return updater.status();
  auto [at, inserted] = tables_.try_emplace(view.table);
  Table& table = at->second;
  if (!inserted &&
      (table.view.spec.options != options || table.segments.size() != view.segments.size())) {
    return Status(StatusCode::kInvalidArgument,
                  "table " + std::to_string(view.table) +
                      " is installed here with other options or segments; drop it first");
  }
  if (inserted) {
    table.updater = std::move(updater.value());
    table.segments.resize(view.segments.size());
  }
  for (SegmentId i = 0; i < view.segments.size(); ++i) {
    const wire::SegmentView& segment = view.segments[i];
    if (view.owners[segment.owner].incarnation != self_) continue;
    if (table.segments[i] != nullptr && table.segments[i]->epoch >= segment.epoch) continue;
    auto fresh = std::make_unique<Segment>();
    fresh->range = placement::RangeOfSegment(view, i);
    fresh->epoch = segment.epoch;
    fresh->rows = std::make_unique<table::HashTable>(fresh->range, table.updater->row_floats(),
                                                     *page_memory_);
    for (RunningCall& running : calls_) {
      if (running.call.table == view.table) running.rows = nullptr;
    }
    held_bytes_ -= table.held_bytes();
    for (auto& [job, group] : table.groups) group.steps.Forget(i);
    held_bytes_ += table.held_bytes();
    table.segments[i] = std::move(fresh);
  }
  table.view = view;
  return {};
}

void Shard::Drop(TableId id, Outbox& outbox) {
  Table* table = FindTable(id);
  if (table == nullptr) return;
  std::vector<WaitingPull> orphans;
  for (auto& [job, group] : table->groups) {
    for (WaitingPull& waiting : group.waiting) orphans.push_back(std::move(waiting));
  }
  held_bytes_ -= table->held_bytes();
  tables_.erase(id);
  for (RunningCall& running : calls_) {
    if (running.call.table == id) running.rows = nullptr;  // Its next turn finds no table.
  }
  for (const WaitingPull& orphan : orphans) {
    waiting_bytes_[orphan.link] -= orphan.body.size();
    const auto pull = wire::DecodePull(orphan.body.bytes());
    outbox.emplace_back(orphan.link, AnswerPull(nullptr, pull.value(), orphan.request_id));
  }
}

std::optional<table::UpdaterFailure> Shard::ApplyRows(const Table& table, Segment& segment,
                                                      Columns columns, std::span<const Key> keys,
                                                      std::span<const float> pushed,
                                                      const table::HomeBuckets& homes) {
  if (Planted(PlantedBug::kLostKey) && keys.size() > 1) {
    pushed = pushed.first(pushed.size() - pushed.size() / keys.size());
    keys = keys.first(keys.size() - 1);
  }
  const table::SlotHints hints = segment.HintsFor(keys, homes);
  if (columns == Columns::kRows) {
    table::AddToRows(*segment.rows, keys, pushed, hints);
  } else {
    auto failure = table.updater->ApplyBatch(*segment.rows, keys, pushed, hints);
    if (failure) return failure;
  }
  counters_.keys_pushed += keys.size();
  return {};
}

wire::EntryAnswer Shard::ApplyEntry(Table& table, const wire::Push& push,
                                    const wire::PushEntry& entry, std::size_t first_key,
                                    const RowsAhead<wire::PushEntry>::Seen& seen) {
  wire::EntryAnswer answer{.segment = entry.segment, .code = EntryCode::kNotPrimary, .detail = 0};
  if (entry.segment >= table.segments.size() || table.segments[entry.segment] == nullptr)
    return answer;
  Segment& segment = *table.segments[entry.segment];
  if (entry.epoch != segment.epoch) {
    answer.detail = segment.epoch;
    return answer;
  }
  const engine::PushVerdict verdict =
      segment.clock.Check(push.stream, push.session, push.ts, entry.prev_ts);
  answer.code = verdict.code;
  answer.detail = verdict.detail;
  if (verdict.code != EntryCode::kOk) return answer;
  if (verdict.duplicate) {
    ++counters_.pushes_duplicate;
    return answer;
  }
  const std::span<const Key> keys = push.keys.subspan(first_key, entry.count);
  if (push.floats_per_key != table.FloatsPerKey(push.columns) || !seen.inside) {
    answer.code = EntryCode::kInvalid;
    return answer;
  }
  const std::span<const float> floats = push.floats.subspan(
      first_key * push.floats_per_key, std::size_t{entry.count} * push.floats_per_key);
  if (const std::size_t bad = FirstNotFinite(floats); bad < floats.size()) {
    answer.code = EntryCode::kNotFinite;
    answer.detail = push.keys[first_key + bad / push.floats_per_key];
    return answer;
  }
  Group* const group = table.AggregatedIn(push.stream);
  wire::EntryAnswer room = CheckRoom(table, segment, keys);
  if (room.code == EntryCode::kOk && group != nullptr)
    room = Hold(*group, push, entry.segment, keys, floats);
  answer.code = room.code;
  answer.detail = room.detail;
  if (room.code != EntryCode::kOk) return answer;
  if (group != nullptr) {
    // Applied when its step closes.
  } else if (const auto failure =
                 ApplyRows(table, segment, push.columns, keys, floats, seen.homes)) {
    Complain(counters_.updater_failures, table, failure->what);
    answer.code = EntryCode::kFailed;
    answer.detail = failure->key;
    return answer;
  }
  segment.clock.Advance(push.stream, push.ts, push.through_step);
  ++counters_.pushes_applied;
  return answer;
}

void Shard::Push(LinkId link, const wire::Push& push, std::uint64_t request_id, Outbox& outbox) {
  std::vector<wire::EntryAnswer> failed;
  Table* table = FindTable(push.table);
  const std::uint64_t duplicates_before = counters_.pushes_duplicate;
  std::size_t first_key = 0;
  RowsAhead ahead(push.entries, push.keys);
  for (const wire::PushEntry& entry : push.entries) {
    wire::EntryAnswer answer{.segment = entry.segment, .code = EntryCode::kNotPrimary, .detail = 0};
    if (table != nullptr) {
      const auto& seen = ahead.Next([&](SegmentId id) { return table->RowsOf(id); });
      answer = ApplyEntry(*table, push, entry, first_key, seen);
    }
    if (answer.code != EntryCode::kOk) failed.push_back(answer);
    first_key += entry.count;
  }
  counters_.pushes_refused += failed.size();
  if (Planted(PlantedBug::kDroppedAck) && counters_.pushes_duplicate > duplicates_before) return;
  outbox.emplace_back(link, wire::MakeFrame(wire::PushAck{.table = push.table,
                                                          .stream = push.stream,
                                                          .session = push.session,
                                                          .ts = push.ts,
                                                          .failed = failed},
                                            request_id));
  if (table == nullptr || !failed.empty()) return;
  table->hot.Note(push.keys);
  Announce(*table,
           {.stream = push.stream,
            .session = push.session,
            .ts = push.ts,
            .acked_ts = push.acked_ts,
            .through = push.through_step},
           outbox);
}

void Shard::Announce(Table& table, const Announcement& made, Outbox& outbox) {
  const auto group = table.group_of.find(made.stream);
  if (group == table.group_of.end()) return;
  Group& members = table.groups[group->second];
  const bool advanced =
      members.clock.Announce(made.stream, made.session, made.ts, made.acked_ts, made.through);
  // Also without: a push of a step that is closed is applied by itself.
  if (advanced || !members.steps.empty()) Advance(table, members, outbox);
}

void Shard::Pull(LinkId link, const wire::Pull& pull, std::uint64_t request_id, const Buffer& body,
                 Outbox& outbox) {
  Table* table = FindTable(pull.table);
  // A group that nobody has joined yet is waited for.
  const bool gated = table != nullptr && pull.group != 0 && pull.gate_step != wire::kNoGate;
  if (!gated || table->groups[pull.group].clock.Passed(pull.gate_step)) {
    outbox.emplace_back(link, AnswerPull(table, pull, request_id));
    return;
  }
  Group& group = table->groups[pull.group];
  const bool waits_already = std::ranges::any_of(group.waiting, [&](const WaitingPull& waiting) {
    return waiting.link == link && waiting.request_id == request_id;
  });
  if (waits_already) return;
  std::size_t& bytes = waiting_bytes_[link];
  const Buffer kept = body.size() > 0 ? body : wire::MakeFrame(pull, request_id).body;
  if (bytes + kept.size() > kWaitingBytesMax) {
    std::vector<wire::PulledEntry> busy;
    for (const wire::PullEntry& entry : pull.entries) {
      busy.push_back({.segment = entry.segment, .code = EntryCode::kBusy, .clock = 0});
    }
    outbox.emplace_back(
        link, wire::MakePullResponse(
                  {.table = pull.table, .columns = pull.columns, .entries = busy, .floats = {}}, 0,
                  request_id)
                  .frame);
    return;
  }
  bytes += kept.size();
  ++counters_.pulls_waited;
  group.waiting.push_back(
      {.link = link, .request_id = request_id, .gate_step = pull.gate_step, .body = kept});
}

void Shard::AnswerWaiting(Table& table, Group& group, Outbox& outbox) {
  std::vector<WaitingPull> still_waiting;
  for (WaitingPull& waiting : group.waiting) {
    if (!group.clock.Passed(waiting.gate_step)) {
      still_waiting.push_back(std::move(waiting));
      continue;
    }
    waiting_bytes_[waiting.link] -= waiting.body.size();
    const auto pull = wire::DecodePull(waiting.body.bytes());
    SY_CHECK(pull.ok());  // It was decoded when it arrived.
    outbox.emplace_back(waiting.link, AnswerPull(&table, pull.value(), waiting.request_id));
  }
  group.waiting = std::move(still_waiting);
}

void Shard::Complain(std::uint64_t& counter, const Table& table, const std::string& what) {
  constexpr std::uint64_t kAlways = 5;
  constexpr std::uint64_t kThen = 1000;
  ++counter;
  if (user_.log == nullptr || (counter > kAlways && counter % kThen != 0)) return;
  user_.log("table '" + table.view.spec.options.name + "': " + what + " (" +
            std::to_string(counter) + (counter == 1 ? " time)" : " times)"));
}

void Shard::NoteDuration(TableId id, runtime::Duration took) {
  const Table* table = took < kSlowPush ? nullptr : FindTable(id);
  if (table == nullptr || !table->updater->custom()) return;
  Complain(counters_.updater_slow, *table,
           "updater '" + table->view.spec.options.updater.name + "' took " + DurationText(took) +
               " over one push, while every other request waited");
}

std::optional<table::UpdaterFailure> Shard::ReadRows(const Table& table, Segment& segment,
                                                     Columns columns, std::span<const Key> keys,
                                                     std::span<float> floats,
                                                     const table::HomeBuckets& homes) {
  const table::SlotHints hints = segment.HintsFor(keys, homes);
  if (columns == Columns::kValues) {
    return table.updater->ReadBatch(*segment.rows, keys, floats, hints);
  }
  table::CopyRows(*segment.rows, keys, floats, hints);
  return {};
}

bool Shard::ReadEntries(Table& table, const wire::Pull& pull, std::span<float> floats,
                        std::span<wire::PulledEntry> entries) {
  const std::size_t width = table.FloatsPerKey(pull.columns);
  RowsAhead ahead(pull.entries, pull.keys);
  std::size_t first_key = 0;
  bool all_inside = true;
  for (std::size_t i = 0; i < pull.entries.size(); ++i) {
    const wire::PullEntry& entry = pull.entries[i];
    const auto& seen = ahead.Next([&](SegmentId id) { return table.RowsOf(id); });
    if (!seen.inside) entries[i].code = EntryCode::kInvalid;
    all_inside &= seen.inside;
    if (!all_inside) continue;
    const auto failure =
        ReadRows(table, *table.segments[entry.segment], pull.columns,
                 pull.keys.subspan(first_key, entry.count),
                 floats.subspan(first_key * width, entry.count * width), seen.homes);
    first_key += entry.count;
    if (!failure) continue;
    Complain(counters_.updater_failures, table, failure->what);
    entries[i].code = EntryCode::kFailed;
    entries[i].clock = failure->key;
    return false;
  }
  return all_inside;
}

wire::Frame Shard::AnswerPull(Table* table, const wire::Pull& pull, std::uint64_t request_id) {
  std::vector<wire::PulledEntry> entries;
  entries.reserve(pull.entries.size());
  const std::size_t width = table == nullptr ? 1 : table->FloatsPerKey(pull.columns);
  const bool fits_frame = pull.keys.size() <= kPulledBytesMax / (width * sizeof(float));
  bool all_ok = table != nullptr;
  for (const wire::PullEntry& entry : pull.entries) {
    wire::PulledEntry pulled{.segment = entry.segment, .code = EntryCode::kNotPrimary, .clock = 0};
    if (table != nullptr && entry.segment < table->segments.size() &&
        table->segments[entry.segment] != nullptr) {
      const Segment& segment = *table->segments[entry.segment];
      const bool current = entry.epoch == segment.epoch;
      pulled.clock = current ? segment.clock.ts(pull.stream) : segment.epoch;
      pulled.code = !current     ? EntryCode::kNotPrimary
                    : fits_frame ? EntryCode::kOk
                                 : EntryCode::kInvalid;
      if (pulled.code == EntryCode::kOk && segment.failed_at) {
        pulled.code = EntryCode::kFailed;
        pulled.clock = *segment.failed_at;
      }
    }
    all_ok &= pulled.code == EntryCode::kOk;
    entries.push_back(pulled);
  }
  wire::PullResponse header{.table = pull.table,
                            .columns = pull.columns,
                            .floats_per_key = static_cast<std::uint32_t>(width),
                            .through_min = 0,
                            .entries = entries,
                            .floats = {}};
  if (!all_ok) return wire::MakePullResponse(header, 0, request_id).frame;
  const auto group = table->groups.find(pull.group);
  header.through_min =
      group == table->groups.end() ? wire::kStepMax : ThroughOf(*table, group->second, pull);
  if (Planted(PlantedBug::kWeakGate) && pull.gate_step != wire::kNoGate)
    header.through_min = std::max(header.through_min, pull.gate_step);
  auto [frame, floats] = wire::MakePullResponse(header, pull.keys.size() * width, request_id);
  if (!ReadEntries(*table, pull, floats, entries))
    return wire::MakePullResponse(header, 0, request_id).frame;
  table->hot.Note(pull.keys);
  ++counters_.pulls_answered;
  counters_.keys_pulled += pull.keys.size();
  if (pull.answer_codecs == wire::AnswerCodecs{}) return std::move(frame);
  return answer_packer_.Pack(std::move(frame), header, floats, pull.answer_codecs, request_id);
}

wire::Frame Shard::Scan(const wire::Scan& scan, std::uint64_t request_id) {
  wire::ScanResponse response;
  response.table = scan.table;
  response.segment = scan.segment;
  response.columns = scan.columns;
  Table* table = FindTable(scan.table);
  if (table == nullptr || scan.segment >= table->segments.size() ||
      table->segments[scan.segment] == nullptr ||
      table->segments[scan.segment]->epoch != scan.epoch) {
    response.code = EntryCode::kNotPrimary;
    return wire::MakeFrame(response, request_id);
  }
  const std::size_t width = table->FloatsPerKey(scan.columns);
  const std::size_t rows_max = std::clamp<std::size_t>(
      scan.rows_max, 1, kScanBytesMax / (sizeof(Key) + width * sizeof(float)) + 1);
  const auto keep = table->FarFromZero(scan.at_least);
  std::vector<Key> keys;
  std::vector<float> floats;
  std::size_t walked = 0;
  response.end = table->segments[scan.segment]->rows->Scan(
      scan.first, [&](Key key, std::span<const float> row) {
        response.next = key;
        if (key > scan.last || keys.size() == rows_max || walked++ == kWalkRowsMax) return false;
        if (keep && !keep(key, row)) return true;
        const std::uint64_t index = response.counted++;
        if (index < scan.skip || (index - scan.skip) % scan.stride != 0) return true;
        keys.push_back(key);
        const std::size_t at = floats.size();
        floats.resize(at + width);
        if (scan.columns == Columns::kRows) {
          std::copy_n(row.data(), width, floats.data() + at);
        } else if (scan.columns == Columns::kValues) {
          table->updater->Read(key, row, std::span(floats).subspan(at, width));
        }
        return true;
      });
  response.end |= response.next > scan.last;
  response.floats_per_key = static_cast<std::uint32_t>(width);
  response.keys = keys;
  response.floats = floats;
  return wire::MakeFrame(response, request_id);
}

void Shard::ForgetLink(LinkId link) {
  for (auto& [id, table] : tables_) {
    if (table.blocks != nullptr) table.blocks->ForgetLink(link);
    for (auto& [job, group] : table.groups) {
      std::erase_if(group.waiting,
                    [&](const WaitingPull& waiting) { return waiting.link == link; });
    }
    // Of groups that were waited for and that nobody joined.
    std::erase_if(table.groups, [](const auto& entry) {
      return entry.second.clock.empty() && entry.second.waiting.empty();
    });
  }
  waiting_bytes_.erase(link);
  std::erase_if(calls_, [&](const RunningCall& running) {
    return running.link == link && running.call.ts == 0;
  });
  for (RunningCall& running : calls_) running.deserted |= running.link == link;
}

ShardCounters Shard::counters() const {
  ShardCounters counters = counters_;
  for (const auto& [id, table] : tables_) {
    for (const auto& segment : table.segments) {
      if (segment != nullptr) counters.lists_recalled += segment->slots.recalled();
    }
  }
  return counters;
}

std::size_t Shard::waiting_count() const {
  std::size_t count = 0;
  for (const auto& [id, table] : tables_) {
    for (const auto& [job, group] : table.groups) count += group.waiting.size();
  }
  return count;
}

std::size_t Shard::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, table] : tables_) bytes += table.memory_bytes();
  return bytes;
}

std::size_t Shard::clock_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, table] : tables_) {
    for (const auto& segment : table.segments) {
      if (segment != nullptr) bytes += segment->clock.memory_bytes();
    }
    for (const auto& [job, group] : table.groups) bytes += group.clock.memory_bytes();
  }
  return bytes;
}

std::size_t Shard::waiting_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [link, waiting] : waiting_bytes_) bytes += waiting;
  return bytes;
}

std::vector<wire::TableSize> Shard::Sizes() const {
  std::vector<wire::TableSize> sizes;
  for (const auto& [id, table] : tables_) {
    wire::TableSize& size = sizes.emplace_back();
    size.table = id;
    for (const auto& segment : table.segments) {
      if (segment == nullptr) continue;
      size.rows += segment->rows->size();
    }
    size.bytes = table.memory_bytes();
    size.held_bytes = table.held_bytes();
    size.samples = table.hot.samples();
    for (const wire::HotKey& hot : table.hot.Top(1)) {
      size.hot_key = hot.key;
      size.hot_count = hot.count - hot.error;
    }
  }
  return sizes;
}

}  // namespace steelyard::server
