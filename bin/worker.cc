// steelyard worker: a process that learns for the head that started it.
#include "job/worker.h"

#include <memory>
#include <utility>

#include "command.h"
#include "daemon.h"
#include "data/chunk_socket.h"
#include "transport/tcp_transport.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kNoStream = 1 << 30;

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

Status Run(const Values& values) {
  runtime::RealLoop loop;
  HostedNode node;
  transport::TcpTransport transport(loop, node);
  WorkerThreads threads(loop);
  const Result<std::uint64_t> stream_fd = values.GetCount("stream-fd", kNoStream, kNoStream);
  if (!stream_fd.ok()) return stream_fd.status();
  job::WorkerEnvironment environment = threads.Environment();
  environment.open_dataset = OpenerWith(stream_fd.value());
  job::Worker worker({.head_address = values.Get("head"),
                      .incarnation = transport.Random(),
                      .description = ProcessDescription()},
                     std::move(environment));
  node.Host(worker, [&] {
    if (!worker.failure().ok()) loop.Stop();
  });
  LogLine("worker for the head at " + values.Get("head"));
  transport.Start();
  return RunUntilEnd(loop, [&] { return worker.failure(); });
}

}  // namespace

Command WorkerCommand() {
  std::vector<Option> options = DaemonOptions();
  options.push_back({.name = "stream-fd",
                     .value = "N",
                     .help = "the inherited connection to the process that reads standard input"});
  return {.name = "worker",
          .summary = "Learn for a head; train starts these itself",
          .options = std::move(options),
          .hidden = true,
          .run = Run};
}

}  // namespace steelyard::cli
