// A child, a log, and the loop that waits for its end.
#include "own_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "child_processes.h"
#include "exit_code.h"
#include "interruption.h"
#include "straggler.h"

namespace steelyard::cli {
namespace {

using namespace std::chrono_literals;

// A train command that is told to end does so within three seconds.
constexpr auto kGrace = 4s;
constexpr unsigned kOrderlyEndSeconds = 6;
constexpr std::size_t kReportBytesMax = std::size_t{64} << 20;

/// What a failed command said of its failure: the line of ReportFailure().
std::string ComplaintIn(const std::string& log_path) {
  constexpr std::string_view kPrefix = "steelyard: ";
  std::ifstream log(log_path, std::ios::binary);
  for (std::string line; std::getline(log, line);) {
    if (line.starts_with(kPrefix)) return line.substr(kPrefix.size());
  }
  return {};
}

}  // namespace

OwnCommands::OwnCommands(const RunDirectory& scratch)
    : scratch_(scratch), signals_(loop_, [this](int signal) { OnSignal(signal); }) {}

void OwnCommands::OnSignal(int signal) {
  if (std::exchange(signal_, signal) != 0) ::_exit(ExitCodeOf(Interrupted(signal)));
  EndAnywayAfter(kOrderlyEndSeconds, signal);
  if (running_ != nullptr) running_->Terminate(kGrace);
}

Result<std::string> OwnCommands::Run(const std::vector<std::string>& arguments,
                                     std::uint64_t* stops) {
  const std::string log_path = scratch_.LogPath("run");
  std::error_code ignored;  // There may be none yet.
  std::filesystem::remove(log_path, ignored);
  runtime::ProcessOptions options{.argv = {OwnBinary()}, .log_path = log_path};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  runtime::ProcessEnd end;
  const auto process =
      runtime::RealProcess::Spawn(loop_, options, [&](const runtime::ProcessEnd& ended) {
        end = ended;
        loop_.Stop();
      });
  if (!process.ok()) return process.status();
  running_ = process.value().get();
  std::optional<Straggler> straggler;
  if (stops != nullptr) straggler.emplace(loop_, running_->pid());
  loop_.Run();
  running_ = nullptr;
  if (straggler) *stops = straggler->stops();
  if (signal_ != 0) return Interrupted(signal_);
  if (!end.by_signal && end.number == kExitOk) return LastLine(log_path, kReportBytesMax);
  const std::string complaint = ComplaintIn(log_path);
  return Status(end.by_signal ? StatusCode::kUnavailable : StatusCodeOf(end.number),
                complaint.empty() ? end.Describe() : complaint,
                fmt::format("steelyard {}", fmt::join(arguments, " ")));
}

}  // namespace steelyard::cli
