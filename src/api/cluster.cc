#include "steelyard/cluster.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "api/connection.h"
#include "placement/placement.h"
#include "transport/tcp_address.h"
#include "wire/cluster_messages.h"

namespace steelyard {

namespace {

constexpr std::uint32_t kScanRows = 32'768;
constexpr std::uint32_t kStrideMax = std::numeric_limits<std::uint32_t>::max();

/// A program's function as a filter.
class RowFilter final : public filter::ValueFilter {
 public:
  RowFilter(std::string name, std::function<bool(Key, std::span<float>)> keep)
      : name_(std::move(name)), keep_(std::move(keep)) {}
  std::string name() const override { return name_; }
  void Apply(filter::PushRows& rows, filter::Random& /*random*/) override {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (keep_(rows.keys[i], rows.row(i))) rows.MoveRow(i, kept++);
    }
    rows.Truncate(kept);
  }

 private:
  std::string name_;
  std::function<bool(Key, std::span<float>)> keep_;
};

/// Errors: kInvalidArgument  no list, or filters that only a training job can end or has rules for.
Status CheckFilters(const std::string& text) {
  const auto list = filter::ParseFilterList(text);
  if (!list.ok()) return list.status();
  if (!list.value().significant && !list.value().feedback && !list.value().kkt) return {};
  return {StatusCode::kInvalidArgument,
          "'" + text +
              "': significant and feedback hold rows back until a training job's pass ends, and "
              "kkt needs "
              "a job's rule; a program can use the others",
          "filters"};
}

}  // namespace

Table::Table(std::shared_ptr<api::Connection> connection, std::shared_ptr<api::AttachedTable> table)
    : connection_(std::move(connection)), table_(std::move(table)) {}

const TableOptions& Table::options() const {
  return table_->view.spec.options;
}

std::future<Status> Table::Push(std::vector<Key> keys, std::vector<float> values) {
  return Push(std::move(keys), std::move(values), TaskOptions{}).result;
}

Submitted<Status> Table::Push(std::vector<Key> keys, std::vector<float> values,
                              const TaskOptions& task) {
  return connection_->Push(table_->view.table, task,
                           {.columns = wire::Columns::kValues,
                            .floats_per_key = options().width,
                            .keys = std::move(keys),
                            .floats = std::move(values)});
}

Submitted<Result<Pulled>> Table::Pull(std::vector<Key> keys, const TaskOptions& task) {
  return connection_->Pull(table_->view.table, task,
                           {.columns = wire::Columns::kValues,
                            .floats_per_key = options().width,
                            .keys = std::move(keys)});
}

Status Table::Join(const Membership& membership) {
  return connection_->Join(table_->view, membership);
}

Status Table::Leave() {
  return connection_->Leave(table_->view.table);
}

Status Table::UseFilters(const std::string& filters) {
  SY_RETURN_IF_ERROR(CheckFilters(filters));
  return connection_->UseFilters(table_->view.table, filters);
}

Result<std::vector<FilterCounts>> Table::CountFilters() {
  return connection_->CountFilters(table_->view.table);
}

Status Table::AddFilter(std::string name,
                        std::function<bool(Key key, std::span<float> values)> filter) {
  return connection_->AddFilter(table_->view.table,
                                std::make_unique<RowFilter>(std::move(name), std::move(filter)));
}

std::future<Result<std::vector<float>>> Table::Pull(std::vector<Key> keys) {
  return connection_->PullValues(table_->view.table, {.columns = wire::Columns::kValues,
                                                      .floats_per_key = options().width,
                                                      .keys = std::move(keys)});
}

Status Table::Scan(
    const std::function<Status(std::span<const Key>, std::span<const float>)>& on_rows,
    KeyRange range) {
  SY_RETURN_IF_ERROR(placement::CheckRange(range));
  return connection_->Scan(table_->view,
                           {.first = range.first,
                            .last = range.last,
                            .rows_max = kScanRows,
                            .columns = wire::Columns::kValues},
                           [&](const client::Scanned& page) {
                             return page.keys.empty() ? Status() : on_rows(page.keys, page.floats);
                           });
}

Submitted<Result<PulledRange>> Table::PullRange(KeyRange range, const TaskOptions& task) {
  return connection_->PullRange(table_, task, range);
}

Result<KeyBlock> Table::FindBlock(KeyRange range) {
  SY_RETURN_IF_ERROR(placement::CheckRange(range));
  const TableId id = table_->view.table;
  const auto cluster = connection_->Ask<wire::ClusterStatus>(wire::ClusterGet{});
  if (!cluster.ok()) return cluster.status();
  const auto& tables = cluster.value().tables;
  const auto found = std::ranges::find(tables, id, &wire::TableStatus::table);
  if (found == tables.end() || !found->frozen) {
    return Status(StatusCode::kInvalidArgument,
                  found == tables.end() ? "the table was dropped"
                                        : "its keys are not fixed, so a block of them could change "
                                          "while it is used; Freeze() the table first",
                  "table '" + options().name + "'");
  }
  std::vector<Key> keys;
  const Status read =
      connection_->Scan(table_->view,
                        {.first = range.first,
                         .last = range.last,
                         .rows_max = kScanRows,
                         .columns = wire::Columns::kNone},
                        [&keys](const client::Scanned& page) {
                          keys.insert(keys.end(), page.keys.begin(), page.keys.end());
                          return Status();
                        });
  if (!read.ok()) return read;
  return KeyBlock(id, range, std::move(keys));
}

Submitted<Status> Table::PushBlock(const KeyBlock& block, std::vector<float> values,
                                   const TaskOptions& task) {
  client::PushRequest request{.columns = wire::Columns::kValues,
                              .floats_per_key = options().width,
                              .keys = block.keys(),
                              .floats = std::move(values),
                              .all_of = block.NameIn(table_->view.table)};
  return connection_->Push(table_->view.table, task, std::move(request));
}

Submitted<Result<Pulled>> Table::PullBlock(const KeyBlock& block, const TaskOptions& task) {
  return connection_->Pull(table_->view.table, task,
                           {.columns = wire::Columns::kValues,
                            .floats_per_key = options().width,
                            .keys = block.keys(),
                            .all_of = block.NameIn(table_->view.table)});
}

Result<std::uint64_t> Table::Count(float at_least) {
  std::uint64_t rows = 0;
  const Status counted = connection_->Scan(table_->view,
                                           {.rows_max = 1,
                                            .columns = wire::Columns::kNone,
                                            .at_least = at_least,
                                            .stride = kStrideMax,
                                            .skip = kStrideMax},
                                           [&rows](const client::Scanned& page) {
                                             rows += page.counted;
                                             return Status();
                                           });
  if (!counted.ok()) return counted;
  return rows;
}

Result<std::vector<Key>> Table::SampleKeys(std::uint64_t count, float at_least) {
  const Result<std::uint64_t> rows = Count(at_least);
  if (!rows.ok()) return rows.status();
  const std::uint64_t stride = std::clamp<std::uint64_t>(rows.value() / count, 1, kStrideMax);
  std::vector<Key> keys;
  const Status sampled =
      connection_->Scan(table_->view,
                        {.rows_max = kScanRows,
                         .columns = wire::Columns::kNone,
                         .at_least = at_least,
                         .stride = static_cast<std::uint32_t>(stride),
                         .skip = static_cast<std::uint32_t>(stride / 2)},
                        [&keys](const client::Scanned& page) {
                          keys.insert(keys.end(), page.keys.begin(), page.keys.end());
                          return Status();
                        });
  if (!sampled.ok()) return sampled;
  return keys;
}

Result<std::uint64_t> Table::Freeze(float at_least) {
  const auto frozen = connection_->Ask<wire::TableFrozen>(
      wire::TableFreeze{.table = table_->view.table, .at_least = at_least});
  if (!frozen.ok()) return frozen.status();
  std::uint64_t rows = 0;
  for (const wire::FrozenSegment& segment : frozen.value().segments) rows += segment.rows;
  return rows;
}

Cluster::Cluster(std::shared_ptr<api::Connection> connection)
    : connection_(std::move(connection)) {}

Result<Cluster> Cluster::Connect(const std::string& address, const ConnectOptions& options) {
  SY_RETURN_IF_ERROR(CheckFilters(options.filters));
  SY_RETURN_IF_ERROR(transport::CheckPeerAddress(address));
  auto connection = std::make_shared<api::Connection>(address, options.spin, options.filters);
  SY_RETURN_IF_ERROR(connection->Join(options.patience));
  return Cluster(std::move(connection));
}

Result<Table> Cluster::CreateTable(const TableOptions& options) {
  return Create(options, {});
}

Result<Table> Cluster::CreateTable(const TableOptions& options, Table& like, float at_least) {
  constexpr std::uint64_t kSamplesPerSegment = 256;
  const Result<std::vector<Key>> keys =
      like.SampleKeys(kSamplesPerSegment * std::max(options.segment_count, 1U), at_least);
  if (!keys.ok()) return keys.status();
  return Create(options, placement::CutByKeys(keys.value(), std::max(options.segment_count, 1U)));
}

Result<Table> Cluster::Create(const TableOptions& options, std::vector<Key> cuts) {
  Result<wire::View> view = connection_->Ask<wire::View>(wire::TableCreate{
      .spec = {options}, .servers_min = 1, .stays = true, .cuts = std::move(cuts)});
  if (!view.ok()) return view.status();
  auto table = connection_->Attach(std::move(view.value()));
  if (!table.ok()) return table.status();
  return Table(connection_, std::move(table.value()));
}

Result<Table> Cluster::OpenTable(const std::string& name) {
  Result<wire::View> view = connection_->Ask<wire::View>(wire::ViewGet{.table = 0, .name = name});
  if (!view.ok()) return view.status();
  auto table = connection_->Attach(std::move(view.value()));
  if (!table.ok()) return table.status();
  return Table(connection_, std::move(table.value()));
}

Status Cluster::DropTable(const std::string& name) {
  const Result<wire::View> view =
      connection_->Ask<wire::View>(wire::ViewGet{.table = 0, .name = name});
  if (!view.ok()) return view.status();
  const TableId table = view.value().table;
  const auto dropped = connection_->Ask<wire::TableDropped>(wire::TableDrop{.table = table});
  if (!dropped.ok()) return dropped.status();
  connection_->Forget(table);
  return {};
}

Result<Cluster::OpenTasks> Cluster::CountTasks() {
  return connection_->CountTasks();
}

std::string Cluster::DescribeWait() {
  return connection_->DescribeWait();
}

}  // namespace steelyard
