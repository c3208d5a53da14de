// Servers and workers as processes of this binary.
#include <utility>

#include "child_processes.h"
#include "local_cluster.h"

namespace steelyard::cli {
namespace {

class ProcessCluster final : public LocalCluster {
 public:
  ProcessCluster(runtime::RealLoop& loop, const RunDirectory& logs, ProcessClusterOptions options)
      : options_(std::move(options)), children_(loop, logs, options_.on_death) {}

  Status Start(const std::string& head_address) override {
    for (std::uint64_t i = 0; i < options_.servers; ++i) {
      SY_RETURN_IF_ERROR(
          children_.Start("server " + std::to_string(i), "server", {"--head", head_address}));
    }
    for (std::uint64_t i = 0; i < options_.workers; ++i) {
      SY_RETURN_IF_ERROR(
          children_.Start("worker " + std::to_string(i), "worker", {"--head", head_address}));
    }
    return {};
  }

  void End(std::function<void()> done) override { children_.EndAll(std::move(done)); }
  std::uint64_t PeakMemoryBytes() const override { return children_.PeakMemoryBytes(); }

 private:
  ProcessClusterOptions options_;
  ChildProcesses children_;
};

}  // namespace

std::unique_ptr<LocalCluster> MakeProcessCluster(runtime::RealLoop& loop, const RunDirectory& logs,
                                                 ProcessClusterOptions options) {
  return std::make_unique<ProcessCluster>(loop, logs, std::move(options));
}

}  // namespace steelyard::cli
