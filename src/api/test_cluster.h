// ClusterTest: a head and two servers on loops of this process, real sockets, and programs that connect to them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "job/head.h"
#include "runtime/real_loop.h"
#include "server/server.h"
#include "steelyard/cluster.h"
#include "transport/tcp_transport.h"

namespace steelyard {

using namespace std::chrono_literals;

/// A node on a thread of its own; gone without a word when destroyed.
template <typename NodeType>
class Running {
 public:
  /// @param make  gets the address it listens at.
  template <typename Make>
  explicit Running(Make make) {
    std::promise<void> started;
    thread_.loop().Post([&] {
      host_.emplace(thread_.loop(), relay_);
      address_ = host_->Listen("unix:@").value();
      node_ = make(address_);
      relay_.to = node_.get();
      host_->Start();
      started.set_value();
    });
    started.get_future().wait();
  }
  ~Running() {
    thread_.Join();
    host_.reset();
  }
  const std::string& address() const { return address_; }

 private:
  struct Relay final : transport::Node {
    void OnStart(transport::Transport& t) override { to->OnStart(t); }
    void OnOpen(transport::Transport& t, transport::LinkId link, bool accepted,
                const std::string& peer) override {
      to->OnOpen(t, link, accepted, peer);
    }
    void OnFrame(transport::Transport& t, transport::LinkId link, wire::Frame frame) override {
      to->OnFrame(t, link, std::move(frame));
    }
    void OnClose(transport::Transport& t, transport::LinkId link, const Status& why) override {
      to->OnClose(t, link, why);
    }
    void OnWake(transport::Transport& t) override { to->OnWake(t); }
    transport::Node* to = nullptr;
  };

  runtime::LoopThread thread_;
  Relay relay_;
  std::unique_ptr<NodeType> node_;
  std::optional<transport::TcpTransport> host_;
  std::string address_;
};

class ClusterTest : public testing::Test {
 protected:
  static std::unique_ptr<Running<job::Head>> MakeHead() {
    return std::make_unique<Running<job::Head>>([](const std::string& address) {
      return std::make_unique<job::Head>(job::Head::Options{
          .cluster_id = 7,
          .incarnation = 1,
          .listen_address = address,
          // A sanitizer makes a server silent for longer than a cluster would wait.
          .membership = {.dead_after = std::chrono::seconds(2)}});
    });
  }
  std::unique_ptr<Running<server::Server>> MakeServer(Incarnation incarnation) {
    return std::make_unique<Running<server::Server>>([&](const std::string& address) {
      return std::make_unique<server::Server>(
          server::Server::Options{.head_address = head_->address(),
                                  .listen_address = address,
                                  .incarnation = incarnation,
                                  .description = "test"});
    });
  }
  Cluster Connect() {
    Result<Cluster> cluster = Cluster::Connect(head_->address());
    EXPECT_TRUE(cluster.ok()) << cluster.status().ToString();
    return std::move(cluster.value());
  }
  /// A table of `width`; its creation waits until the servers have joined.
  static Table Create(Cluster& cluster, const std::string& name, std::uint32_t width = 1) {
    for (;;) {
      Result<Table> table = cluster.CreateTable({.name = name, .width = width});
      if (table.ok()) return table.value();
      EXPECT_EQ(table.status().code(), StatusCode::kUnavailable) << table.status().ToString();
      std::this_thread::sleep_for(5ms);
    }
  }

  std::unique_ptr<Running<job::Head>> head_ = MakeHead();
  std::unique_ptr<Running<server::Server>> one_ = MakeServer(11), two_ = MakeServer(12);
};

}  // namespace steelyard
