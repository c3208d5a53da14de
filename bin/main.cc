// The steelyard binary: finds the command, parses its arguments, runs it, reports how it ended.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/near_miss.h"
#include "command.h"
#include "command_line.h"
#include "error_report.h"
#include "exit_code.h"
#include "help.h"
#include "interruption.h"
#include "output.h"

namespace steelyard::cli {
namespace {

// Take the command's one or two words from the front of `arguments`.
const Command* TakeCommand(std::vector<std::string>& arguments) {
  for (const std::size_t words : {2, 1}) {
    if (arguments.size() < words) continue;
    const std::string name = words == 2 ? arguments[0] + " " + arguments[1] : arguments[0];
    const Command* command = FindCommand(name);
    if (command == nullptr) continue;
    arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(words));
    return command;
  }
  return nullptr;
}

Status UnknownCommand(const std::vector<std::string>& arguments) {
  std::vector<std::string_view> names;
  std::string continued;  // "table dump" when "table" was typed.
  for (const Command& command : AllCommands()) {
    names.push_back(command.name);
    if (command.name.starts_with(arguments[0] + " "))
      continued += (continued.empty() ? "" : ", ") + command.name;
  }
  if (!continued.empty()) {
    const std::string typed = arguments.size() > 1
                                  ? "unknown command '" + arguments[0] + " " + arguments[1] + "'"
                                  : "'" + arguments[0] + "' needs a second word";
    return Status(StatusCode::kInvalidArgument, typed + "; there is: " + continued);
  }
  const bool flag = arguments[0].starts_with('-');
  if (flag) names = {"--help", "--version"};
  return Status(StatusCode::kInvalidArgument,
                (flag ? "unknown flag " : "unknown command '") + arguments[0] + (flag ? "" : "'") +
                    DidYouMean(arguments[0], names) + " (steelyard --help lists the commands)");
}

int Print(const std::string& text) {
  if (PrintOut(text)) return kExitOk;
  return ReportFailure(Status(StatusCode::kIoError, "cannot write", "standard output"), {}, false);
}

int Run(std::vector<std::string> arguments) {
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  EndOnSignals(json);
  if (arguments.empty()) {
    std::fputs(OverviewText().c_str(), stderr);
    return kExitUsage;
  }
  if (arguments[0] == "-h" || arguments[0] == "--help") return Print(OverviewText());
  if (arguments[0] == "--version") arguments[0] = "version";
  const Command* command = TakeCommand(arguments);
  if (command == nullptr) return ReportFailure(UnknownCommand(arguments), {}, json);
  if (AsksForHelp(arguments)) return Print(CommandText(*command));
  const Result<Values> values = ParseCommandLine(*command, arguments);
  if (!values.ok()) return ReportFailure(values.status(), command->name, json);
  const Status status = command->run(values.value());
  return status.ok() ? kExitOk : ReportFailure(status, command->name, json);
}

}  // namespace
}  // namespace steelyard::cli

int main(int argument_count, char** arguments) {
  return steelyard::cli::Run(std::vector<std::string>(arguments + 1, arguments + argument_count));
}
