// A server node over std::unordered_map and a client node that keeps frames in flight.
#include <chrono>
#include <unordered_map>
#include <utility>

#include "bare_contestant.h"
#include "child_server.h"
#include "hosted_node.h"
#include "runtime/real_loop.h"
#include "transport/tcp_transport.h"
#include "wire/data_messages.h"

namespace steelyard::bench {
namespace {

using transport::LinkId;
using transport::Transport;

class MapServer final : public transport::Node {
 public:
  void OnStart(Transport&) override {}
  void OnOpen(Transport& transport, LinkId link, bool, const std::string&) override {
    transport.SetFrameBytesMax(link, wire::kFrameBytesMax);
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame frame) override {
    const std::uint64_t id = frame.header.request_id;
    if (frame.header.type == wire::MessageType::kPush) {
      const auto push = wire::DecodePush(frame.body.bytes());
      if (!push.ok()) return;
      for (std::size_t i = 0; i < push.value().keys.size(); ++i) {
        rows_[push.value().keys[i]] += push.value().floats[i];
      }
      transport.Send(link, wire::MakeFrame(wire::PushAck{.ts = push.value().ts, .failed = {}}, id));
    } else {
      const auto pull = wire::DecodePull(frame.body.bytes());
      if (!pull.ok()) return;
      auto answer = wire::MakePullResponse({}, pull.value().keys.size(), id);
      for (std::size_t i = 0; i < pull.value().keys.size(); ++i) {
        answer.floats[i] = rows_[pull.value().keys[i]];
      }
      transport.Send(link, std::move(answer.frame));
    }
  }
  void OnClose(Transport&, LinkId, const Status&) override {}
  void OnWake(Transport&) override {}

 private:
  std::unordered_map<Key, float> rows_;
};

void Serve(const ChildServer::Ready& ready) {
  runtime::RealLoop loop;
  MapServer server;
  transport::TcpTransport transport(loop, server);
  const auto address = transport.Listen("127.0.0.1:0");
  if (!address.ok()) return;
  transport.Start();
  ready(address.value());
  loop.Run();
}

class MapClient final : public transport::Node {
 public:
  MapClient(std::string address, std::function<void(const Status&)> done)
      : address_(std::move(address)), done_(std::move(done)) {}

  void Begin(Transport& transport, const Load& load) {
    load_ = load;
    sent_ = answered_ = 0;
    while (sent_ < load_.in_flight && sent_ < load_.requests) Request(transport);
  }
  const std::vector<float>& last_floats() const { return last_floats_; }

  void OnStart(Transport& transport) override { link_ = transport.Connect(address_); }
  void OnOpen(Transport& transport, LinkId link, bool, const std::string&) override {
    transport.SetFrameBytesMax(link, wire::kFrameBytesMax);
    done_({});
  }
  void OnFrame(Transport& transport, LinkId, wire::Frame frame) override {
    if (frame.header.type == wire::MessageType::kPullResponse) {
      const auto pulled = wire::DecodePullResponse(frame.body.bytes());
      if (!pulled.ok()) return done_(pulled.status());
      last_floats_.assign(pulled.value().floats.begin(), pulled.value().floats.end());
    }
    if (sent_ < load_.requests) Request(transport);
    if (++answered_ == load_.requests) done_({});
  }
  void OnClose(Transport&, LinkId, const Status& why) override { done_(why); }
  void OnWake(Transport&) override {}

 private:
  void Request(Transport& transport) {
    const KeyList& keys = load_.list(sent_++);
    const auto count = static_cast<std::uint32_t>(keys.size());
    if (load_.kind == Load::Kind::kPush) {
      const std::vector<float> gradients(keys.size(), kGradient);
      const std::array entries{wire::PushEntry{.segment = 0, .count = count}};
      transport.Send(
          link_, wire::MakeFrame(
                     wire::Push{.ts = ++ts_, .entries = entries, .keys = keys, .floats = gradients},
                     sent_));
    } else {
      const std::array entries{wire::PullEntry{.segment = 0, .count = count}};
      transport.Send(link_, wire::MakeFrame(wire::Pull{.entries = entries, .keys = keys}, sent_));
    }
  }

  std::string address_;
  std::function<void(const Status&)> done_;
  LinkId link_ = 0;
  Load load_;
  Ts ts_ = 0;
  std::size_t sent_ = 0;
  std::size_t answered_ = 0;
  std::vector<float> last_floats_;
};

class MapContestant final : public Contestant {
 public:
  MapContestant()
      : server_(0, [](const std::string&, const ChildServer::Ready& ready) { Serve(ready); }) {}

  std::string name() const override { return "ps-lite design"; }

  Result<double> Run(const Load& load) override {
    if (client_ == nullptr) SY_RETURN_IF_ERROR(Start());
    const auto start = std::chrono::steady_clock::now();
    loop_.Post([&] { client_->Begin(*transport_, load); });
    loop_.Run();
    if (!result_.ok()) return result_;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Result<std::vector<float>> Values(const KeyList& keys) override {
    const std::vector<KeyList> lists{keys};
    const auto seconds = Run({.kind = Load::Kind::kPull, .lists = lists, .requests = 1});
    if (!seconds.ok()) return seconds.status();
    return client_->last_floats();
  }

 private:
  Status Start() {
    const auto address = server_.Tell("begin");
    if (!address.ok()) return address.status();
    client_ = std::make_unique<MapClient>(address.value(), [this](const Status& status) {
      result_ = status;
      loop_.Stop();
    });
    transport_ = std::make_unique<transport::TcpTransport>(loop_, *client_);
    transport_->Start();
    loop_.Run();
    return result_;
  }

  ChildServer server_;
  runtime::RealLoop loop_;
  std::unique_ptr<MapClient> client_;
  std::unique_ptr<transport::TcpTransport> transport_;
  Status result_;
};

}  // namespace

std::unique_ptr<Contestant> MakeMapContestant() {
  return std::make_unique<MapContestant>();
}

}  // namespace steelyard::bench
