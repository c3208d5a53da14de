// InprocTransport: every node has an inbox under a mutex; one post to its loop hands over all that has gathered there.
#include "transport/inproc_transport.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

namespace steelyard::transport {
namespace {

constexpr std::string_view kScheme = "inproc:";

enum class EventKind : std::uint8_t { kStart, kOpenRequest, kOpened, kFrame, kClosed };

struct Pipe;

/// What one end of a pipe, or the node itself, must be told.
struct Event {
  EventKind kind;
  int side = 0;  ///< The end of `pipe` that is told: 0 connected, 1 accepted.
  std::shared_ptr<Pipe> pipe = {};
  wire::Frame frame = {};
  Status why = {};
};

std::size_t BytesOf(const wire::Frame& frame) {
  return wire::kHeaderBytes + frame.body.size();
}

/// Events for one node, from any thread; closed when the node's transport is destroyed.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  using Drain = std::function<void()>;

  Inbox(runtime::RealLoop& loop, Drain drain) : loop_(loop), drain_(std::move(drain)) {}

  /// Add an event and make sure that the loop will take it; false when the node is gone.
  bool Push(Event event) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    events_.push_back(std::move(event));
    if (!drain_posted_) {
      drain_posted_ = true;
      // Posted under the lock: once closed_ is set, the loop may be gone.
      loop_.Post([self = shared_from_this()] { self->RunDrain(); });
    }
    return true;
  }

  /// Move all events to `batch`, which is empty.
  void Take(std::vector<Event>& batch) {
    const std::lock_guard lock(mutex_);
    batch.swap(events_);
    drain_posted_ = false;
  }

  /// Refuse further events and return those that were not taken.
  std::vector<Event> Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return std::move(events_);
  }

 private:
  void RunDrain() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
    }
    drain_();  // Only this loop closes the inbox, so it is still open.
  }

  runtime::RealLoop& loop_;
  const Drain drain_;
  std::mutex mutex_;  // Guards what follows.
  std::vector<Event> events_;
  bool drain_posted_ = false;
  bool closed_ = false;
};

/// One connection. Index 0 is the side that connected.
struct Pipe {
  std::array<std::shared_ptr<Inbox>, 2> inbox;
  std::array<std::string, 2> address;
  std::array<LinkId, 2> link{};                      ///< Each touched by its own side's loop only.
  std::array<std::atomic<std::size_t>, 2> queued{};  ///< Bytes sent by that side, not yet taken.
};

struct Link {
  std::shared_ptr<Pipe> pipe;
  int side;
  std::size_t body_bytes_max = wire::kFrameBytesMaxBeforeHello;
  bool failed = false;  ///< OnClose is on its way; nothing else happens on this link.
};

std::uint64_t DrawSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

struct InprocNetwork::Registry {
  std::mutex mutex;  // Guards all members.
  std::map<std::string, std::shared_ptr<Inbox>> listeners;
  std::uint64_t unnamed_count = 0;
};

InprocNetwork::InprocNetwork() : registry_(std::make_unique<Registry>()) {}
InprocNetwork::~InprocNetwork() = default;

struct InprocTransport::Impl {
  Impl(InprocTransport& owner, InprocNetwork::Registry& names, runtime::RealLoop& on_loop,
       Node& of_node)
      : self(owner),
        registry(names),
        loop(on_loop),
        node(of_node),
        alarm(on_loop, [this] { node.OnWake(self); }),
        inbox(std::make_shared<Inbox>(on_loop, [this] { Drain(); })) {
    const std::lock_guard lock(registry.mutex);
    address = fmt::format("{}node-{}", kScheme, ++registry.unnamed_count);
  }

  void Drain() {
    inbox->Take(batch);
    for (Event& event : batch) Deliver(event);
    batch.clear();
  }

  void Deliver(Event& event) {
    if (event.kind == EventKind::kStart) return Begin();
    if (!started) return early.push_back(std::move(event));
    if (event.kind == EventKind::kOpenRequest) return Accept(event.pipe);
    if (event.kind == EventKind::kFrame) {
      event.pipe->queued[1 - event.side] -= BytesOf(event.frame);
    }
    const auto found = links.find(event.pipe->link[event.side]);
    if (found == links.end()) return;
    const LinkId id = found->first;
    Link& link = found->second;
    if (event.kind == EventKind::kClosed) {
      links.erase(found);
      return node.OnClose(self, id, event.why);
    }
    if (link.failed) return;
    const std::string& peer = event.pipe->address[1 - event.side];
    if (event.kind == EventKind::kOpened) return node.OnOpen(self, id, false, peer);
    if (event.frame.body.size() > link.body_bytes_max) {
      const Status why(StatusCode::kInvalidArgument,
                       fmt::format("a frame of {} bytes arrived, at most {} are allowed",
                                   event.frame.body.size(), link.body_bytes_max),
                       peer);
      TellPeerClosed(link);
      links.erase(found);
      return node.OnClose(self, id, why);
    }
    node.OnFrame(self, id, std::move(event.frame));
  }

  void Begin() {
    started = true;
    node.OnStart(self);
    std::vector<Event> waited = std::exchange(early, {});
    for (Event& event : waited) Deliver(event);
  }

  void Accept(const std::shared_ptr<Pipe>& pipe) {
    Link link{.pipe = pipe, .side = 1};
    if (links.size() >= kLinksMax) return TellPeerClosed(link);
    const LinkId id = next_link++;
    pipe->link[1] = id;
    links.emplace(id, std::move(link));
    pipe->inbox[0]->Push({.kind = EventKind::kOpened, .side = 0, .pipe = pipe});
    node.OnOpen(self, id, true, pipe->address[0]);
  }

  void TellPeerClosed(const Link& link) {
    const int peer = 1 - link.side;
    link.pipe->inbox[peer]->Push(
        {.kind = EventKind::kClosed,
         .side = peer,
         .pipe = link.pipe,
         .why = Status(StatusCode::kUnavailable,
                       link.pipe->address[link.side] + " closed the connection")});
  }

  /// Tell this node later that its link is gone.
  void Fail(Link& link, Status why) {
    link.failed = true;
    inbox->Push(
        {.kind = EventKind::kClosed, .side = link.side, .pipe = link.pipe, .why = std::move(why)});
  }

  LinkId Connect(const std::string& to) {
    const auto pipe = std::make_shared<Pipe>();
    const LinkId id = next_link++;
    pipe->inbox[0] = inbox;
    pipe->address = {address, to};
    pipe->link[0] = id;
    const bool full = links.size() >= kLinksMax;
    Link& link = links.emplace(id, Link{.pipe = pipe, .side = 0}).first->second;
    if (full) {
      Fail(link, Status(StatusCode::kResourceExhausted,
                        fmt::format("cannot connect to {}: {} links are open", to, kLinksMax)));
      return id;
    }
    {
      const std::lock_guard lock(registry.mutex);
      const auto found = registry.listeners.find(to);
      if (found != registry.listeners.end()) pipe->inbox[1] = found->second;
    }
    const bool reached =
        pipe->inbox[1] != nullptr &&
        pipe->inbox[1]->Push({.kind = EventKind::kOpenRequest, .side = 1, .pipe = pipe});
    if (!reached) {
      Fail(link, Status(StatusCode::kUnavailable,
                        fmt::format("connection to {} refused: no node listens there", to)));
    }
    return id;
  }

  void Send(Link& link, wire::Frame frame) {
    const int peer = 1 - link.side;
    const std::size_t bytes = BytesOf(frame);
    frame.header.body_bytes = static_cast<std::uint32_t>(frame.body.size());
    if (link.pipe->queued[link.side] + bytes > kQueuedBytesMax) {
      TellPeerClosed(link);
      return Fail(
          link, Status(StatusCode::kResourceExhausted,
                       fmt::format("{} bytes wait for {}, which does not take them",
                                   link.pipe->queued[link.side].load(), link.pipe->address[peer])));
    }
    link.pipe->queued[link.side] += bytes;
    link.pipe->inbox[peer]->Push(
        {.kind = EventKind::kFrame, .side = peer, .pipe = link.pipe, .frame = std::move(frame)});
  }

  /// Close every link, and refuse those that were about to open.
  void Shutdown() {
    if (listening) {
      const std::lock_guard lock(registry.mutex);
      registry.listeners.erase(address);
    }
    for (const auto& events : {inbox->Close(), std::exchange(early, {})}) {
      for (const Event& event : events) {
        if (event.kind == EventKind::kOpenRequest) TellPeerClosed({.pipe = event.pipe, .side = 1});
      }
    }
    for (const auto& [id, link] : links) {
      if (!link.failed) TellPeerClosed(link);
    }
  }

  Link* FindOpen(LinkId id) {
    const auto found = links.find(id);
    return found == links.end() || found->second.failed ? nullptr : &found->second;
  }

  InprocTransport& self;
  InprocNetwork::Registry& registry;
  runtime::RealLoop& loop;
  Node& node;
  runtime::RealAlarm alarm;
  std::shared_ptr<Inbox> inbox;
  std::vector<Event> batch;  // Kept for its capacity.
  std::vector<Event> early;  // What arrived before Start().
  bool started = false;
  std::string address;
  bool listening = false;
  std::unordered_map<LinkId, Link> links;
  LinkId next_link = 1;
  std::mt19937_64 random{DrawSeed()};
};

InprocTransport::InprocTransport(InprocNetwork& network, runtime::RealLoop& loop, Node& node)
    : impl_(std::make_unique<Impl>(*this, *network.registry_, loop, node)) {}

InprocTransport::~InprocTransport() {
  impl_->Shutdown();
}

Result<std::string> InprocTransport::Listen(const std::string& address) {
  if (!address.starts_with(kScheme) || address.size() == kScheme.size()) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("\"{}\" is no in-process address; write inproc:NAME", address));
  }
  const std::lock_guard lock(impl_->registry.mutex);
  if (!impl_->registry.listeners.emplace(address, impl_->inbox).second) {
    return Status(StatusCode::kUnavailable,
                  fmt::format("a node already listens at {}; choose another name", address));
  }
  impl_->address = address;
  impl_->listening = true;
  return address;
}

void InprocTransport::Start() {
  impl_->inbox->Push({.kind = EventKind::kStart});
}

runtime::Time InprocTransport::now() const {
  return impl_->loop.now();
}
std::uint64_t InprocTransport::Random() {
  return impl_->random();
}
LinkId InprocTransport::Connect(const std::string& address) {
  return impl_->Connect(address);
}

void InprocTransport::Send(LinkId link, wire::Frame frame) {
  if (Link* open = impl_->FindOpen(link)) impl_->Send(*open, std::move(frame));
}

std::size_t InprocTransport::queued_bytes(LinkId link) const {
  const Link* open = impl_->FindOpen(link);
  return open == nullptr ? 0 : open->pipe->queued[open->side].load();
}

void InprocTransport::SetFrameBytesMax(LinkId link, std::size_t body_bytes_max) {
  if (Link* open = impl_->FindOpen(link)) open->body_bytes_max = body_bytes_max;
}

void InprocTransport::Close(LinkId link) {
  if (const Link* open = impl_->FindOpen(link)) impl_->TellPeerClosed(*open);
  impl_->links.erase(link);
}

void InprocTransport::WakeAt(runtime::Time when) {
  impl_->alarm.RingAt(when);
}

}  // namespace steelyard::transport
