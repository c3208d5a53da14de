// steelyard jobs ls, cancel and wait: the jobs of a cluster.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "child_processes.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "cluster_train.h"
#include "command.h"
#include "daemon.h"
#include "interruption.h"
#include "job/scheduler.h"
#include "model_manifest.h"
#include "output.h"
#include "progress.h"
#include "submitter_run.h"
#include "train_report.h"

namespace steelyard::cli {

Option JobOption() {
  return {.name = "job",
          .value = "JOB",
          .help = "the job's number, as train --detach and jobs ls show it",
          .positional = true,
          .required = true};
}

Result<JobId> JobOf(const Values& values) {
  const auto id = values.GetCount("job", 0, std::numeric_limits<JobId>::max());
  if (id.ok() && id.value() != 0) return static_cast<JobId>(id.value());
  return Status(
      StatusCode::kInvalidArgument,
      "JOB must be a job's number, got " + values.Get("job") + " (steelyard jobs ls shows them)");
}

namespace {

Status RunLs(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const auto status = AskHead<wire::ClusterStatus>(cluster.value(), wire::ClusterGet{});
  if (!status.ok()) return status.status();
  const std::vector<wire::JobSummary>& jobs = status.value().jobs;
  if (values.Switch("json")) return PrintResult(JobsJson(cluster.value(), jobs) + "\n");
  return PrintResult(jobs.empty() ? "no jobs\n" : JobsText(jobs));
}

Result<wire::JobStatus> CancelJob(const std::string& cluster, JobId job) {
  return AskHead<wire::JobStatus>(
      cluster,
      wire::JobCancel{.job = job, .reason = "by steelyard jobs cancel, " + ProcessDescription()});
}

Status RunCancel(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<JobId> job = JobOf(values);
  if (!job.ok()) return job.status();
  const auto status = CancelJob(cluster.value(), job.value());
  if (!status.ok()) return status.status();
  if (values.Switch("json")) return PrintResult(JobJson(job.value(), status.value().state) + "\n");
  const bool done = status.value().state == wire::JobState::kDone;
  return PrintResult(fmt::format("job {} {}\n", job.value(),
                                 done ? "was done; its result is given up" : "is cancelled"));
}

/// Follows a job of somebody else and, if asked to, makes a model of its result.
class JobFollower {
 public:
  JobFollower(std::string cluster, JobId job, const Values& values)
      : cluster_(std::move(cluster)),
        job_(job),
        model_(values.Get("model")),
        quiet_(values.Switch("quiet")),
        progress_(quiet_) {}

  Status Follow() {
    job::JobEvents events;
    events.on_info = [this](const wire::JobInfo& info) { return OnInfo(info); };
    events.on_status = [this](const wire::JobStatus& status) {
      status_ = status;
      progress_.Show(SampleOf(parameters_, notes_.rows_trained, status));
    };
    events.on_waiting = [this](const std::string& what) { WaitLines(quiet_).Show(what); };
    events.on_first_row = [this] { saver_->StartAgain(); };
    events.on_rows = [this](auto keys, auto rows) { return saver_->AddRows(keys, rows); };
    events.on_names = [this](const auto& names) { return saver_->AddNames(names); };
    const SubmitterEnd end = RunSubmitter(
        cluster_,
        {.start_max = std::chrono::hours(24 * 365), .follow = job_, .fetch = !model_.empty()}, {},
        std::move(events), "the job goes on");
    progress_.Clear();
    return end.status;
  }

  Result<TrainReport> Save() {
    TrainReport report = ReportOf(parameters_, status_);
    report.servers = servers_;
    checkpoint::ModelManifest manifest =
        ManifestOf(parameters_, notes_.format, notes_.keys_are_ids);
    manifest.metrics = MetricsOf(report);
    IgnoreSignals();  // What is done is saved.
    SY_RETURN_IF_ERROR(saver_->Commit(std::move(manifest)));
    // The cluster may forget it now. If it does not hear of that, jobs cancel says it again.
    (void)CancelJob(cluster_, job_);
    report.features = saver_->row_count();
    report.nonzeros = saver_->nonzeros();
    report.peak_memory_bytes = PeakMemoryOf("self") + status_.earlier.peak_memory_bytes /
                                                          (std::uint64_t{status_.pass} + 1);
    report.model = model_;
    return report;
  }

 private:
  Status OnInfo(const wire::JobInfo& info) {
    auto parameters = job::FromPairs(info.parameters);
    if (!parameters.ok()) return parameters.status();
    parameters_ = std::move(parameters.value());
    servers_ = info.view.owners.size();
    const Result<InputNotes> notes = FromNotes(info.notes);
    if (!notes.ok()) return notes.status();
    notes_ = notes.value();
    if (model_.empty()) return {};
    if (!info.detached) {
      return Status(StatusCode::kInvalidArgument,
                    "the model of job " + std::to_string(job_) +
                        " goes to who submitted it; leave out --model");
    }
    TableOptions table = info.view.spec.options;
    table.name = kWeightsTable;
    saver_.emplace(model_, table);
    return {};
  }

  const std::string cluster_;
  const JobId job_;
  const std::string model_;
  const bool quiet_;
  Progress progress_;
  job::TrainParameters parameters_;
  InputNotes notes_;
  std::uint64_t servers_ = 0;
  wire::JobStatus status_;
  std::optional<ModelSaver> saver_;
};

Status RunWait(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<JobId> job = JobOf(values);
  if (!job.ok()) return job.status();
  const bool json = values.Switch("json");
  if (values.Has("model")) SY_RETURN_IF_ERROR(ModelSaver::CheckPlace(values.Get("model")));
  JobFollower follower(cluster.value(), job.value(), values);
  SY_RETURN_IF_ERROR(follower.Follow());
  if (!values.Has("model")) {
    return PrintResult(json ? JobJson(job.value(), wire::JobState::kDone) + "\n"
                            : fmt::format("job {} is done\n", job.value()));
  }
  const Result<TrainReport> report = follower.Save();
  if (!report.ok()) return report.status();
  return PrintResult(json ? TrainJson(report.value()) + "\n" : TrainText(report.value()));
}

}  // namespace

Command JobsLsCommand() {
  return {.name = "jobs ls",
          .summary = "List the jobs of a cluster",
          .options = {ClusterOption(),
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard jobs ls --cluster 127.0.0.1:4070"},
          .run = RunLs};
}

Command JobsCancelCommand() {
  return {.name = "jobs cancel",
          .summary = "End a job, or give up the result of one that is done",
          .options = {JobOption(),
                      ClusterOption(),
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard jobs cancel 3 --cluster 127.0.0.1:4070"},
          .run = RunCancel};
}

Command JobsWaitCommand() {
  return {
      .name = "jobs wait",
      .summary = "Follow a job until it is done, and fetch the model of a detached one",
      .options = {JobOption(),
                  ClusterOption(),
                  {.name = "model",
                   .value = "DIR",
                   .help = "save the model of a detached job here; the cluster then forgets it",
                   .default_text = "the result stays with the cluster"},
                  {.name = "json", .help = "print one JSON object on standard output at the end"},
                  {.name = "quiet", .help = "no progress on standard error"}},
      .examples = {"steelyard jobs wait 3 --cluster 127.0.0.1:4070 --model clicks"},
      .notes =
          "Ctrl-C ends the waiting, not the job. The exit code is that of the job when it failed.",
      .run = RunWait};
}

}  // namespace steelyard::cli
