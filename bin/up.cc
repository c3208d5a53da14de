// steelyard up: a cluster on this machine, in the background.
#include <fmt/format.h>

#include <filesystem>

#include "background_cluster.h"
#include "cluster_report.h"
#include "command.h"
#include "daemon.h"
#include "function_library.h"
#include "output.h"
#include "table_memory.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kProcessesDefault = 2;
constexpr std::uint64_t kProcessesMax = 1024;

std::string UpText(const std::string& address, const BackgroundCluster::Options& options,
                   const std::string& data_dir) {
  return fmt::format(
      "cluster {} runs: a head, {}, {}; pid files and logs are in {}\n"
      "steelyard train DATA --cluster {}  uses it, steelyard down --data-dir {}  ends it\n",
      address, Counted(options.servers, "server"), Counted(options.workers, "worker"), data_dir,
      address, data_dir);
}

Status Run(const Values& values) {
  BackgroundCluster::Options options;
  options.listen = values.Get("listen", kHeadAddress);
  SY_RETURN_IF_ERROR(CheckListen(values, options.listen));
  const auto servers = values.GetCount("servers", kProcessesDefault, kProcessesMax);
  if (!servers.ok()) return servers.status();
  const auto workers = values.GetCount("workers", kProcessesDefault, kProcessesMax);
  if (!workers.ok()) return workers.status();
  options.servers = servers.value();
  options.workers = workers.value();
  const Result<std::uint64_t> shards = ShardsOf(values);
  if (!shards.ok()) return shards.status();
  options.shards = shards.value();
  const Result<ByteSize> memory_max = MemoryMaxOf(values);
  if (!memory_max.ok()) return memory_max.status();
  options.table_bytes_max = TableMemoryOfEach(memory_max.value(), options.servers);
  options.updaters = values.Get("updaters");
  // Absolute, because the processes and later commands may have another current directory.
  std::error_code error;
  const std::string path =
      std::filesystem::absolute(values.Get("data-dir", kDataDirectory), error).lexically_normal();
  if (error) return Status(StatusCode::kIoError, "no current directory: " + error.message());
  SY_RETURN_IF_ERROR(DataDirectory(path).Make());
  Result<BackgroundCluster> cluster = BackgroundCluster::Open(path);
  if (!cluster.ok()) return cluster.status();
  const Result<std::string> address = cluster.value().Start(options);
  if (!address.ok()) return address.status();
  std::vector<int> pids;
  for (const StartedProcess& process : cluster.value().directory().Processes())
    pids.push_back(process.pid);
  return PrintResult(values.Switch("json") ? UpJson(address.value(), pids, path) + "\n"
                                           : UpText(address.value(), options, path));
}

Option DataDirOption() {
  return {.name = "data-dir",
          .value = "DIR",
          .help = "where the cluster's address, pid files and logs are",
          .default_text = kDataDirectory};
}

Status RunDown(const Values& values) {
  const std::string path = values.Get("data-dir", kDataDirectory);
  if (!DataDirectory(path).exists()) {
    return Status(StatusCode::kNotFound,
                  "no data directory of a cluster; name the one of steelyard up with --data-dir",
                  path);
  }
  Result<BackgroundCluster> cluster = BackgroundCluster::Open(path);
  if (!cluster.ok()) return cluster.status();
  const EndedProcesses end = cluster.value().End();
  if (values.Switch("json")) return PrintResult(DownJson(end.ended, end.killed, path) + "\n");
  if (end.ended + end.killed == 0) return PrintResult("nothing ran\n");
  return PrintResult(
      fmt::format("{} ended{}\n", Counted(end.ended + end.killed, "process"),
                  end.killed > 0 ? fmt::format(", {} of them killed", end.killed) : ""));
}

}  // namespace

Command UpCommand() {
  return {.name = "up",
          .summary = "Start a cluster on this machine, in the background, and print its address",
          .options = {{.name = "servers",
                       .value = "S",
                       .help = "how many servers",
                       .default_text = std::to_string(kProcessesDefault)},
                      {.name = "workers",
                       .value = "W",
                       .help = "how many workers",
                       .default_text = std::to_string(kProcessesDefault)},
                      ShardsOption(),
                      MemoryMaxOption("memory that all its servers may fill with rows"),
                      UpdatersOption(),
                      DataDirOption(),
                      {.name = "listen",
                       .value = "HOST:PORT",
                       .help = "where the head takes connections; port 0 is a free one",
                       .default_text = kHeadAddress},
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard up --servers 2 --workers 4",
                       "steelyard up --data-dir /var/tmp/clicks --listen 127.0.0.1:0 --json"},
          .run = Run};
}

Command DownCommand() {
  return {.name = "down",
          .summary = "End the cluster that up started",
          .options = {DataDirOption(),
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard down"},
          .notes = "The logs stay. Tables and running jobs are lost.",
          .run = RunDown};
}

}  // namespace steelyard::cli
