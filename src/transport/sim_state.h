// The inside of SimWorld, shared by sim_network.cc (nodes, events) and sim_links.cc (connections). Not for callers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "transport/sim_network.h"

namespace steelyard::transport {

/// SplitMix64 as a generator: small, and the same everywhere.
class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  bool Chance(double probability);
  /// Uniform in [least, most].
  runtime::Duration Between(runtime::Duration least, runtime::Duration most);

 private:
  std::uint64_t state_;
};

inline constexpr NodeIndex kNoNode = ~NodeIndex{0};

enum class SimEventKind : std::uint8_t {
  kStart,     // A node begins.
  kSyn,       // A connection request arrives at the host of `link`'s other end.
  kAccepted,  // The host took the connection: tell the node.
  kOpened,    // On the wire: the connection was taken.
  kFrame,     // On the wire: a frame.
  kClosed,    // On the wire: the peer is gone.
  kFailed,    // Found by the own host: the link is gone.
  kTimeout,   // See whether `link` has been blocked for too long.
  kWake,      // An alarm.
  kDone,      // Work is done.
  kCall,      // A script's call in a node.
  kAction,    // A script's action in the world.
};

struct SimEvent {
  SimEventKind kind;
  NodeIndex node = kNoNode;       // Who is told; kNoNode: the world.
  std::uint64_t incarnation = 0;  // Of that node; unused where `link` identifies it.
  LinkId link = 0;                // The end that is told.
  std::array<std::byte, wire::kHeaderBytes> header = {};
  Buffer body = {};
  std::size_t queued_bytes = 0;  // What the sender's queue shrinks by.
  Status why = {};
  std::function<void()> fn = {};
  std::uint64_t round = 0;  // Of an alarm.
  runtime::Time deadline = {};
  bool arrived = false;  // It reached the host of a paused node: no fault stops it any more.
};

/// One end of a connection; its LinkId is 2 * connection + side.
struct SimEnd {
  enum class State : std::uint8_t { kConnecting, kOpen, kFailing, kClosed };
  NodeIndex node = kNoNode;
  State state = State::kConnecting;
  std::size_t body_bytes_max = wire::kFrameBytesMaxBeforeHello;
  std::size_t queued_bytes = 0;
  std::vector<wire::Frame> early = {};  // Sent before the link was open.
  bool told_peer =
      false;  // That this end is closed; otherwise what arrives is answered by a reset.
  // What travels from this end to the other one.
  runtime::Time first_arrival = {};  // Nothing overtakes the opening.
  runtime::Time last_arrival = {};
  std::vector<std::unique_ptr<SimEvent>> held = {};  // By a partition.
  runtime::Time blocked_since = {};
  bool timeout_armed = false;
  bool into_void = false;  // Something was sent to a host without power.
  bool lost = false;       // Its process died and what it had sent is lost.
};

struct SimConnection {
  std::array<SimEnd, 2> ends;  // Index 0 connected.
};

class SimTransport;
class SimExecutor;

struct SimNode {
  std::string address;
  SimWorld::Factory factory;
  std::unique_ptr<SimTransport> transport;
  std::unique_ptr<SimExecutor> executor;
  std::unique_ptr<Node> node;  // Destroyed before what it uses.
  std::uint64_t incarnation = 0;
  bool silent = false;  // Only while there is no node.
  bool paused = false;
  std::vector<std::unique_ptr<SimEvent>> deferred;  // While paused.
  std::optional<runtime::Time> alarm;               // World time.
  std::uint64_t alarm_round = 0;
};

struct SimWorld::Impl {
  struct Slot {
    runtime::Time when;
    std::uint64_t sequence;
    std::unique_ptr<SimEvent> event;
  };
  static bool Later(const Slot& a, const Slot& b);

  explicit Impl(const SimOptions& with);
  ~Impl();

  // sim_network.cc: events and nodes.
  void Schedule(runtime::Time when, std::unique_ptr<SimEvent> event);
  void Resume(SimNode& slot);
  std::unique_ptr<SimEvent> Pop();
  void Step();
  bool Defer(std::unique_ptr<SimEvent>& event);
  void Execute(SimEvent& event);
  void Record(const SimEvent& event);
  void StartNode(NodeIndex index);
  void SetAlarm(NodeIndex index, runtime::Time when);
  /// Call a callback of a node, guarding against its destruction meanwhile.
  template <typename Fn>
  void InNode(NodeIndex index, Fn&& fn);

  // sim_links.cc: connections. `link` names an end; its peer's is link ^ 1.
  LinkId Connect(NodeIndex from, const std::string& address);
  void Send(LinkId link, wire::Frame frame);
  void Close(LinkId link);
  SimEnd* FindEnd(LinkId link);
  void CloseLinksOf(NodeIndex node, CrashKind kind);
  /// A host is back: reset the links of its former life that are still being sent to.
  void ResetLinksInto(NodeIndex node);
  void ReleaseHeld();
  /// True when the event, which the wire or the host brings to a link, happens now; false when it is held or moot.
  bool Arrive(std::unique_ptr<SimEvent>& event);
  bool ArriveByWire(std::unique_ptr<SimEvent>& event, SimConnection& connection);
  void DeliverToLink(SimEvent& event);

  runtime::Duration Delay();
  void Transmit(LinkId from, wire::Frame frame);
  void Put(LinkId from, std::unique_ptr<SimEvent> event, bool in_order = true,
           runtime::Duration extra = {});
  void Corrupt(SimEvent& event);
  void BreakConnection(LinkId link);
  void FailEnd(LinkId link, runtime::Duration after, Status why);
  void SendClosed(LinkId from, runtime::Duration extra = {});
  void Hold(std::unique_ptr<SimEvent> event);
  void HandleSyn(SimEvent& event);
  void HandleTimeout(LinkId link);
  void ArmTimeout(LinkId link);
  void DeliverFrame(SimEvent& event, SimEnd& end);
  void ForgetIfClosed(LinkId link);
  /// The other end exists and is not closed: it can be told something.
  bool PeerListens(LinkId link);
  bool Blocked(NodeIndex from, NodeIndex to) const { return blocked.contains({from, to}); }
  /// The address of the node at the other end.
  const std::string& PeerOf(LinkId link);
  bool HostIsDark(NodeIndex node) const {
    return nodes[node]->node == nullptr && nodes[node]->silent;
  }

  const SimOptions options;
  SimRandom random;
  runtime::Time now{};
  std::vector<Slot> heap;  // Earliest first, by std::push_heap.
  std::uint64_t resumed_sequence =
      0;  // Below all of `sequence`: what waited comes before what is new.
  std::uint64_t sequence = std::uint64_t{1} << 32;
  std::vector<std::unique_ptr<SimNode>> nodes;
  std::map<std::string, NodeIndex> node_of_address;
  std::map<std::uint64_t, SimConnection> connections;
  std::uint64_t next_connection = 1;
  std::set<std::pair<NodeIndex, NodeIndex>> blocked;  // From, to.
  NodeIndex running = kNoNode;                        // Whose callback is on the stack.
  FaultCounts counts;
  std::uint64_t event_count = 0;
  std::uint64_t event_hash = 0;
};

/// The world as one incarnation of a node sees it.
class SimTransport final : public Transport {
 public:
  SimTransport(SimWorld::Impl& world, NodeIndex node, std::uint64_t seed);

  runtime::Time now() const override;
  std::uint64_t Random() override { return random_.Next(); }
  LinkId Connect(const std::string& address) override;
  void Send(LinkId link, wire::Frame frame) override;
  std::size_t queued_bytes(LinkId link) const override;
  void SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) override;
  void Close(LinkId link) override;
  void WakeAt(runtime::Time when) override;

 private:
  SimEnd* FindOwn(LinkId link) const;

  SimWorld::Impl& world_;
  const NodeIndex node_;
  SimRandom random_;
  runtime::Duration clock_offset_;
};

/// Works at once; reports after a virtual time, as a pool of threads would.
class SimExecutor final : public runtime::Executor {
 public:
  SimExecutor(SimWorld::Impl& world, NodeIndex node);
  void Run(std::function<void()> work, std::function<void()> done) override;

 private:
  SimWorld::Impl& world_;
  const NodeIndex node_;
  const std::uint64_t incarnation_;
  std::vector<runtime::Time> free_at_;  // By thread.
};

template <typename Fn>
void SimWorld::Impl::InNode(NodeIndex index, Fn&& fn) {
  SimNode& slot = *nodes[index];
  const NodeIndex outer = std::exchange(running, index);
  fn(*slot.node, *slot.transport);
  running = outer;
}

}  // namespace steelyard::transport
