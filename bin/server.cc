// steelyard server: a process that holds segments for the head that started it.
#include "server/server.h"

#include "command.h"
#include "daemon.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {
namespace {

Status Run(const Values& values) {
  const std::string listen = values.Get("listen", "127.0.0.1:0");
  SY_RETURN_IF_ERROR(CheckLoopback(listen));
  runtime::RealLoop loop;
  HostedNode node;
  transport::TcpTransport transport(loop, node);
  const Result<std::string> address = transport.Listen(listen);
  if (!address.ok()) return address.status();
  server::Server server({.head_address = values.Get("head"),
                         .listen_address = address.value(),
                         .incarnation = transport.Random(),
                         .description = ProcessDescription()});
  node.Host(server, [&] {
    if (!server.failure().ok()) loop.Stop();
  });
  LogLine("server at " + address.value() + " for the head at " + values.Get("head"));
  transport.Start();
  return RunUntilEnd(loop, [&] { return server.failure(); });
}

}  // namespace

Command ServerCommand() {
  std::vector<Option> options = DaemonOptions();
  options.push_back({.name = "listen",
                     .value = "HOST:PORT",
                     .help = "where to take connections; port 0 is a free one",
                     .default_text = "127.0.0.1:0"});
  return {.name = "server",
          .summary = "Hold a part of the tables for a head; train starts these itself",
          .options = std::move(options),
          .hidden = true,
          .run = Run};
}

}  // namespace steelyard::cli
