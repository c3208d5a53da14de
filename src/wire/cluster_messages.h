// Cluster messages: what a head says of its nodes, tables and jobs. docs/protocol.md lists every byte.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/control_messages.h"
#include "wire/job_messages.h"

namespace steelyard::wire {

/// Client to head: say how the cluster is. Answered by CLUSTER_STATUS.
struct ClusterGet {
  static constexpr MessageType kType = MessageType::kClusterGet;
  std::uint64_t sequence = 0;  ///< Of no meaning to the head.
  template <typename V>
  void Fields(V& v) {
    v(sequence);
  }
  Status Check() const { return {}; }
};

/// A process of the cluster.
struct NodeStatus {
  NodeId node = 0;
  Role role = Role::kClient;
  std::string address;          ///< Where it listens; may be empty.
  std::string description;      ///< "pid 4711".
  std::uint64_t silent_ns = 0;  ///< Since the head heard it last.
  JobId job = 0;                ///< A worker's; 0: it is free.
  ServerMemory memory = {};     ///< A server's.
  template <typename V>
  void Fields(V& v) {
    v(node, role, address, description, silent_ns, job, memory);
  }
  bool operator==(const NodeStatus&) const = default;
};

enum class TableState : std::uint8_t { kWaiting = 0, kReady = 1, kLost = 2 };

/// A table and, about a second old, what it holds.
struct TableStatus {
  TableId table = 0;
  std::string name;
  TableState state = TableState::kWaiting;
  std::uint32_t servers = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t memory_max = 0;  ///< As TableOptions::memory_max.
  std::uint64_t held_bytes = 0;  ///< As TableSize::held_bytes.
  JobId job = 0;                 ///< That uses it; 0: none.
  bool frozen = false;           ///< Its keys are fixed.
  Key hot_key = 0;               ///< Asked for most.
  double hot_share = 0.0;  ///< Of the keys of recent requests; 0: no key is asked for that often.
  std::string message;     ///< Why it is lost, or what it waits for.
  template <typename V>
  void Fields(V& v) {
    v(table, name, state, servers, rows, bytes, memory_max, held_bytes, job, frozen, hot_key,
      hot_share, message);
  }
  bool operator==(const TableStatus&) const = default;
};

/// A job in a line.
struct JobSummary {
  JobId job = 0;
  JobState state = JobState::kWaiting;
  Phase phase = Phase::kTrain;
  std::uint32_t pass = 0;
  std::uint32_t passes = 0;
  std::uint32_t slots = 0;
  std::uint64_t rows = 0;  ///< Learned so far, over all passes.
  bool detached = false;
  std::string submitter;   ///< "client 7 (pid 4711)"; empty when it has left.
  std::string message;     ///< What it waits for, or why it failed.
  BatchStatus batch = {};  ///< Of a batch solver; all zeros otherwise.
  template <typename V>
  void Fields(V& v) {
    v(job, state, phase, pass, passes, slots, rows, detached, submitter, message, batch);
  }
  bool operator==(const JobSummary&) const = default;
};

/// Head to client: everything at a glance. Clients other than submitters are left out.
struct ClusterStatus {
  static constexpr MessageType kType = MessageType::kClusterStatus;
  std::string description;  ///< Of the head: "pid 4710".
  std::vector<NodeStatus> nodes;
  std::vector<TableStatus> tables;
  std::vector<JobSummary> jobs;
  template <typename V>
  void Fields(V& v) {
    v(description, nodes, tables, jobs);
  }
  Status Check() const;
};

}  // namespace steelyard::wire
