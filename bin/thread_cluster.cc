// Servers and a worker in this process, each on a thread of its own where there are processors for them.
#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "daemon.h"
#include "job/worker.h"
#include "local_cluster.h"
#include "node_host.h"
#include "runtime/real_machine.h"
#include "server/server.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

/// A node that lives on a loop of another thread. Subclasses make the node in Make(), which runs on the loop.
///
/// Threads: Start() from any thread but the loop's; destroyed by any once the loop has stopped.
class LoopNode {
 public:
  LoopNode(runtime::RealLoop& loop, transport::InprocNetwork& network)
      : loop_(loop), network_(network) {}
  virtual ~LoopNode() = default;
  LoopNode(const LoopNode&) = delete;
  LoopNode& operator=(const LoopNode&) = delete;

  Status Start(const std::string& name, const std::string& head_address) {
    std::promise<Status> started;
    loop_.Post([&] {
      host_ = std::make_unique<NodeHost>(loop_, &network_);
      const Result<std::string> address = host_->Listen(name);
      if (address.ok()) host_->Start(Make(loop_, *host_, head_address, address.value()));
      started.set_value(address.ok() ? Status() : address.status());
    });
    return started.get_future().get();
  }

 protected:
  virtual transport::Node& Make(runtime::RealLoop& loop, NodeHost& host,
                                const std::string& head_address, const std::string& address) = 0;
  void DestroyHost() { host_.reset(); }

 private:
  runtime::RealLoop& loop_;
  transport::InprocNetwork& network_;
  std::unique_ptr<NodeHost> host_;
};

class ServerNode final : public LoopNode {
 public:
  ServerNode(runtime::RealLoop& loop, transport::InprocNetwork& network,
             std::size_t table_bytes_max)
      : LoopNode(loop, network), table_bytes_max_(table_bytes_max) {}
  ~ServerNode() override { DestroyHost(); }

 private:
  transport::Node& Make(runtime::RealLoop&, NodeHost& host, const std::string& head_address,
                        const std::string& address) override {
    server_ = std::make_unique<server::Server>(
        server::Server::Options{.head_address = head_address,
                                .listen_address = address,
                                .incarnation = host.transport().Random(),
                                .description = ProcessDescription(),
                                .memory_bytes_max = table_bytes_max_});
    return *server_;
  }

  std::size_t table_bytes_max_;
  std::unique_ptr<server::Server> server_;
};

class WorkerNode final : public LoopNode {
 public:
  WorkerNode(runtime::RealLoop& loop, transport::InprocNetwork& network,
             job::DatasetOpener open_dataset, std::size_t processors, bool shares_loop)
      : LoopNode(loop, network),
        open_dataset_(std::move(open_dataset)),
        processors_(processors),
        shares_loop_(shares_loop) {}
  ~WorkerNode() override {
    DestroyHost();
    worker_.reset();
    threads_.reset();
  }

 private:
  transport::Node& Make(runtime::RealLoop& loop, NodeHost& host, const std::string& head_address,
                        const std::string&) override {
    threads_ = std::make_unique<WorkerThreads>(loop, processors_);
    job::WorkerEnvironment environment = threads_->Environment();
    environment.open_dataset = open_dataset_;
    environment.pulls_ahead = !shares_loop_;
    worker_ =
        std::make_unique<job::Worker>(job::Worker::Options{.head_address = head_address,
                                                           .incarnation = host.transport().Random(),
                                                           .description = ProcessDescription()},
                                      std::move(environment));
    return *worker_;
  }

  job::DatasetOpener open_dataset_;
  std::size_t processors_;
  bool shares_loop_;
  std::unique_ptr<WorkerThreads> threads_;
  std::unique_ptr<job::Worker> worker_;
};

std::size_t ProcessorsOf(std::size_t threads) {
  return threads > 0 ? threads : runtime::AvailableProcessors();
}

/// With few processors, server and worker share a loop: what passes between them then wakes no thread, and the reader
/// has the other processor.
bool SharesLoop(std::size_t processors) {
  constexpr std::size_t kSharedLoopProcessorsMax = 3;
  return processors <= kSharedLoopProcessorsMax;
}

class ThreadCluster final : public LocalCluster {
 public:
  ThreadCluster(runtime::RealLoop& loop, transport::InprocNetwork& network,
                job::DatasetOpener open_dataset, std::size_t threads, std::size_t table_bytes_max)
      : loop_(loop) {
    const std::size_t processors = ProcessorsOf(threads);
    for (std::size_t i = 0; i < ThreadServers(threads); ++i) {
      threads_.push_back(std::make_unique<runtime::LoopThread>());
      servers_.push_back(
          std::make_unique<ServerNode>(threads_.back()->loop(), network, table_bytes_max));
    }
    if (!SharesLoop(processors)) threads_.push_back(std::make_unique<runtime::LoopThread>());
    worker_.emplace(threads_.back()->loop(), network, std::move(open_dataset), processors,
                    SharesLoop(processors));
  }
  ~ThreadCluster() override {
    JoinAll();
    worker_.reset();
    servers_.clear();
  }

  Status Start(const std::string& head_address) override {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      SY_RETURN_IF_ERROR(servers_[i]->Start("server-" + std::to_string(i), head_address));
    }
    return worker_->Start("worker-0", head_address);
  }

  void End(std::function<void()> done) override {
    JoinAll();
    loop_.Post(std::move(done));
  }

  std::uint64_t PeakMemoryBytes() const override { return 0; }  // It is this process's own.

 private:
  void JoinAll() {
    for (const auto& thread : threads_) thread->Join();
  }

  runtime::RealLoop& loop_;
  std::vector<std::unique_ptr<runtime::LoopThread>> threads_;
  std::vector<std::unique_ptr<ServerNode>> servers_;
  std::optional<WorkerNode> worker_;
};

}  // namespace

std::size_t ThreadServers(std::size_t threads) {
  const std::size_t processors = ProcessorsOf(threads);
  return SharesLoop(processors) ? 1 : processors / 2;
}

std::unique_ptr<LocalCluster> MakeThreadCluster(runtime::RealLoop& loop,
                                                transport::InprocNetwork& network,
                                                job::DatasetOpener open_dataset,
                                                std::size_t threads, std::size_t table_bytes_max) {
  return std::make_unique<ThreadCluster>(loop, network, std::move(open_dataset), threads,
                                         table_bytes_max);
}

}  // namespace steelyard::cli
