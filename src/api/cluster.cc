#include "steelyard/cluster.h"

#include <utility>

#include "api/connection.h"

namespace steelyard {

namespace {

constexpr std::uint32_t kScanRows = 32'768;

}  // namespace

Table::Table(std::shared_ptr<api::Connection> connection, std::shared_ptr<api::AttachedTable> table)
    : connection_(std::move(connection)), table_(std::move(table)) {}

const TableOptions& Table::options() const {
  return table_->view.spec.options;
}

std::future<Status> Table::Push(std::vector<Key> keys, std::vector<float> values) {
  return connection_->Push(table_->view.table, {.columns = wire::Columns::kValues,
                                                .floats_per_key = options().width,
                                                .keys = std::move(keys),
                                                .floats = std::move(values)});
}

std::future<Result<std::vector<float>>> Table::Pull(std::vector<Key> keys) {
  return connection_->Pull(table_->view.table, {.columns = wire::Columns::kValues,
                                                .floats_per_key = options().width,
                                                .keys = std::move(keys)});
}

Status Table::Scan(
    const std::function<Status(std::span<const Key>, std::span<const float>)>& on_rows) {
  const std::vector<wire::SegmentView>& segments = table_->view.segments;
  for (SegmentId segment = 0; segment < segments.size(); ++segment) {
    Key first = segments[segment].first;
    for (bool end = false; !end;) {
      const Result<client::Scanned> page =
          connection_->ScanPage(table_->view.table, {.segment = segment,
                                                     .first = first,
                                                     .rows_max = kScanRows,
                                                     .columns = wire::Columns::kValues});
      if (!page.ok()) return page.status();
      const client::Scanned& rows = page.value();
      if (!rows.keys.empty()) SY_RETURN_IF_ERROR(on_rows(rows.keys, rows.floats));
      end = rows.end || rows.keys.empty() || rows.keys.back() == kKeyMax;
      if (!end) first = rows.keys.back() + 1;
    }
  }
  return {};
}

Cluster::Cluster(std::shared_ptr<api::Connection> connection)
    : connection_(std::move(connection)) {}

Result<Cluster> Cluster::Connect(const std::string& address, const ConnectOptions& options) {
  auto connection = std::make_shared<api::Connection>(address, options.spin);
  SY_RETURN_IF_ERROR(connection->Join(options.patience));
  return Cluster(std::move(connection));
}

Result<Table> Cluster::CreateTable(const TableOptions& options) {
  Result<wire::View> view = connection_->Ask<wire::View>(
      wire::TableCreate{.spec = {options}, .servers_min = 1, .stays = true});
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

std::string Cluster::DescribeWait() {
  return connection_->DescribeWait();
}

}  // namespace steelyard
