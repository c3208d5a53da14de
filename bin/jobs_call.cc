// steelyard jobs call: run a function at the workers of a job.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cluster_call.h"
#include "command.h"
#include "output.h"
#include "steelyard/cluster.h"
#include "wire/member_messages.h"

namespace steelyard::cli {
namespace {

constexpr std::chrono::seconds kPatience{10};

Result<std::vector<MemberAnswer>> Call(const Values& values, const std::string& cluster,
                                       JobId job) {
  const auto worker = values.GetCount("worker", wire::kEveryMember, wire::kEveryMember - 1);
  if (!worker.ok()) return worker.status();
  auto connection = Cluster::Connect(cluster);
  if (!connection.ok()) return connection.status();
  const MemberCallOptions options{.after = {}, .patience = kPatience};
  const WorkerGroup group = WorkerGroup::OfJob(job);
  const std::string function = values.Get("function");
  const std::string arguments = values.Get("arguments");
  if (worker.value() == wire::kEveryMember)
    return connection.value().CallGroup(group, function, arguments, options).result.get();
  const auto number = static_cast<std::uint32_t>(worker.value());
  auto answer =
      connection.value().CallMember({group, number}, function, arguments, options).result.get();
  if (!answer.ok()) return answer.status();
  return std::vector<MemberAnswer>{
      {.member = number, .status = {}, .bytes = std::move(answer.value())}};
}

Status Run(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<JobId> job = JobOf(values);
  if (!job.ok()) return job.status();
  const auto called = Call(values, cluster.value(), job.value());
  if (!called.ok()) return called.status();
  const bool json = values.Switch("json");
  std::string text;
  std::vector<std::pair<std::uint32_t, std::string>> answers;
  Status failure;
  for (const MemberAnswer& answer : called.value()) {
    if (answer.status.ok()) {
      text += fmt::format("worker {}: {}\n", answer.member, answer.bytes);
      answers.emplace_back(answer.member, answer.bytes);
    } else if (failure.ok()) {
      failure = answer.status;
    }
  }
  // What the others said may be why one of them says nothing.
  if (!failure.ok() && !json && !text.empty()) SY_RETURN_IF_ERROR(PrintResult(text));
  if (!failure.ok()) return failure;
  return PrintResult(json ? AnswersJson(answers) + "\n" : text);
}

}  // namespace

Command JobsCallCommand() {
  return {
      .name = "jobs call",
      .summary = "Run a function at the workers of a running job",
      .options = {JobOption(),
                  {.name = "function",
                   .value = "FUNCTION",
                   .help = "progress, which every worker has, or one of a library that the workers "
                           "loaded (worker --updaters)",
                   .positional = true,
                   .required = true},
                  {.name = "arguments",
                   .value = "[ARGUMENTS]",
                   .help = "passed to the function as they are",
                   .positional = true},
                  ClusterOption(),
                  {.name = "worker",
                   .value = "N",
                   .help = "only this one of the job's workers, from 0",
                   .default_text = "all of them"},
                  {.name = "json", .help = "print one JSON object on standard output"}},
      .examples = {"steelyard jobs call 3 progress --cluster 127.0.0.1:4070"},
      .notes =
          "It runs once at each worker, beside the learning, and waits 10 s. When a worker does "
          "not answer, or\nits function fails, the command fails and names it; what the others "
          "answered is printed.",
      .run = Run};
}

}  // namespace steelyard::cli
