// steelyard worker: a process that learns for the jobs of a cluster.
#include "job/worker.h"

#include <memory>
#include <utility>

#include "command.h"
#include "daemon.h"
#include "data/chunk_socket.h"
#include "function_library.h"
#include "job/worker_calls.h"
#include "output.h"
#include "runtime/real_executor.h"
#include "runtime/real_machine.h"
#include "steelyard/updater.h"
#include "table/custom_functions.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kNoStream = 1 << 30;
constexpr std::uint64_t kThreadsMax = 1024;

// Opens files here, and the submitter's stream through the connection that this process inherited.
job::DatasetOpener OpenerWith(std::uint64_t stream_fd) {
  auto socket =
      std::make_shared<data::OwnedFd>(stream_fd == kNoStream ? -1 : static_cast<int>(stream_fd));
  return [socket](const data::DatasetOptions& options) -> Result<std::unique_ptr<data::Dataset>> {
    if (options.paths.size() != 1 || !data::NamesStream(options.paths.front()))
      return data::OpenDataset(options);
    if (socket->get() < 0) {
      return Status(StatusCode::kInvalidArgument,
                    "a worker on another machine cannot read this stream; name a file",
                    options.paths.front());
    }
    Result<data::StreamFeed> feed = data::ConnectFeed(std::move(*socket));
    if (!feed.ok()) return feed.status();
    return data::OpenStreamFeed(std::move(feed.value()), options);
  };
}

class WorkerMember final : public Member {
 public:
  WorkerMember(runtime::RealLoop& loop, job::Worker::Options options, job::DatasetOpener opener,
               std::size_t threads, job::WorkerFunctions functions)
      : threads_(loop, threads > 0 ? threads : runtime::AvailableProcessors()),
        function_thread_(loop, 1),
        worker_(std::move(options), EnvironmentWith(std::move(opener), std::move(functions))) {}
  transport::Node& node() override { return worker_; }
  const Status& failure() const override { return worker_.failure(); }
  const rpc::HeadLink& head() const override { return worker_.head(); }

 private:
  job::WorkerEnvironment EnvironmentWith(job::DatasetOpener opener,
                                         job::WorkerFunctions functions) {
    job::WorkerEnvironment environment = threads_.Environment();
    environment.open_dataset = std::move(opener);
    environment.functions = std::move(functions);
    environment.function_thread = &function_thread_;
    return environment;
  }

  WorkerThreads threads_;
  runtime::RealExecutor function_thread_;
  job::Worker worker_;
};

/// Those that every worker has, and those of the libraries that are allowed.
/// Errors: as LoadFunctionLibraries(); kInvalidArgument  a library's has the name of one of them.
Result<job::WorkerFunctions> FunctionsOf(const std::string& libraries) {
  job::WorkerFunctions functions = {
      {"progress", [](const WorkerProgress& progress, const std::string&) {
         return WorkerProgressJson(progress);
       }}};
  const auto custom = LoadFunctionLibraries(libraries);
  if (!custom.ok()) return custom.status();
  if (custom.value() == nullptr) return functions;
  for (const auto& [name, function] : custom.value()->worker_functions()) {
    if (functions.try_emplace(name, function).second) continue;
    return Status(StatusCode::kInvalidArgument,
                  "every worker has a function '" + name + "'; give yours another name", libraries);
  }
  return functions;
}

Status Run(const Values& values) {
  const Result<std::uint64_t> stream_fd = values.GetCount("stream-fd", kNoStream, kNoStream);
  if (!stream_fd.ok()) return stream_fd.status();
  const Result<std::uint64_t> threads = values.GetCount("threads", 0, kThreadsMax);
  if (!threads.ok()) return threads.status();
  const Result<job::WorkerFunctions> functions = FunctionsOf(values.Get("updaters"));
  if (!functions.ok()) return functions.status();
  const job::DatasetOpener opener = OpenerWith(stream_fd.value());
  return RunMembers(values, {.name = "worker", .listen = {}},
                    [&](runtime::RealLoop& loop, transport::Transport& transport,
                        const std::string&) -> std::unique_ptr<Member> {
                      return std::make_unique<WorkerMember>(
                          loop,
                          job::Worker::Options{.head_address = values.Get("head"),
                                               .incarnation = transport.Random(),
                                               .description = ProcessDescription()},
                          opener, threads.value(), functions.value());
                    });
}

}  // namespace

Command WorkerCommand() {
  std::vector<Option> options = MemberOptions();
  options.push_back({.name = "threads",
                     .value = "N",
                     .help = "threads that read and learn",
                     .default_text = "as many as processors it may use"});
  options.push_back(UpdatersOption());
  options.push_back({.name = "stream-fd",
                     .value = "N",
                     .help = "the inherited connection to the process that reads standard input",
                     .hidden = true});
  return {.name = "worker",
          .summary = "Run a worker: it reads data and learns for the jobs of a cluster",
          .options = std::move(options),
          .examples = {"steelyard worker --head 127.0.0.1:4070"},
          .notes =
              "It waits for its head and says so, and works for one job at a time. It opens the "
              "paths of a\njob's data itself.",
          .run = Run};
}

}  // namespace steelyard::cli
