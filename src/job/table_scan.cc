#include "job/table_scan.h"

#include <utility>

#include "table/updater.h"

namespace steelyard::job {

using transport::Transport;

namespace {

constexpr std::uint32_t kScanRows = 32'768;

bool OfBatchSolver(const UpdaterOptions& updater) {
  return updater.name == table::kProximalUpdater || updater.name == table::kQuasiNewtonUpdater;
}

}  // namespace

TableOptions ScannedTable(TableOptions table) {
  if (OfBatchSolver(table.updater))
    table.updater = {.name = "add", .intercept = table.updater.intercept};
  return table;
}

void TableScan::Start(Transport& transport, const wire::View& view, Events events) {
  ++run_;
  view_ = view;
  events_ = std::move(events);
  const bool weights = OfBatchSolver(view.spec.options.updater);
  request_ = {.rows_max = kScanRows,
              .columns = weights ? wire::Columns::kValues : wire::Columns::kRows};
  Next(transport);
}

void TableScan::Next(Transport& transport) {
  if (request_.segment == view_.segments.size()) return End({});
  const Status status =
      client_->Scan(transport, view_.table, request_,
                    [this, run = run_, &transport](const Result<client::Scanned>& scanned) {
                      if (run != run_) return;
                      if (!scanned.ok()) return End(scanned.status());
                      OnScanned(transport, scanned.value());
                    });
  if (!status.ok()) End(status);
}

void TableScan::OnScanned(Transport& transport, const client::Scanned& rows) {
  request_ = request_.After(rows);
  const bool last = request_.segment == view_.segments.size();
  const std::uint64_t run = run_;
  if (!last) Next(transport);  // The server looks these up while the others are handled.
  if (run != run_) return;
  if (events_.on_rows && !rows.keys.empty()) {
    const Status status = events_.on_rows(rows.keys, rows.floats);
    if (!status.ok()) return End(status);
  }
  if (last) End({});
}

void TableScan::End(const Status& status) {
  ++run_;
  const auto on_end = std::exchange(events_.on_end, nullptr);
  if (on_end) on_end(status);
}

}  // namespace steelyard::job
