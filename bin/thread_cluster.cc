// A server and a worker in this process, each on a loop and thread of its own.
#include <future>
#include <utility>

#include "daemon.h"
#include "job/worker.h"
#include "local_cluster.h"
#include "node_host.h"
#include "server/server.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

/// A loop's thread and the node that lives on it. Subclasses make the node in Make(), which runs on the loop.
class NodeThread {
 public:
  explicit NodeThread(transport::InprocNetwork& network) : network_(network) {}
  virtual ~NodeThread() = default;
  NodeThread(const NodeThread&) = delete;
  NodeThread& operator=(const NodeThread&) = delete;

  Status Start(const std::string& name, const std::string& head_address) {
    std::promise<Status> started;
    thread_.loop().Post([&] {
      host_ = std::make_unique<NodeHost>(thread_.loop(), &network_);
      const Result<std::string> address = host_->Listen(name);
      if (address.ok()) host_->Start(Make(thread_.loop(), *host_, head_address, address.value()));
      started.set_value(address.ok() ? Status() : address.status());
    });
    return started.get_future().get();
  }

  /// Afterwards nothing runs any more; members may be destroyed in any thread.
  void Join() { thread_.Join(); }

 protected:
  virtual transport::Node& Make(runtime::RealLoop& loop, NodeHost& host,
                                const std::string& head_address, const std::string& address) = 0;
  void DestroyHost() { host_.reset(); }

 private:
  transport::InprocNetwork& network_;
  runtime::LoopThread thread_;
  std::unique_ptr<NodeHost> host_;
};

class ServerThread final : public NodeThread {
 public:
  using NodeThread::NodeThread;
  ~ServerThread() override {
    Join();
    DestroyHost();
  }

 private:
  transport::Node& Make(runtime::RealLoop&, NodeHost& host, const std::string& head_address,
                        const std::string& address) override {
    server_ = std::make_unique<server::Server>(
        server::Server::Options{.head_address = head_address,
                                .listen_address = address,
                                .incarnation = host.transport().Random(),
                                .description = ProcessDescription()});
    return *server_;
  }

  std::unique_ptr<server::Server> server_;
};

class WorkerThread final : public NodeThread {
 public:
  WorkerThread(transport::InprocNetwork& network, job::DatasetOpener open_dataset)
      : NodeThread(network), open_dataset_(std::move(open_dataset)) {}
  ~WorkerThread() override {
    Join();
    DestroyHost();
    worker_.reset();
    threads_.reset();
  }

 private:
  transport::Node& Make(runtime::RealLoop& loop, NodeHost& host, const std::string& head_address,
                        const std::string&) override {
    threads_ = std::make_unique<WorkerThreads>(loop);
    job::WorkerEnvironment environment = threads_->Environment();
    environment.open_dataset = open_dataset_;
    worker_ =
        std::make_unique<job::Worker>(job::Worker::Options{.head_address = head_address,
                                                           .incarnation = host.transport().Random(),
                                                           .description = ProcessDescription()},
                                      std::move(environment));
    return *worker_;
  }

  job::DatasetOpener open_dataset_;
  std::unique_ptr<WorkerThreads> threads_;
  std::unique_ptr<job::Worker> worker_;
};

class ThreadCluster final : public LocalCluster {
 public:
  ThreadCluster(runtime::RealLoop& loop, transport::InprocNetwork& network,
                job::DatasetOpener open_dataset)
      : loop_(loop), server_(network), worker_(network, std::move(open_dataset)) {}

  Status Start(const std::string& head_address) override {
    SY_RETURN_IF_ERROR(server_.Start("server-0", head_address));
    return worker_.Start("worker-0", head_address);
  }

  void End(std::function<void()> done) override {
    worker_.Join();
    server_.Join();
    loop_.Post(std::move(done));
  }

  std::uint64_t PeakMemoryBytes() const override { return 0; }  // It is this process's own.

 private:
  runtime::RealLoop& loop_;
  ServerThread server_;
  WorkerThread worker_;
};

}  // namespace

std::unique_ptr<LocalCluster> MakeThreadCluster(runtime::RealLoop& loop,
                                                transport::InprocNetwork& network,
                                                job::DatasetOpener open_dataset) {
  return std::make_unique<ThreadCluster>(loop, network, std::move(open_dataset));
}

}  // namespace steelyard::cli
