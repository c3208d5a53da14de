// Absolute paths, a table name of its own, and a submitter's events.
#include "cluster_train.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <random>
#include <utility>

#include "child_processes.h"
#include "cluster_call.h"
#include "data/input_files.h"
#include "submitter_run.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstWord = 1s;
constexpr auto kHeadMax = 30s;
// A job on a cluster waits for its turn, however long; it can be cancelled.
constexpr runtime::Duration kStartMax = std::chrono::hours(24 * 365);

constexpr const char* kFormatNote = "data-format";
constexpr const char* kIdsNote = "keys-are-ids";
constexpr const char* kRowsNote = "rows-trained";

// Workers run in folders of their own.
Status MakeAbsolute(std::string& path) {
  std::error_code error;
  path = std::filesystem::absolute(path, error);
  if (error) return Status(StatusCode::kIoError, "no current directory: " + error.message(), path);
  return {};
}

// The very files, because shards name them by their place in the list: elsewhere a pattern may match others.
Status NameFiles(std::vector<std::string>& paths) {
  Result<std::vector<std::string>> files = data::ExpandPaths(paths);
  if (!files.ok()) return files.status();
  paths = std::move(files.value());
  for (std::string& path : paths) SY_RETURN_IF_ERROR(MakeAbsolute(path));
  return {};
}

// Jobs of several submitters have tables of different names.
std::string UniqueName(const std::string& base) {
  std::random_device device;
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, device(), 36).ptr;
  return base + "-" + std::string(digits, end);
}

Result<wire::ClusterStatus> WaitForHead(const job::TrainParameters& parameters) {
  auto status = AskHead<wire::ClusterStatus>(parameters.cluster, wire::ClusterGet{}, kFirstWord);
  if (status.ok() || status.status().code() != StatusCode::kUnavailable) return status;
  // HeadCall's message without its time: this is no error yet.
  const std::string& message = status.status().message();
  const std::size_t reason = std::min(message.find(": "), message.size());
  WaitLines(parameters.quiet)
      .Show("waiting for the head at " + parameters.cluster + message.substr(reason));
  return AskHead<wire::ClusterStatus>(parameters.cluster, wire::ClusterGet{}, kHeadMax);
}

job::JobEvents EventsFor(const TrainRun::Parts& parts, TrainOutcome& outcome) {
  job::JobEvents events;
  events.next_initial_rows = [&parts](std::vector<Key>& keys, std::vector<float>& rows) -> Status {
    parts.initial->Next(keys, rows);
    return {};
  };
  events.on_status = [&parts, &outcome](const wire::JobStatus& status) {
    outcome.status = status;
    parts.on_status(status);
  };
  events.on_waiting = [quiet = parts.parameters->quiet](const std::string& what) {
    WaitLines(quiet).Show(what);
  };
  events.on_first_row = [&parts] { parts.saver->StartAgain(); };
  events.on_rows = [&parts](std::span<const Key> keys, std::span<const float> rows) {
    return parts.saver->AddRows(keys, rows);
  };
  events.on_names = [&parts](const auto& names) { return parts.saver->AddNames(names); };
  return events;
}

}  // namespace

Result<std::uint64_t> PrepareForCluster(job::TrainParameters& parameters) {
  const Result<wire::ClusterStatus> status = WaitForHead(parameters);
  if (!status.ok()) return status.status();
  const auto count = [&](wire::Role role) {
    return static_cast<std::uint64_t>(
        std::ranges::count(status.value().nodes, role, &wire::NodeStatus::role));
  };
  if (parameters.workers == 0)
    parameters.workers = std::max<std::uint64_t>(count(wire::Role::kWorker), 1);
  SY_RETURN_IF_ERROR(NameFiles(parameters.data));
  if (!parameters.valid.empty()) SY_RETURN_IF_ERROR(NameFiles(parameters.valid));
  if (parameters.cache != job::kNoCache) SY_RETURN_IF_ERROR(MakeAbsolute(parameters.cache));
  return std::max(count(wire::Role::kServer), parameters.server_count());
}

Result<TrainOutcome> RunOnCluster(const TrainRun::Parts& parts, job::JobPlan plan) {
  plan.table.name = UniqueName(plan.table.name);
  TrainOutcome outcome;
  const SubmitterEnd end =
      RunSubmitter(parts.parameters->cluster, {.start_max = kStartMax}, std::move(plan),
                   EventsFor(parts, outcome),
                   "the job is cancelled and no model was saved; an earlier one stays as it was");
  if (!end.status.ok()) return end.status;
  const wire::WorkSums& work = outcome.status.earlier;
  outcome.peak_memory_bytes =
      PeakMemoryOf("self") + work.peak_memory_bytes / (std::uint64_t{outcome.status.pass} + 1);
  return outcome;
}

Result<JobId> LeaveWithCluster(const TrainRun::Parts& parts, job::JobPlan plan) {
  if (!parts.initial->names().empty()) {
    return Status(StatusCode::kInvalidArgument,
                  "the names that the model of --init keeps cannot be left with a cluster; leave "
                  "out --detach",
                  parts.parameters->init);
  }
  plan.table.name = UniqueName(plan.table.name);
  plan.detached = true;
  plan.notes = ToNotes(*parts.input);
  TrainOutcome outcome;
  const SubmitterEnd end =
      RunSubmitter(parts.parameters->cluster, {.start_max = kStartMax}, std::move(plan),
                   EventsFor(parts, outcome), "no job was submitted");
  if (!end.status.ok()) return end.status;
  return end.job;
}

wire::Parameters ToNotes(const TrainInput& input) {
  return {{kFormatNote, std::string(job::FormatName(input.format))},
          {kIdsNote, input.keys_are_ids ? "true" : "false"},
          {kRowsNote, std::to_string(input.rows_trained)}};
}

Result<InputNotes> FromNotes(const wire::Parameters& notes) {
  InputNotes input;
  bool ok = true;
  for (const auto& [name, text] : notes) {
    if (name == kFormatNote) {
      job::TrainParameters parameters;
      ok &= job::SetParameter(*job::FindTrainParameter("format"), text, parameters).ok();
      input.format = parameters.format;
    } else if (name == kIdsNote) {
      input.keys_are_ids = text == "true";
    } else if (name == kRowsNote) {
      const auto [stop, error] =
          std::from_chars(text.data(), text.data() + text.size(), input.rows_trained);
      ok &= error == std::errc{} && stop == text.data() + text.size();
    }
  }
  if (ok) return input;
  return Status(StatusCode::kBadData, "the job's notes are not those of this program's train");
}

void WaitLines::Show(const std::string& what) const {
  if (quiet_ || what.empty()) return;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;  // Progress may be shown in this line.
  std::fprintf(stderr, "%ssteelyard: %s\n", terminal ? "\r\x1b[K" : "", what.c_str());
}

}  // namespace steelyard::cli
