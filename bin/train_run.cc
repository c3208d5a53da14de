// The life of a run: head, submitter, cluster, job, cluster's end.
#include "train_run.h"

#include <unistd.h>

#include <utility>

#include "child_processes.h"
#include "daemon.h"
#include "exit_code.h"
#include "interruption.h"
#include "runtime/real_signals.h"
#include "table_memory.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

// When the head lost a process, the kernel's word about its end follows within this time and says more.
constexpr auto kDeathNewsMax = 300ms;
// An interrupted run ends in order within this time, or else at once.
constexpr unsigned kOrderlyEndSeconds = 3;

// Threads of one process stop and go on together: silence between them means nothing.
coord::Membership::Options MembershipOptions(bool in_process) {
  coord::Membership::Options options;
  // The kernel tells of a child's death at once: silence only finds one that hangs, and a busy machine is silent too.
  options.dead_after = 5s;
  if (in_process) options.dead_after = options.reconnect_max = 24h;
  return options;
}

}  // namespace

TrainRun::TrainRun(Parts parts, job::JobPlan plan)
    : parts_(std::move(parts)),
      plan_(std::move(plan)),
      head_host_(loop_, parts_.parameters->in_process() ? &network_ : nullptr),
      submitter_host_(loop_, parts_.parameters->in_process() ? &network_ : nullptr),
      death_alarm_(loop_, [this] { EndCluster(); }) {}

TrainRun::~TrainRun() = default;

Status TrainRun::StartHead() {
  const Result<std::string> address = head_host_.Listen("head");
  if (!address.ok()) return address.status();
  head_address_ = address.value();
  transport::Transport& transport = head_host_.transport();
  head_ = std::make_unique<job::Head>(
      job::Head::Options{.cluster_id = transport.Random() | 1,
                         .incarnation = transport.Random(),
                         .listen_address = head_address_,
                         .membership = MembershipOptions(parts_.parameters->in_process())});
  head_host_.Start(*head_);
  return {};
}

Status TrainRun::StartCluster() {
  const std::size_t table_bytes_max =
      TableMemoryOfEach(parts_.parameters->memory_max, plan_.servers_min);
  if (parts_.parameters->in_process()) {
    cluster_ = MakeThreadCluster(loop_, network_, HandOverOpener(*parts_.input, *parts_.parameters),
                                 parts_.parameters->threads, table_bytes_max);
  } else {
    Result<RunDirectory> logs = RunDirectory::Make();
    if (!logs.ok()) return logs.status();
    logs_.emplace(std::move(logs.value()));
    Result<std::optional<data::StreamFeed>> stream = TakeStream(*parts_.input);
    if (!stream.ok()) return stream.status();
    cluster_ = MakeProcessCluster(loop_, *logs_,
                                  {.servers = parts_.parameters->server_count(),
                                   .workers = parts_.parameters->worker_count(),
                                   .threads = parts_.parameters->threads,
                                   .table_bytes_max = table_bytes_max,
                                   .on_death = [this](const Status& death) { OnChildDeath(death); },
                                   .stream = std::move(stream.value())});
  }
  return cluster_->Start(head_address_);
}

job::JobEvents TrainRun::Events() {
  job::JobEvents events;
  events.next_initial_rows = [this](std::vector<Key>& keys, std::vector<float>& rows) -> Status {
    parts_.initial->Next(keys, rows);
    return {};
  };
  events.on_status = [this](const wire::JobStatus& status) {
    outcome_.status = status;
    parts_.on_status(status);
  };
  events.on_first_row = [this] { parts_.saver->StartAgain(); };
  events.on_rows = [this](std::span<const Key> keys, std::span<const float> rows) {
    return parts_.saver->AddRows(keys, rows);
  };
  events.on_names = [this](const auto& names) { return parts_.saver->AddNames(names); };
  events.on_end = [this](const Status& status) { OnJobEnd(status); };
  return events;
}

void TrainRun::StartSubmitter() {
  submitter_ = std::make_unique<job::Submitter>(
      job::Submitter::Options{.head_address = head_address_,
                              .incarnation = submitter_host_.transport().Random(),
                              .description = ProcessDescription()},
      job::Submitter::Manner{}, std::move(plan_), Events());
  submitter_host_.Start(*submitter_);
}

void TrainRun::OnSignal(int signal) {
  const Status interrupted =
      Interrupted(signal, "no model was saved; an earlier one stays as it was");
  if (ended_) ::_exit(ExitCodeOf(interrupted));  // A second one. The kernel ends the children.
  EndAnywayAfter(kOrderlyEndSeconds, signal);
  submitter_->Cancel(submitter_host_.transport(), interrupted);
}

void TrainRun::OnChildDeath(const Status& death) {
  if (child_death_.has_value()) return;
  child_death_ = death;
  if (ended_) {
    EndCluster();
  } else {
    submitter_->Cancel(submitter_host_.transport(), death);
  }
}

void TrainRun::OnJobEnd(const Status& status) {
  ended_ = true;
  end_ = status;
  const bool wait_for_news =
      status.code() == StatusCode::kUnavailable && logs_.has_value() && !child_death_;
  if (wait_for_news) {
    death_alarm_.RingAt(loop_.now() + kDeathNewsMax);
  } else {
    loop_.Post([this] { EndCluster(); });  // Not from within the submitter's callback.
  }
}

void TrainRun::EndCluster() {
  if (std::exchange(ending_cluster_, true)) return;
  outcome_.peak_memory_bytes = PeakMemoryOf("self") + cluster_->PeakMemoryBytes();
  cluster_->End([this] { loop_.Stop(); });
}

Status TrainRun::WithLogs(const Status& status) const {
  if (child_death_.has_value() && status.code() == StatusCode::kUnavailable) return *child_death_;
  if (!logs_.has_value() || status.code() == StatusCode::kCancelled) return status;
  return Status(status.code(), status.message() + " (logs of the processes: " + logs_->path() + ")",
                status.where());
}

Result<TrainOutcome> TrainRun::Run() {
  const runtime::RealSignals signals(loop_, [this](int signal) { OnSignal(signal); });
  SY_RETURN_IF_ERROR(StartHead());
  SY_RETURN_IF_ERROR(StartCluster());
  StartSubmitter();
  loop_.Run();
  if (end_.ok()) return outcome_;
  if (logs_.has_value() && end_.code() != StatusCode::kCancelled) logs_->Keep();
  return WithLogs(end_);
}

}  // namespace steelyard::cli
