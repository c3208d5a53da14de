// Head and clients share one loop, which runs while a load does; the server has a process.
#include "table_contestant.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "client/client.h"
#include "hosted_node.h"
#include "job/head.h"
#include "rpc/head_link.h"
#include "runtime/real_loop.h"
#include "server/server.h"
#include "transport/tcp_transport.h"

namespace steelyard::bench {
namespace {

using cli::HostedNode;
using transport::LinkId;
using transport::Transport;

coord::Membership::Options LenientMembership() {
  coord::Membership::Options options;
  options.dead_after = options.reconnect_max =
      std::chrono::hours(1);  // The loop rests between loads.
  return options;
}

void Serve(const std::string& head_address, const std::string& listen, runtime::Duration spin,
           const ChildServer::Ready& ready) {
  runtime::RealLoop loop(spin);
  HostedNode node;
  transport::TcpTransport transport(loop, node);
  const auto address = transport.Listen(listen);
  if (!address.ok()) return;
  server::Server server({.head_address = head_address,
                         .listen_address = address.value(),
                         .incarnation = transport.Random(),
                         .description = "benchmark"});
  node.Host(server, nullptr);
  transport.Start();
  ready(address.value());
  loop.Run();
}

/// Creates or finds the table, attaches to it, and sends loads.
class LoadNode final : public transport::Node {
 public:
  LoadNode(const std::string& head_address, Incarnation incarnation, TableOptions table,
           const client::StreamBinding& binding, std::string filters)
      : identity_{.role = wire::Role::kClient,
                  .incarnation = incarnation,
                  .listen_address = {},
                  .description = "benchmark"},
        head_(head_address, &identity_),
        client_(&identity_, {.unacked_bytes_max = std::size_t{256} << 20}),
        table_(std::move(table)),
        binding_(binding),
        filters_(std::move(filters)) {}

  /// `done` is called when the table is attached, a load is carried out, or something failed.
  void OnDone(std::function<void(const Status&)> done) { done_ = std::move(done); }
  void Begin(Transport& transport, const Load& load) {
    load_ = load;
    sent_ = answered_ = 0;
    while (sent_ < load_.in_flight && sent_ < load_.requests) Request(transport);
    Arm(transport);
  }
  const std::vector<float>& last_floats() const { return last_floats_; }
  const client::Traffic& traffic() const { return client_.traffic(); }

  void OnStart(Transport& transport) override {
    head_.Start(transport);
    Arm(transport);
  }
  void OnOpen(Transport& transport, LinkId link, bool, const std::string&) override {
    head_.Owns(link) ? head_.OnOpen(transport) : client_.OnOpen(transport, link);
    Arm(transport);
  }
  void OnFrame(Transport& transport, LinkId link, wire::Frame frame) override {
    if (head_.Owns(link)) {
      bool consumed = false;
      if (head_.OnFrame(transport, frame, consumed) == rpc::Channel::Event::kReady) {
        AskForTable(transport);
      }
      if (!consumed && frame.header.type == wire::MessageType::kView) OnView(transport, frame);
    } else {
      client_.OnFrame(transport, link, frame);
    }
    Arm(transport);
  }
  void OnClose(Transport& transport, LinkId link, const Status& why) override {
    if (head_.Owns(link)) {
      (void)head_.OnClose(transport, why);
    } else {
      client_.OnClose(transport, link, why);
    }
    Arm(transport);
  }
  void OnWake(Transport& transport) override {
    (void)head_.OnWake(transport);
    client_.OnWake(transport);
    Arm(transport);
  }

 private:
  /// The first stream's client creates it, before the others come.
  void AskForTable(Transport& transport) {
    if (binding_.stream == 1) {
      head_.Send(transport,
                 wire::MakeFrame(wire::TableCreate{.spec = {table_}, .servers_min = 1}, 1));
    } else {
      head_.Send(transport, wire::MakeFrame(wire::ViewGet{.table = 0, .name = table_.name}, 1));
    }
  }

  void OnView(Transport& transport, const wire::Frame& frame) {
    const auto view = wire::Decode<wire::View>(frame.body.bytes());
    if (!view.ok() || table_id_ != 0) return;
    table_id_ = view.value().table;
    client_.Attach(transport, view.value(), binding_,
                   [this](const Status& status) { done_(status); });
    if (filters_ == "none") return;
    auto filters = filter::FilterStack::Create(filters_, {});
    const Status used =
        filters.ok() ? client_.UseFilters(table_id_, std::move(filters.value())) : filters.status();
    if (!used.ok()) done_(used);
  }

  void Request(Transport& transport) {
    const KeyList& keys = load_.list(sent_++);
    requested_ = transport.now();
    Status sent;
    if (load_.kind == Load::Kind::kPush) {
      ++step_;
      const auto pushed =
          client_.Push(transport, table_id_,
                       {.step = step_,
                        .through_step = step_,
                        .keys = keys,
                        .floats = std::vector<float>(keys.size(), kGradient)},
                       [this, &transport](const Status& status) { Answered(transport, status); });
      if (!pushed.ok()) sent = pushed.status();
    } else {
      sent = client_.Pull(transport, table_id_, {.keys = keys},
                          [this, &transport](Result<client::Pulled> pulled) {
                            if (pulled.ok()) last_floats_ = std::move(pulled.value().floats);
                            Answered(transport, pulled.ok() ? Status() : pulled.status());
                          });
    }
    if (!sent.ok()) done_(sent);
  }

  void Answered(Transport& transport, const Status& status) {
    if (!status.ok()) return done_(status);
    if (load_.request_seconds != nullptr) {
      const std::chrono::duration<double> taken = transport.now() - requested_;
      load_.request_seconds->push_back(taken.count());
    }
    if (sent_ < load_.requests) Request(transport);
    if (++answered_ == load_.requests) done_({});
  }

  void Arm(Transport& transport) {
    if (const auto head = head_.next_wake()) transport.WakeAt(*head);
    if (const auto client = client_.next_wake()) transport.WakeAt(*client);
  }

  rpc::Identity identity_;
  rpc::HeadLink head_;
  client::Client client_;
  TableOptions table_;
  client::StreamBinding binding_;
  std::string filters_;
  TableId table_id_ = 0;
  Step step_ = 0;
  std::function<void(const Status&)> done_;
  Load load_;
  std::size_t sent_ = 0;
  std::size_t answered_ = 0;
  runtime::Time requested_{0};
  std::vector<float> last_floats_;
};

class TableContestant final : public ServedContestant {
 public:
  TableContestant(const TableOptions& table, const Wiring& wiring)
      : table_(table),
        wiring_(wiring),
        server_(0,
                [wiring](const std::string& head_address, const ChildServer::Ready& ready) {
                  Serve(head_address, wiring.unix_socket ? "unix:@" : "127.0.0.1:0", wiring.spin,
                        ready);
                }),
        loop_(wiring.spin) {}

  std::string name() const override {
    return std::string("steelyard") + (wiring_.unix_socket ? ", Unix" : "") +
           (wiring_.spin > runtime::Duration::zero() ? ", spinning" : "");
  }

  Result<double> Run(const Load& load) override {
    if (workers_.empty()) SY_RETURN_IF_ERROR(Start());
    Load share = load;
    share.requests = load.requests / workers_.size();
    const auto start = std::chrono::steady_clock::now();
    for (Worker& worker : workers_) {
      loop_.Post([&] { worker.client->Begin(*worker.transport, share); });
    }
    SY_RETURN_IF_ERROR(RunLoop(workers_.size()));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Result<std::vector<float>> Values(const KeyList& keys) override {
    const std::vector<KeyList> lists{keys};
    const auto seconds =
        Run({.kind = Load::Kind::kPull, .lists = lists, .requests = workers_.size()});
    if (!seconds.ok()) return seconds.status();
    return workers_.front().client->last_floats();
  }

  const ChildServer& server() const override { return server_; }
  double BytesPerWorker() const override { return bytes_per_worker_; }
  std::uint64_t BytesMoved() const override {
    std::uint64_t bytes = 0;
    for (const Worker& worker : workers_) {
      const client::Traffic& traffic = worker.client->traffic();
      bytes += traffic.pushed_bytes + traffic.pulled_bytes;
    }
    return bytes;
  }

 private:
  struct Worker {
    HostedNode node;
    std::unique_ptr<transport::TcpTransport> transport;
    std::unique_ptr<LoadNode> client;
  };

  Status Start() {
    head_transport_ = std::make_unique<transport::TcpTransport>(loop_, head_node_);
    const auto head_address = head_transport_->Listen("127.0.0.1:0");
    if (!head_address.ok()) return head_address.status();
    head_ =
        std::make_unique<job::Head>(job::Head::Options{.cluster_id = head_transport_->Random() | 1,
                                                       .incarnation = head_transport_->Random(),
                                                       .listen_address = head_address.value(),
                                                       .membership = LenientMembership()});
    head_node_.Host(*head_, nullptr);
    head_transport_->Start();
    const auto server_address = server_.Tell(head_address.value());
    if (!server_address.ok()) return server_address.status();
    SY_RETURN_IF_ERROR(AddWorker(head_address.value()));
    const auto bytes_of_one = static_cast<double>(server_.ResidentBytes());
    while (workers_.size() < wiring_.workers) {
      SY_RETURN_IF_ERROR(AddWorker(head_address.value()));
      bytes_per_worker_ = (static_cast<double>(server_.ResidentBytes()) - bytes_of_one) /
                          static_cast<double>(workers_.size() - 1);
    }
    return {};
  }

  Status AddWorker(const std::string& head_address) {
    Worker& worker = workers_.emplace_back();
    worker.transport = std::make_unique<transport::TcpTransport>(loop_, worker.node);
    const client::StreamBinding binding{.group = wiring_.workers > 1 ? 1U : 0U,
                                        .stream = static_cast<StreamId>(workers_.size()),
                                        .session = 1,
                                        .first_step = 0};
    worker.client = std::make_unique<LoadNode>(head_address, worker.transport->Random(), table_,
                                               binding, wiring_.filters);
    worker.node.Host(*worker.client, nullptr);
    worker.client->OnDone([this](const Status& status) {
      result_ = status;
      if (!status.ok() || --busy_ == 0) loop_.Stop();
    });
    worker.transport->Start();
    return RunLoop(1);
  }

  /// Until as many workers have said that they are done, or one that it failed.
  Status RunLoop(std::size_t workers) {
    busy_ = workers;
    loop_.Run();
    return result_;
  }

  TableOptions table_;
  Wiring wiring_;
  ChildServer server_;
  runtime::RealLoop loop_;
  HostedNode head_node_;
  std::unique_ptr<transport::TcpTransport> head_transport_;
  std::unique_ptr<job::Head> head_;
  std::deque<Worker> workers_;
  double bytes_per_worker_ = 0;
  std::size_t busy_ = 0;
  Status result_;
};

}  // namespace

std::unique_ptr<ServedContestant> MakeTableContestant(const TableOptions& table,
                                                      const Wiring& wiring) {
  return std::make_unique<TableContestant>(table, wiring);
}

}  // namespace steelyard::bench
