// SimWorld: nodes in a simulated world of one thread: virtual time, a network with faults, crashes, all from one seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/executor.h"
#include "runtime/time.h"
#include "transport/transport.h"

namespace steelyard::transport {

/// What goes wrong by chance; all probabilities are per frame sent.
struct FaultOptions {
  double drop = 0;       ///< The frame is lost, later ones of its link arrive.
  double duplicate = 0;  ///< It arrives twice, the second time in any order.
  double reorder = 0;    ///< It is late by up to `slow_delay_max` and others overtake it.
  double slow = 0;       ///< It is late likewise, and so are those behind it.
  double break_link =
      0;               ///< The link fails for both ends; also per Connect(), which then times out.
  double corrupt = 0;  ///< One to four bytes of it are flipped: its link closes with kCorruption.
  runtime::Duration slow_delay_max = std::chrono::milliseconds(20);
};

/// Position of a node in the order of AddNode().
using NodeIndex = std::size_t;

/// How a world behaves; the defaults are a quick network without faults.
struct SimOptions {
  std::uint64_t seed = 1;
  FaultOptions faults = {};
  runtime::Duration delay_min = std::chrono::microseconds(20);
  runtime::Duration delay_max = std::chrono::microseconds(200);
  runtime::Duration alarm_lateness_max = std::chrono::microseconds(100);
  /// How long work given to an executor takes, and how many items a node works on at once.
  runtime::Duration work_min = std::chrono::microseconds(10);
  runtime::Duration work_max = std::chrono::microseconds(500);
  /// Asked after each item, instead.
  std::function<runtime::Duration(NodeIndex node)> work_takes = {};
  std::size_t executor_threads = 2;
  /// After a crash of the process, its peers learn within this time; a silent crash they must find out.
  runtime::Duration crash_notice_max = std::chrono::milliseconds(5);
  runtime::Duration connect_timeout = std::chrono::seconds(5);
  /// A frame that cannot reach its peer for this long closes the link at the sender (TCP_USER_TIMEOUT).
  runtime::Duration link_timeout = std::chrono::seconds(10);
};

/// How many faults of each kind have happened.
struct FaultCounts {
  std::uint64_t dropped = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t slowed = 0;
  std::uint64_t links_broken = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::uint64_t pauses = 0;
  std::uint64_t partitions = 0;

  std::uint64_t total() const;
  /// "12 dropped, 3 corrupted", leaving out the zeros.
  std::string ToString() const;
  bool operator==(const FaultCounts&) const = default;
};

enum class CrashKind : std::uint8_t {
  kProcess,  ///< kill -9: the kernel closes its links, connections are refused.
  kSilent,   ///< The power is off: peers hear nothing at all.
};

/// A deterministic world: equal seeds, options and calls give equal runs, event by event.
///
/// Frames pass through EncodeHeader, DecodeHeader and CheckBody as bytes would. Every node has a clock of its own
/// origin, so that a time sent to another node is a visible bug.
/// Ownership: owns the nodes. A crash destroys the Node object; nothing that was under way for it (frames, alarms,
///            work) reaches its successor.
/// Threads:   confined to one. Crash, Restart, Pause, Resume and Partition may be called between runs, from At()
///            actions and predicates, and from callbacks of other nodes than the one concerned.
class SimWorld {
 public:
  /// Makes a node, at AddNode() and at every Restart(). What a process keeps on disk, the factory's captures keep. The
  /// executor lives as long as the node.
  using Factory = std::function<std::unique_ptr<Node>(runtime::Executor& executor)>;

  explicit SimWorld(const SimOptions& options);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  /// Start a node that others reach at `address`.
  NodeIndex AddNode(const std::string& address, Factory factory);

  void Crash(NodeIndex node, CrashKind kind = CrashKind::kProcess);
  /// Start a crashed node again, by its factory.
  void Restart(NodeIndex node);
  /// Stop a node as SIGSTOP does: what happens to it waits for Resume().
  void Pause(NodeIndex node);
  void Resume(NodeIndex node);

  /// Hold back everything between two nodes, or only what `from` sends to `to`, until it is healed.
  void Partition(NodeIndex a, NodeIndex b);
  void PartitionOneWay(NodeIndex from, NodeIndex to);
  void Heal(NodeIndex a, NodeIndex b);
  void HealAll();

  /// Call `action` at `when` of now().
  void At(runtime::Time when, std::function<void()> action);
  /// Call `fn` as soon as may be as if from a callback of the node; not at all if the node crashes before.
  void Call(NodeIndex node, std::function<void(Node& node, Transport& transport)> fn);

  /// Let events happen until `until` has passed or `done` says true after one; return whether it did.
  bool Run(runtime::Time until, const std::function<bool()>& done = {});

  runtime::Time now() const;
  /// A number from the world's seed, for scripts of faults.
  std::uint64_t Random();
  bool alive(NodeIndex node) const;
  bool paused(NodeIndex node) const;
  /// The present incarnation of a node that is alive.
  Node& node(NodeIndex node);

  std::uint64_t event_count() const;
  const FaultCounts& fault_counts() const;
  /// Hash over every event so far: its time, kind, node, link, frame type and body.
  std::uint64_t event_hash() const;

 private:
  struct Impl;
  friend class SimTransport;
  friend class SimExecutor;
  std::unique_ptr<Impl> impl_;
};

}  // namespace steelyard::transport
