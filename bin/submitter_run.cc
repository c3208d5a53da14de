// A loop, a connection and the signals.
#include "submitter_run.h"

#include <unistd.h>

#include <utility>

#include "daemon.h"
#include "exit_code.h"
#include "hosted_node.h"
#include "interruption.h"
#include "runtime/real_loop.h"
#include "runtime/real_signals.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {
namespace {

constexpr unsigned kOrderlyEndSeconds = 3;

}  // namespace

SubmitterEnd RunSubmitter(const std::string& head_address, const job::Submitter::Manner& manner,
                          job::JobPlan plan, job::JobEvents events,
                          const std::string& after_signal) {
  runtime::RealLoop loop;
  HostedNode host;
  transport::TcpTransport transport(loop, host, {.same_host_names = true});
  SubmitterEnd end;
  bool interrupted = false;
  events.on_end = [&](const Status& status) {
    end.status = status;
    loop.Post([&loop] { loop.Stop(); });  // Not from within the submitter's callback.
  };
  job::Submitter submitter({.head_address = head_address,
                            .incarnation = transport.Random(),
                            .description = ProcessDescription()},
                           manner, std::move(plan), std::move(events));
  host.Host(submitter, nullptr);
  const runtime::RealSignals signals(loop, [&](int signal) {
    const Status status = Interrupted(signal, after_signal);
    if (std::exchange(interrupted, true)) ::_exit(ExitCodeOf(status));
    EndAnywayAfter(kOrderlyEndSeconds, signal);
    submitter.Cancel(transport, status);
  });
  transport.Start();
  loop.Run();
  end.job = submitter.job();
  // A job that somebody else cancelled is no interruption of this command.
  if (!interrupted && end.status.code() == StatusCode::kCancelled) {
    end.status = Status(StatusCode::kUnavailable, "the job was cancelled: " + end.status.message(),
                        end.status.where());
  }
  return end;
}

}  // namespace steelyard::cli
