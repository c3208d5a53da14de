// steelyard worker: a process that learns for the head that started it.
#include "job/worker.h"

#include "command.h"
#include "daemon.h"
#include "transport/tcp_transport.h"
#include "worker_environment.h"

namespace steelyard::cli {
namespace {

Status Run(const Values& values) {
  runtime::RealLoop loop;
  HostedNode node;
  transport::TcpTransport transport(loop, node);
  WorkerThreads threads(loop);
  job::Worker worker({.head_address = values.Get("head"),
                      .incarnation = transport.Random(),
                      .description = ProcessDescription()},
                     threads.Environment());
  node.Host(worker, [&] {
    if (!worker.failure().ok()) loop.Stop();
  });
  LogLine("worker for the head at " + values.Get("head"));
  transport.Start();
  return RunUntilEnd(loop, [&] { return worker.failure(); });
}

}  // namespace

Command WorkerCommand() {
  return {.name = "worker",
          .summary = "Learn for a head; train starts these itself",
          .options = DaemonOptions(),
          .hidden = true,
          .run = Run};
}

}  // namespace steelyard::cli
