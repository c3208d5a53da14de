// One node on one loop for one question.
#include "cluster_call.h"

#include <utility>

#include "daemon.h"
#include "data_directory.h"
#include "hosted_node.h"
#include "job/head_call.h"
#include "runtime/real_loop.h"
#include "transport/tcp_address.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {

Option ClusterOption() {
  return {.name = "cluster", .value = "HOST:PORT", .help = "address of the cluster's head"};
}

Option JsonOption() {
  return {.name = "json", .help = "print one JSON object on standard output"};
}

Result<std::string> ClusterAddress(const Values& values) {
  if (values.Has("cluster")) {
    const std::string address = values.Get("cluster");
    SY_RETURN_IF_ERROR(CheckHeadAddress("--cluster", address));
    return address;
  }
  const Result<std::string> here = DataDirectory(kDataDirectory).ReadAddress();
  return Status(
      StatusCode::kInvalidArgument,
      "--cluster HOST:PORT is missing" +
          (here.ok() ? "; the cluster in " + std::string(kDataDirectory) + " is at " + here.value()
                     : std::string("; it is the address that steelyard up or head printed")));
}

Status CheckHeadAddress(const std::string& flag, const std::string& address) {
  const Status wrong = transport::CheckPeerAddress(address);
  return wrong.ok() ? wrong : Status(wrong.code(), flag + ": " + wrong.message());
}

Result<wire::Frame> AskHead(const std::string& address, wire::Frame request,
                            runtime::Duration patience) {
  runtime::RealLoop loop;
  HostedNode host;
  transport::TcpTransport transport(loop, host, {.same_host_names = true});
  Result<wire::Frame> answer = Status(StatusCode::kUnavailable, "no answer");
  job::HeadCall call({.head_address = address,
                      .incarnation = transport.Random(),
                      .description = ProcessDescription()},
                     patience, std::move(request), [&](Result<wire::Frame> frame) {
                       answer = std::move(frame);
                       loop.Stop();
                     });
  host.Host(call, nullptr);
  transport.Start();
  loop.Run();
  return answer;
}

}  // namespace steelyard::cli
