// steelyard status and top: what a cluster consists of and does.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "output.h"

namespace steelyard::cli {
namespace {

constexpr auto kRefreshEvery = std::chrono::seconds(1);
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

Status Run(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const auto status = AskHead<wire::ClusterStatus>(cluster.value(), wire::ClusterGet{});
  if (!status.ok()) return status.status();
  return PrintResult(values.Switch("json") ? StatusJson(cluster.value(), status.value()) + "\n"
                                           : StatusText(cluster.value(), status.value()));
}

Status RunTop(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  if (::isatty(STDOUT_FILENO) != 1) {
    return Status(StatusCode::kInvalidArgument,
                  "top rewrites a terminal, and standard output is none; use steelyard status");
  }
  for (;;) {
    const auto status = AskHead<wire::ClusterStatus>(cluster.value(), wire::ClusterGet{});
    if (!status.ok()) return status.status();
    const std::string text =
        kClearScreen + StatusText(cluster.value(), status.value()) + "\nCtrl-C ends this view.\n";
    SY_RETURN_IF_ERROR(PrintResult(text));
    std::this_thread::sleep_for(kRefreshEvery);
  }
}

}  // namespace

Command StatusCommand() {
  return {.name = "status",
          .summary = "Show the nodes, tables and jobs of a cluster",
          .options = {ClusterOption(),
                      {.name = "json", .help = "print one JSON object on standard output"}},
          .examples = {"steelyard status --cluster 127.0.0.1:4070"},
          .notes = "Rows and memory of tables are about a second old.",
          .run = Run};
}

Command TopCommand() {
  return {.name = "top",
          .summary = "Show the status of a cluster on the terminal, every second",
          .options = {ClusterOption()},
          .examples = {"steelyard top --cluster 127.0.0.1:4070"},
          .run = RunTop};
}

}  // namespace steelyard::cli
