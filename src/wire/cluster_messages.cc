#include "wire/cluster_messages.h"

namespace steelyard::wire {

Status ClusterStatus::Check() const {
  const auto wrong = [](const char* what) { return Status(StatusCode::kCorruption, what); };
  for (const NodeStatus& node : nodes) {
    if (node.role > Role::kClient) return wrong("unknown role");
  }
  for (const TableStatus& table : tables) {
    if (table.state > TableState::kLost) return wrong("unknown table state");
  }
  for (const JobSummary& job : jobs) {
    if (job.state > JobState::kFailed) return wrong("unknown job state");
    if (!IsPhase(job.phase)) return wrong("unknown phase");
  }
  return {};
}

}  // namespace steelyard::wire
