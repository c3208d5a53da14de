// The worlds in which every Transport is tried: in process, over TCP and Unix sockets, simulated; on one loop or a thread each.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/real_loop.h"
#include "transport/inproc_transport.h"
#include "transport/sim_network.h"
#include "transport/tcp_transport.h"
#include "transport/transport.h"

namespace steelyard::transport {

/// What all threads of a test record under.
struct Board {
  std::mutex mutex;
  std::condition_variable changed;
};

struct Opened {
  LinkId link;
  bool accepted;
  std::string peer;
};

/// Records what it is told; a test may give it a reaction to frames.
class Probe final : public Node {
 public:
  explicit Probe(Board& board) : board_(board) {}

  void OnStart(Transport&) override {
    Record([&] { ++starts; });
  }
  void OnOpen(Transport& transport, LinkId link, bool accepted, const std::string& peer) override {
    transport.SetFrameBytesMax(link, frame_bytes_max);
    if (on_open) on_open(transport, link);
    Record([&] { opened.push_back({link, accepted, peer}); });
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame frame) override {
    if (on_frame) on_frame(transport, link, frame);
    Record([&] { frames.push_back(std::move(frame)); });
  }
  void OnClose(Transport&, LinkId link, const Status& why) override {
    Record([&] { closed.emplace_back(link, why); });
  }
  void OnWake(Transport& transport) override {
    Record([&] { wakes.push_back(transport.now()); });
  }

  // Set before the node is added.
  std::size_t frame_bytes_max = std::size_t{32} << 20;
  std::function<void(Transport&, LinkId)> on_open;
  std::function<void(Transport&, LinkId, const wire::Frame&)> on_frame;
  // Read inside World::Until() only.
  int starts = 0;
  std::vector<Opened> opened;
  std::vector<wire::Frame> frames;
  std::vector<std::pair<LinkId, Status>> closed;
  std::vector<runtime::Time> wakes;

 private:
  template <typename Fn>
  void Record(Fn fn) {
    const std::lock_guard lock(board_.mutex);
    EXPECT_TRUE(starts == 1 || (starts == 0 && opened.empty())) << "OnStart comes first and once";
    fn();
    board_.changed.notify_all();
  }
  Board& board_;
};

/// Nodes that can reach each other.
class World {
 public:
  virtual ~World() = default;
  /// Start a node; return where it listens.
  virtual std::string Add(Probe& probe) = 0;
  /// End a node as its process would.
  virtual void Remove(Probe& probe) = 0;
  /// Run `fn` as a callback of the node, some time.
  virtual void Do(Probe& probe, std::function<void(Transport&)> fn) = 0;
  /// Wait until `holds`, which is evaluated under the board's lock; false when it takes too long.
  virtual bool Until(const std::function<bool()>& holds) = 0;
  virtual std::string UnusedAddress() = 0;

  Board board;
};

/// Real loops; Maker listens and names addresses.
template <typename Maker>
class RealWorld final : public World {
 public:
  explicit RealWorld(bool thread_each) : thread_each_(thread_each) {}

  ~RealWorld() override {
    for (auto& thread : threads_) thread->Join();
    transports_.clear();
  }

  std::string Add(Probe& probe) override {
    if (threads_.empty() || thread_each_) {
      threads_.push_back(std::make_unique<runtime::LoopThread>());
    }
    runtime::RealLoop& loop = threads_.back()->loop();
    std::string address;
    OnLoop(loop, [&] {
      auto transport = maker_.Make(loop, probe);
      address = transport->Listen(maker_.NextAddress()).value();
      transport->Start();
      transports_[&probe] = {std::move(transport), &loop};
    });
    return address;
  }

  void Remove(Probe& probe) override {
    auto node = std::move(transports_.extract(&probe).mapped());
    OnLoop(*node.loop, [&] { node.transport.reset(); });
  }

  void Do(Probe& probe, std::function<void(Transport&)> fn) override {
    const Entry& entry = transports_.at(&probe);
    entry.loop->Post([transport = entry.transport.get(), fn = std::move(fn)] { fn(*transport); });
  }

  bool Until(const std::function<bool()>& holds) override {
    std::unique_lock lock(board.mutex);
    return board.changed.wait_for(lock, std::chrono::seconds(20), holds);
  }

  std::string UnusedAddress() override { return maker_.UnusedAddress(); }

 private:
  struct Entry {
    std::unique_ptr<typename Maker::Type> transport;
    runtime::RealLoop* loop;
  };

  void OnLoop(runtime::RealLoop& loop, const std::function<void()>& fn) {
    bool ran = false;
    loop.Post([&] {
      fn();
      const std::lock_guard lock(board.mutex);
      ran = true;
      board.changed.notify_all();
    });
    std::unique_lock lock(board.mutex);
    board.changed.wait(lock, [&] { return ran; });
  }

  const bool thread_each_;
  Maker maker_;
  std::vector<std::unique_ptr<runtime::LoopThread>> threads_;
  std::map<Probe*, Entry> transports_;
};

struct InprocMaker {
  using Type = InprocTransport;
  std::unique_ptr<Type> Make(runtime::RealLoop& loop, Node& node) {
    return std::make_unique<Type>(network, loop, node);
  }
  std::string NextAddress() { return "inproc:node" + std::to_string(++count); }
  std::string UnusedAddress() { return "inproc:nobody"; }
  InprocNetwork network;
  int count = 0;
};

struct TcpMaker {
  using Type = TcpTransport;
  std::unique_ptr<Type> Make(runtime::RealLoop& loop, Node& node) {
    return std::make_unique<Type>(loop, node);
  }
  std::string NextAddress() { return "127.0.0.1:0"; }
  /// A port that was just free.
  std::string UnusedAddress() {
    runtime::RealLoop loop;
    Board board;
    Probe probe(board);
    return TcpTransport(loop, probe).Listen("127.0.0.1:0").value();
  }
};

struct UnixMaker {
  using Type = TcpTransport;
  std::unique_ptr<Type> Make(runtime::RealLoop& loop, Node& node) {
    return std::make_unique<Type>(loop, node);
  }
  std::string NextAddress() { return prefix + std::to_string(++count); }
  std::string UnusedAddress() {
    // Listened at once, and removed.
    runtime::RealLoop loop;
    Board board;
    Probe probe(board);
    return TcpTransport(loop, probe).Listen(NextAddress()).value();
  }
  const std::string prefix = "unix:" + testing::TempDir() + "sy" + std::to_string(::getpid()) + "_";
  int count = 0;
};

struct UnixNameMaker {
  using Type = TcpTransport;
  static std::unique_ptr<Type> Make(runtime::RealLoop& loop, Node& node) {
    return std::make_unique<Type>(loop, node);
  }
  static std::string NextAddress() { return "unix:@"; }
  static std::string UnusedAddress() { return "unix:@steelyard_nobody"; }
};

/// Hands the simulator's callbacks to a Probe that the test owns.
class Forwarder final : public Node {
 public:
  explicit Forwarder(Node& to) : to_(to) {}
  void OnStart(Transport& t) override { to_.OnStart(t); }
  void OnOpen(Transport& t, LinkId link, bool accepted, const std::string& peer) override {
    to_.OnOpen(t, link, accepted, peer);
  }
  void OnFrame(Transport& t, LinkId link, wire::Frame frame) override {
    to_.OnFrame(t, link, std::move(frame));
  }
  void OnClose(Transport& t, LinkId link, const Status& why) override { to_.OnClose(t, link, why); }
  void OnWake(Transport& t) override { to_.OnWake(t); }

 private:
  Node& to_;
};

class SimulatedWorld final : public World {
 public:
  std::string Add(Probe& probe) override {
    const std::string address = "sim:node" + std::to_string(index_.size());
    index_[&probe] = world_.AddNode(
        address, [&probe](runtime::Executor&) { return std::make_unique<Forwarder>(probe); });
    return address;
  }
  void Remove(Probe& probe) override { world_.Crash(index_.at(&probe)); }
  void Do(Probe& probe, std::function<void(Transport&)> fn) override {
    world_.Call(index_.at(&probe), [fn = std::move(fn)](Node&, Transport& t) { fn(t); });
  }
  bool Until(const std::function<bool()>& holds) override {
    return world_.Run(world_.now() + std::chrono::seconds(60), [&] {
      const std::lock_guard lock(board.mutex);
      return holds();
    });
  }
  std::string UnusedAddress() override { return "sim:nobody"; }

 private:
  SimWorld world_{SimOptions{.seed = 7}};
  std::map<Probe*, NodeIndex> index_;
};

}  // namespace steelyard::transport
