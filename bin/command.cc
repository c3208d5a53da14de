// The list of commands.
#include "command.h"

#include <algorithm>
#include <charconv>

namespace steelyard::cli {

std::string Values::Get(std::string_view name, std::string_view otherwise) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? std::string(otherwise) : found->second.back();
}

std::span<const std::string> Values::GetAll(std::string_view name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? std::span<const std::string>{} : found->second;
}

Result<std::uint64_t> Values::GetCount(std::string_view name, std::uint64_t otherwise,
                                       std::uint64_t max, std::uint64_t min) const {
  if (!Has(name)) return otherwise;
  const std::string text = Get(name);
  std::uint64_t count = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{} && stop == text.data() + text.size() && !text.empty() && count >= min &&
      count <= max)
    return count;
  return Status(StatusCode::kInvalidArgument,
                "--" + std::string(name) + " must be a whole number from " + std::to_string(min) +
                    " to " + std::to_string(max) + ", got " + (text.empty() ? "nothing" : text));
}

const std::vector<Command>& AllCommands() {
  static const std::vector<Command> commands = {
      TrainCommand(),     PredictCommand(),       EvaluateCommand(),    InspectCommand(),
      UpCommand(),        DownCommand(),          StatusCommand(),      TopCommand(),
      JobsLsCommand(),    JobsWaitCommand(),      JobsCancelCommand(),  JobsCallCommand(),
      TableLsCommand(),   TableDescribeCommand(), TableCreateCommand(), TableDumpCommand(),
      TableLoadCommand(), TableDropCommand(),     TableFreezeCommand(), TableStatCommand(),
      TableHotCommand(),  TableClocksCommand(),   ConvertCommand(),     DatagenCommand(),
      BenchCommand(),     HeadCommand(),          ServerCommand(),      WorkerCommand(),
      DoctorCommand(),    CompletionCommand(),    VersionCommand(),     HelpCommand(),
  };
  return commands;
}

const Command* FindCommand(std::string_view name) {
  const auto found = std::ranges::find(AllCommands(), name, &Command::name);
  return found == AllCommands().end() ? nullptr : &*found;
}

}  // namespace steelyard::cli
