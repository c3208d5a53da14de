// Servers and workers as processes of this binary.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/byte_size.h"
#include "child_processes.h"
#include "local_cluster.h"
#include "node_host.h"
#include "runtime/real_machine.h"
#include "stream_feeder.h"

namespace steelyard::cli {
namespace {

class ProcessCluster final : public LocalCluster {
 public:
  ProcessCluster(runtime::RealLoop& loop, const RunDirectory& logs, ProcessClusterOptions options)
      : options_(std::move(options)), children_(loop, logs, options_.on_death) {
    if (options_.stream) feeder_.emplace(std::move(*options_.stream));
  }

  Status Start(const std::string& head_address) override {
    for (std::uint64_t i = 0; i < options_.servers; ++i) {
      SY_RETURN_IF_ERROR(
          children_.Start("server " + std::to_string(i), "server",
                          {"--head", head_address, "--listen", kLocalAddress, "--memory-max",
                           ByteSizeText({options_.table_bytes_max}), "--once"}));
    }
    for (std::uint64_t i = 0; i < options_.workers; ++i) {
      SY_RETURN_IF_ERROR(StartWorker("worker " + std::to_string(i), head_address));
    }
    if (feeder_) feeder_->Start();
    return {};
  }

  void End(std::function<void()> done) override {
    if (feeder_) feeder_->Stop();  // A worker that waits for rows would not hear that it is to end.
    children_.EndAll(std::move(done));
  }
  std::uint64_t PeakMemoryBytes() const override { return children_.PeakMemoryBytes(); }

 private:
  Status StartWorker(const std::string& name, const std::string& head_address) {
    std::vector<std::string> flags{"--head", head_address, "--once"};
    flags.insert(flags.end(),
                 {"--threads", std::to_string(ThreadsOfEach(options_.threads, options_.workers))});
    if (!feeder_) return children_.Start(name, "worker", flags);
    const Result<data::OwnedFd> socket = feeder_->Connect();
    if (!socket.ok()) return socket.status();
    const int fd = socket.value().get();
    flags.insert(flags.end(), {"--stream-fd", std::to_string(fd)});
    return children_.Start(name, "worker", flags, {fd});
  }

  ProcessClusterOptions options_;
  std::optional<StreamFeeder> feeder_;
  ChildProcesses children_;
};

}  // namespace

std::size_t ThreadsOfEach(std::uint64_t threads, std::uint64_t workers) {
  if (threads > 0) return threads;
  return std::max<std::size_t>(
      1, runtime::AvailableProcessors() / std::max<std::uint64_t>(1, workers));
}

std::unique_ptr<LocalCluster> MakeProcessCluster(runtime::RealLoop& loop, const RunDirectory& logs,
                                                 ProcessClusterOptions options) {
  return std::make_unique<ProcessCluster>(loop, logs, std::move(options));
}

}  // namespace steelyard::cli
