// What a client's filters do: once to a push, and to each frame that carries keys or floats.
#include <algorithm>
#include <array>
#include <utility>

#include "client/client_state.h"

namespace steelyard::client {

using filter::Direction;
using wire::Form;

namespace {

/// Does the table add what is pushed, so that a row may come later, in parts, or not at all when it is zero?
bool Adds(const TableOptions& options) {
  return options.updater.name != "assign" && options.updater.name != "max";
}

void AddCounts(filter::FilterCounts& counts, std::size_t before, std::size_t after) {
  counts.bytes_before += before;
  counts.bytes_after += after;
}

}  // namespace

Status Client::UseFilters(TableId id, filter::FilterStack filters) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  const TableOptions& options = table->view.spec.options;
  if (filters.changes_values() && !Adds(options)) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + filters.list().ToString() +
                      "' changes or drops what is pushed, and table '" + options.name +
                      "' does not add it but keeps it (" + options.updater.name +
                      "); key-cache, delta, zeros, lz4 and snappy lose nothing",
                  "filters");
  }
  table->filters = std::make_unique<TableFilters>(std::move(filters));
  return {};
}

Status Client::AddFilter(TableId id, std::unique_ptr<filter::ValueFilter> filter) {
  Table* table = FindTable(id);
  if (table == nullptr)
    return Status(StatusCode::kNotFound, "table " + std::to_string(id) + " is not attached");
  table->EnsureFilters().stack.Add(std::move(filter));
  return {};
}

void Client::FilterPush(Table& table, PushRequest& request) {
  if (table.filters == nullptr || request.exact || request.keys.empty()) return;
  filter::PushRows rows{.width = request.floats_per_key,
                        .keys = std::move(request.keys),
                        .floats = std::move(request.floats)};
  const std::size_t before = rows.bytes();
  const auto signature = [&] { return filter::SignatureOf(0, 0, rows.keys); };
  const auto all_keys = request.all_of ? signature() : filter::KeySignature();
  table.filters->stack.Apply(rows);
  if (request.all_of && signature() != all_keys) request.all_of.reset();  // Rows were dropped.
  traffic_.before_filters_bytes += before - std::min(before, rows.bytes());
  request.keys = std::move(rows.keys);
  request.floats = std::move(rows.floats);
}

filter::PushRows Client::TakeHeldBack(TableId id, std::uint32_t floats_per_key) {
  filter::PushRows rows{.width = floats_per_key};
  Table* table = FindTable(id);
  if (table != nullptr && table->filters != nullptr) table->filters->stack.Flush(rows);
  return rows;
}

TableFilters& Client::Table::EnsureFilters() {
  if (filters == nullptr) {
    filters =
        std::make_unique<TableFilters>(std::move(filter::FilterStack::Create("none", {}).value()));
  }
  return *filters;
}

wire::Packed Client::PackKeys(Table& table, Direction direction, const RequestPart& part,
                              std::span<const Key> keys, const std::optional<KeyRange>& all_of) {
  TableFilters& filters = *table.filters;
  if (all_of && !part.with_keys) {
    filters.range = *all_of;
    return {
        .form = Form::kRange, .keys = std::as_bytes(std::span(&filters.range, 1)), .floats = {}};
  }
  filter::FilterCounts& counts =
      direction == Direction::kPush ? filters.push_key_cache : filters.pull_key_cache;
  wire::Packed packed{.form = Form::kSections, .keys = {}, .floats = {}};
  if (filters.stack.caches_keys(direction)) {
    filter::KeyCache& lists = servers_[part.server]->key_lists;
    // One name for all keys of the frame: they are in one piece on the server, too.
    filters.signature = filter::SignatureOf(table.view.table, /*segment=*/0, keys);
    if (!part.with_keys && lists.Find(filters.signature)) {
      packed.form = Form::kSignature;
      packed.keys = std::as_bytes(std::span(&filters.signature.hash, 1));
      AddCounts(counts, keys.size_bytes(), packed.keys.size());
      return packed;
    }
    lists.Remember(filters.signature);
    packed.form = Form::kKept;
  }
  packed.keys = filters.stack.EncodeKeys(direction, keys);
  if (packed.form == Form::kKept) AddCounts(counts, keys.size_bytes(), keys.size_bytes());
  return packed;
}

Status Client::UnpackAnswer(Table& table, const PendingPull& pull, const RequestPart& part,
                            wire::PullResponse& response) {
  if (response.packed.form == Form::kPlain) {
    // What did not shrink is answered as it is.
    const std::size_t bytes = response.floats.size_bytes();
    if (table.filters != nullptr) AddCounts(table.filters->pull_values, bytes, bytes);
    return {};
  }
  std::size_t count = 0;
  for (const std::uint32_t index : part.slices) count += pull.slices[index].count;
  count *= pull.request.floats_per_key;
  if (response.float_count != count || !response.packed.keys.empty()) {
    return Status(StatusCode::kCorruption, "a pull's answer does not fit what was asked");
  }
  filter::Bytes bytes = response.packed.floats;
  const auto floats = answer_floats_.DecodeFloats(bytes, count);
  if (!floats.ok()) return floats.status();
  if (!bytes.empty())
    return Status(StatusCode::kCorruption, "bytes behind the floats of a pull's answer");
  if (table.filters != nullptr) {
    AddCounts(table.filters->pull_values, floats.value().size_bytes(),
              response.packed.floats.size());
  }
  response.floats = floats.value();
  return {};
}

std::vector<filter::FilterCounts> Client::FilterCountsOf(TableId id) const {
  const Table* table = FindTable(id);
  if (table == nullptr || table->filters == nullptr) return {};
  const TableFilters& filters = *table->filters;
  std::vector<filter::FilterCounts> counts = filters.stack.counts();
  if (filters.stack.caches_keys(Direction::kPush)) counts.push_back(filters.push_key_cache);
  if (filters.stack.caches_keys(Direction::kPull)) counts.push_back(filters.pull_key_cache);
  if (filters.stack.answer_codecs() != wire::AnswerCodecs{}) counts.push_back(filters.pull_values);
  return counts;
}

}  // namespace steelyard::client
