// Block proximal gradient: each table's BlockSolver, and the rows it works on.
#include <string>
#include <utility>

#include "server/shard.h"

namespace steelyard::server {
namespace {

wire::Frame RefusedFrame(const Status& status, std::uint64_t request_id) {
  return wire::MakeFrame(wire::Refused::From(status), request_id);
}

Status NotHeld(TableId table) {
  return Status(StatusCode::kUnavailable,
                "table " + std::to_string(table) + " is not held by this server");
}

}  // namespace

wire::Frame Shard::JoinBlocks(const wire::BlockJoin& join, std::uint64_t request_id) {
  Table* table = FindTable(join.table);
  if (table == nullptr) return RefusedFrame(NotHeld(join.table), request_id);
  const UpdaterOptions& updater = table->view.spec.options.updater;
  if (updater.name != table::kProximalUpdater) {
    return RefusedFrame(
        Status(StatusCode::kInvalidArgument,
               "table '" + table->view.spec.options.name + "' has updater " + updater.name +
                   ", blocks need " + std::string(table::kProximalUpdater)),
        request_id);
  }
  if (table->blocks == nullptr || table->blocks->group() < join.group) {
    table->blocks = std::make_unique<BlockSolver>(
        join.group, math::ProximalRule{.l1 = updater.l1, .l2 = updater.l2},
        [table](SegmentId id) -> table::ArrayTable* {
          if (id >= table->segments.size() || table->segments[id] == nullptr ||
              !table->segments[id]->frozen)
            return nullptr;
          return static_cast<table::ArrayTable*>(table->segments[id]->rows.get());
        });
  }
  const auto joined = table->blocks->Join(join);
  if (!joined.ok()) return RefusedFrame(joined.status(), request_id);
  return wire::MakeFrame(joined.value(), request_id);
}

void Shard::StepBlocks(transport::LinkId link, wire::BlockStep step, std::uint64_t request_id,
                       Outbox& outbox) {
  Table* table = FindTable(step.table);
  const bool ours =
      table != nullptr && table->blocks != nullptr && table->blocks->group() == step.group;
  const Status status =
      ours ? table->blocks->Step(link, request_id, std::move(step), outbox) : NotHeld(step.table);
  if (!status.ok()) outbox.emplace_back(link, RefusedFrame(status, request_id));
}

}  // namespace steelyard::server
