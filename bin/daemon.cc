// Signals, the loopback rule, the common flags.
#include "daemon.h"

#include <unistd.h>

#include <cstdio>

#include "exit_code.h"
#include "runtime/real_signals.h"

namespace steelyard::cli {

std::vector<Option> DaemonOptions() {
  return {{.name = "head",
           .value = "HOST:PORT",
           .help = "address of the cluster's head",
           .required = true}};
}

Status CheckLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  if (host == "localhost" || host == "[::1]" || host.starts_with("127.")) return {};
  return Status(
      StatusCode::kInvalidArgument,
      "--listen takes loopback addresses only (127.0.0.1:0): other machines could connect to " +
          address + " without TLS or a token");
}

std::string ProcessDescription() {
  return "pid " + std::to_string(::getpid());
}

void LogLine(const std::string& text) {
  std::fprintf(stderr, "%s: %s\n", ProcessDescription().c_str(), text.c_str());
}

Status RunUntilEnd(runtime::RealLoop& loop, const std::function<Status()>& failure) {
  int signal = 0;
  const runtime::RealSignals signals(loop, [&](int number) {
    signal = number;
    loop.Stop();
  });
  loop.Run();
  return signal != 0 ? Interrupted(signal) : failure();
}

}  // namespace steelyard::cli
