// Batch solvers: each table's BlockSolver, and the rows it works on.
#include <string>
#include <utility>

#include "server/shard.h"

namespace steelyard::server {
namespace {

Status NotHeld(TableId table) {
  return Status(StatusCode::kUnavailable,
                "table " + std::to_string(table) + " is not held by this server");
}

Status TakenOver(TableId table, JobId job) {
  return Status(StatusCode::kCancelled,
                "job " + std::to_string(job) + " works on table " + std::to_string(table) + " now");
}

}  // namespace

Result<wire::BlockJoined> Shard::JoinBlocks(const wire::BlockJoin& join) {
  Table* table = FindTable(join.table);
  if (table == nullptr) return NotHeld(join.table);
  const UpdaterOptions& updater = table->view.spec.options.updater;
  if (updater.name != table::kQuasiNewtonUpdater && updater.name != table::kProximalUpdater) {
    return Status(StatusCode::kInvalidArgument,
                  "table '" + table->view.spec.options.name + "' has updater " + updater.name +
                      ", blocks need " + std::string(table::kProximalUpdater) + " or " +
                      std::string(table::kQuasiNewtonUpdater));
  }
  if (table->blocks == nullptr || table->blocks->group() < join.group) {
    table->blocks = std::make_unique<BlockSolver>(
        join.group, updater, [table](SegmentId id) -> table::ArrayTable* {
          const bool held = id < table->segments.size() && table->segments[id] != nullptr &&
                            table->segments[id]->frozen.has_value();
          return held ? static_cast<table::ArrayTable*>(table->segments[id]->rows.get()) : nullptr;
        });
  }
  if (table->blocks->group() != join.group) return TakenOver(join.table, table->blocks->group());
  return table->blocks->Join(join);
}

Status Shard::StepBlocks(transport::LinkId link, wire::BlockStep step, std::uint64_t request_id,
                         Outbox& outbox) {
  Table* table = FindTable(step.table);
  if (table == nullptr || table->blocks == nullptr) return NotHeld(step.table);
  if (table->blocks->group() != step.group) return TakenOver(step.table, table->blocks->group());
  return table->blocks->Step(link, request_id, std::move(step), outbox);
}

}  // namespace steelyard::server
