// SimWorld: the queue of events, and nodes that start, crash, pause and work.
#include "transport/sim_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "base/hash.h"
#include "transport/sim_state.h"

namespace steelyard::transport {

std::uint64_t SimRandom::Next() {
  const std::uint64_t result = KeyOfId(state_);
  state_ += 0x9E3779B97F4A7C15ULL;
  return result;
}

bool SimRandom::Chance(double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(Next() >> 11) < probability * 9007199254740992.0;  // 2^53.
}

runtime::Duration SimRandom::Between(runtime::Duration least, runtime::Duration most) {
  if (most <= least) return least;
  const auto width = static_cast<std::uint64_t>((most - least).count()) + 1;
  return least + runtime::Duration(static_cast<std::int64_t>(Below(width)));
}

std::uint64_t FaultCounts::total() const {
  return dropped + duplicated + reordered + slowed + links_broken + corrupted + crashes + restarts +
         pauses + partitions;
}

std::string FaultCounts::ToString() const {
  const std::array<std::pair<std::uint64_t, const char*>, 10> all = {
      {{dropped, "dropped"},
       {duplicated, "duplicated"},
       {reordered, "reordered"},
       {slowed, "slowed"},
       {links_broken, "links broken"},
       {corrupted, "corrupted"},
       {crashes, "crashes"},
       {restarts, "restarts"},
       {pauses, "pauses"},
       {partitions, "partitions"}}};
  std::string text;
  for (const auto& [count, name] : all) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  }
  return text.empty() ? "no faults" : text;
}

// ---- Events.

SimWorld::Impl::Impl(const SimOptions& with) : options(with), random(with.seed) {
  event_hash = with.seed;
}

SimWorld::Impl::~Impl() {
  heap.clear();  // Before the nodes that its functions refer to.
}

bool SimWorld::Impl::Later(const Slot& a, const Slot& b) {
  return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
}

void SimWorld::Impl::Schedule(runtime::Time when, std::unique_ptr<SimEvent> event) {
  heap.push_back({std::max(when, now), sequence++, std::move(event)});
  std::push_heap(heap.begin(), heap.end(), Later);
}

void SimWorld::Impl::Resume(SimNode& slot) {
  slot.paused = false;
  for (auto& event : std::exchange(slot.deferred, {})) {
    heap.push_back({now, resumed_sequence++, std::move(event)});
    std::push_heap(heap.begin(), heap.end(), Later);
  }
}

std::unique_ptr<SimEvent> SimWorld::Impl::Pop() {
  std::pop_heap(heap.begin(), heap.end(), Later);
  Slot slot = std::move(heap.back());
  heap.pop_back();
  now = slot.when;
  return std::move(slot.event);
}

void SimWorld::Impl::Step() {
  std::unique_ptr<SimEvent> event = Pop();
  if (event->link != 0 && !Arrive(event)) return;
  if (event->node != kNoNode) {
    const SimNode& slot = *nodes[event->node];
    // Links of a former incarnation are closed; everything else carries the incarnation it was meant for.
    if (event->link == 0 && event->incarnation != slot.incarnation) return;
    if (slot.node == nullptr || Defer(event)) return;
  }
  Execute(*event);
}

bool SimWorld::Impl::Defer(std::unique_ptr<SimEvent>& event) {
  SimNode& slot = *nodes[event->node];
  if (!slot.paused) return false;
  event->arrived = true;
  slot.deferred.push_back(std::move(event));
  return true;
}

void SimWorld::Impl::Record(const SimEvent& event) {
  const bool frame = event.kind == SimEventKind::kFrame;
  const std::array<std::uint64_t, 6> fields = {static_cast<std::uint64_t>(now.count()),
                                               static_cast<std::uint64_t>(event.kind),
                                               event.node,
                                               event.link,
                                               frame ? HashBytes(event.header) : 0,
                                               frame ? HashBytes(event.body.bytes()) : 0};
  event_hash = HashBytes(std::as_bytes(std::span(fields)), event_hash);
  ++event_count;
}

void SimWorld::Impl::Execute(SimEvent& event) {
  if (event.kind == SimEventKind::kWake) {
    SimNode& slot = *nodes[event.node];
    if (event.round != slot.alarm_round) return;
    slot.alarm.reset();
  }
  Record(event);
  switch (event.kind) {
    case SimEventKind::kStart:
      return InNode(event.node, [](Node& node, Transport& world) { node.OnStart(world); });
    case SimEventKind::kWake:
      return InNode(event.node, [](Node& node, Transport& world) { node.OnWake(world); });
    case SimEventKind::kDone:
    case SimEventKind::kCall:
      return InNode(event.node, [&](Node&, Transport&) { event.fn(); });
    case SimEventKind::kAction:
      return event.fn();
    case SimEventKind::kSyn:
      return HandleSyn(event);
    case SimEventKind::kTimeout:
      return HandleTimeout(event.link);
    case SimEventKind::kAccepted:
    case SimEventKind::kOpened:
    case SimEventKind::kFrame:
    case SimEventKind::kClosed:
    case SimEventKind::kFailed:
      return DeliverToLink(event);
  }
}

// ---- Nodes.

void SimWorld::Impl::StartNode(NodeIndex index) {
  SimNode& slot = *nodes[index];
  ++slot.incarnation;
  slot.silent = false;
  slot.alarm.reset();
  ++slot.alarm_round;
  slot.transport = std::make_unique<SimTransport>(*this, index, random.Next());
  slot.executor = std::make_unique<SimExecutor>(*this, index);
  slot.node = slot.factory(*slot.executor);
  SY_CHECK(slot.node != nullptr);
  Schedule(now, std::make_unique<SimEvent>(SimEvent{
                    .kind = SimEventKind::kStart, .node = index, .incarnation = slot.incarnation}));
}

void SimWorld::Impl::SetAlarm(NodeIndex index, runtime::Time when) {
  SimNode& slot = *nodes[index];
  when = std::max(when, now);
  if (slot.alarm && *slot.alarm <= when) return;
  slot.alarm = when;
  // At least a microsecond late: a node that always sets it to now() does not stop time.
  const runtime::Duration lateness =
      random.Between(std::chrono::microseconds(1), options.alarm_lateness_max);
  Schedule(when + lateness, std::make_unique<SimEvent>(SimEvent{.kind = SimEventKind::kWake,
                                                                .node = index,
                                                                .incarnation = slot.incarnation,
                                                                .round = ++slot.alarm_round}));
}

SimTransport::SimTransport(SimWorld::Impl& world, NodeIndex node, std::uint64_t seed)
    : world_(world),
      node_(node),
      random_(seed),
      clock_offset_(random_.Between({}, std::chrono::hours(1000))) {}

runtime::Time SimTransport::now() const {
  return world_.now + clock_offset_;
}

SimEnd* SimTransport::FindOwn(LinkId link) const {
  SimEnd* end = world_.FindEnd(link);
  // Links of a former incarnation of this node are closed, so the index is enough.
  return end != nullptr && end->node == node_ && end->state != SimEnd::State::kClosed ? end
                                                                                      : nullptr;
}

LinkId SimTransport::Connect(const std::string& address) {
  return world_.Connect(node_, address);
}

void SimTransport::Send(LinkId link, wire::Frame frame) {
  if (FindOwn(link) != nullptr) world_.Send(link, std::move(frame));
}

std::size_t SimTransport::queued_bytes(LinkId link) const {
  const SimEnd* end = FindOwn(link);
  return end == nullptr ? 0 : end->queued_bytes;
}

void SimTransport::SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) {
  if (SimEnd* end = FindOwn(link)) end->body_bytes_max = body_bytes_max;
}

void SimTransport::Close(LinkId link) {
  if (FindOwn(link) != nullptr) world_.Close(link);
}

void SimTransport::WakeAt(runtime::Time when) {
  world_.SetAlarm(node_, when - clock_offset_);
}

SimExecutor::SimExecutor(SimWorld::Impl& world, NodeIndex node)
    : world_(world),
      node_(node),
      incarnation_(world.nodes[node]->incarnation),
      free_at_(std::max<std::size_t>(world.options.executor_threads, 1)) {}

void SimExecutor::Run(std::function<void()> work, std::function<void()> done) {
  work();
  runtime::Time& thread = *std::min_element(free_at_.begin(), free_at_.end());
  const SimOptions& options = world_.options;
  const runtime::Duration takes = options.work_takes
                                      ? options.work_takes(node_)
                                      : world_.random.Between(options.work_min, options.work_max);
  thread = std::max(thread, world_.now) + takes;
  if (!done) return;
  world_.Schedule(thread, std::make_unique<SimEvent>(SimEvent{.kind = SimEventKind::kDone,
                                                              .node = node_,
                                                              .incarnation = incarnation_,
                                                              .fn = std::move(done)}));
}

// ---- The world's own calls.

SimWorld::SimWorld(const SimOptions& options) : impl_(std::make_unique<Impl>(options)) {}
SimWorld::~SimWorld() = default;

NodeIndex SimWorld::AddNode(const std::string& address, Factory factory) {
  const NodeIndex index = impl_->nodes.size();
  SY_CHECK(impl_->node_of_address.emplace(address, index).second);
  impl_->nodes.push_back(std::make_unique<SimNode>());
  impl_->nodes.back()->address = address;
  impl_->nodes.back()->factory = std::move(factory);
  impl_->StartNode(index);
  return index;
}

void SimWorld::Crash(NodeIndex node, CrashKind kind) {
  SY_CHECK(impl_->running != node);  // It would destroy the object whose callback runs.
  SimNode& slot = *impl_->nodes[node];
  if (slot.node == nullptr) return;
  ++impl_->counts.crashes;
  slot.silent = kind == CrashKind::kSilent;
  slot.paused = false;
  slot.deferred.clear();
  ++slot.incarnation;  // What is under way for the dead is for nobody.
  impl_->CloseLinksOf(node, kind);
  slot.node.reset();
  slot.executor.reset();
  slot.transport.reset();
}

void SimWorld::Restart(NodeIndex node) {
  if (impl_->nodes[node]->node != nullptr) return;
  ++impl_->counts.restarts;
  impl_->ResetLinksInto(node);
  impl_->StartNode(node);
}

void SimWorld::Pause(NodeIndex node) {
  SimNode& slot = *impl_->nodes[node];
  if (slot.node == nullptr || slot.paused) return;
  ++impl_->counts.pauses;
  slot.paused = true;
}

void SimWorld::Resume(NodeIndex node) {
  impl_->Resume(*impl_->nodes[node]);
}

void SimWorld::Partition(NodeIndex a, NodeIndex b) {
  ++impl_->counts.partitions;
  impl_->blocked.insert({a, b});
  impl_->blocked.insert({b, a});
}

void SimWorld::PartitionOneWay(NodeIndex from, NodeIndex to) {
  ++impl_->counts.partitions;
  impl_->blocked.insert({from, to});
}

void SimWorld::Heal(NodeIndex a, NodeIndex b) {
  impl_->blocked.erase({a, b});
  impl_->blocked.erase({b, a});
  impl_->ReleaseHeld();
}

void SimWorld::HealAll() {
  impl_->blocked.clear();
  impl_->ReleaseHeld();
}

void SimWorld::At(runtime::Time when, std::function<void()> action) {
  impl_->Schedule(when, std::make_unique<SimEvent>(
                            SimEvent{.kind = SimEventKind::kAction, .fn = std::move(action)}));
}

void SimWorld::Call(NodeIndex node, std::function<void(Node& node, Transport& transport)> fn) {
  SimNode& slot = *impl_->nodes[node];
  if (slot.node == nullptr) return;
  impl_->Schedule(impl_->now,
                  std::make_unique<SimEvent>(SimEvent{
                      .kind = SimEventKind::kCall,
                      .node = node,
                      .incarnation = slot.incarnation,
                      .fn = [&slot, fn = std::move(fn)] { fn(*slot.node, *slot.transport); }}));
}

bool SimWorld::Run(runtime::Time until, const std::function<bool()>& done) {
  if (done && done()) return true;
  while (!impl_->heap.empty() && impl_->heap.front().when <= until) {
    impl_->Step();
    if (done && done()) return true;
  }
  impl_->now = std::max(impl_->now, until);
  return false;
}

runtime::Time SimWorld::now() const {
  return impl_->now;
}
std::uint64_t SimWorld::Random() {
  return impl_->random.Next();
}
bool SimWorld::alive(NodeIndex node) const {
  return impl_->nodes[node]->node != nullptr;
}
bool SimWorld::paused(NodeIndex node) const {
  return impl_->nodes[node]->paused;
}

Node& SimWorld::node(NodeIndex node) {
  SY_CHECK(impl_->nodes[node]->node != nullptr);
  return *impl_->nodes[node]->node;
}

std::uint64_t SimWorld::event_count() const {
  return impl_->event_count;
}
const FaultCounts& SimWorld::fault_counts() const {
  return impl_->counts;
}
std::uint64_t SimWorld::event_hash() const {
  return impl_->event_hash;
}

}  // namespace steelyard::transport
