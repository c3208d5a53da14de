// steelyard head: the process that knows a cluster: who is alive, which tables there are, which jobs run.
#include "job/head.h"

#include <filesystem>

#include "command.h"
#include "daemon.h"
#include "data_directory.h"
#include "exit_code.h"
#include "runtime/real_signals.h"

namespace steelyard::cli {
namespace {

// The kernel closes the connections of a process that ends, so that is seen at once: silence only finds one that hangs,
// and a busy machine is silent too.
coord::Membership::Options MembershipOptions() {
  return {.dead_after = std::chrono::seconds(5)};
}

Status Run(const Values& values) {
  const std::string listen = values.Get("listen", kHeadAddress);
  SY_RETURN_IF_ERROR(CheckListen(values, listen));
  runtime::RealLoop loop;
  HostedNode host;
  transport::TcpTransport transport(loop, host, {.same_host_names = true});
  const Result<std::string> address = transport.Listen(listen);
  if (!address.ok()) return address.status();
  int signal = 0;
  const runtime::RealSignals signals(loop, [&](int number) {
    signal = number;
    loop.Stop();
  });
  const RemoteWarning warning(loop, values, address.value());
  job::Head head({.cluster_id = transport.Random() | 1,
                  .incarnation = transport.Random(),
                  .listen_address = address.value(),
                  .membership = MembershipOptions(),
                  .names_workers = true,
                  .description = ProcessDescription(),
                  .log = LogLine});
  host.Host(head, nullptr);
  LogLine("head at " + address.value());
  if (values.Has("data-dir")) {
    SY_RETURN_IF_ERROR(DataDirectory(values.Get("data-dir")).WriteAddress(address.value()));
  }
  transport.Start();
  loop.Run();
  return Interrupted(signal);
}

}  // namespace

Command HeadCommand() {
  std::vector<Option> options = ListenOptions(kHeadAddress);
  options.push_back({.name = "data-dir",
                     .value = "DIR",
                     .help = "write the address into the file head.address of this directory"});
  return {
      .name = "head",
      .summary = "Run a head: it knows the servers, workers, tables and jobs of a cluster",
      .options = std::move(options),
      .examples = {"steelyard head", "steelyard head --listen 127.0.0.1:5000"},
      .notes =
          "Servers and workers may be started before or after it. It keeps nothing on disk: when "
          "it\nends, jobs end and tables are lost, and servers and workers wait for the next one "
          "at its address.",
      .run = Run};
}

}  // namespace steelyard::cli
