// Command: a subcommand as the table of commands, the parser, the help and the reference page see it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "steelyard/status.h"

namespace steelyard::cli {

/// One flag or positional argument of a command.
struct Option {
  std::string name{};          ///< "model" is typed --model; a positional's name is only a label.
  std::string value{};         ///< What stands for the value in help: "DIR"; empty for a switch.
  std::string group{};         ///< Heading in help.
  std::string help{};          ///< One line, no full stop.
  std::string range{};         ///< Accepted values; may be empty.
  std::string default_text{};  ///< May be empty.
  bool positional = false;
  bool repeated = false;  ///< May be given several times; otherwise the last one counts.
  bool required = false;
  bool hidden = false;  ///< Not shown: for processes that other commands start.
};

/// What was typed: texts by option name, without defaults. A switch that was given holds "true".
class Values {
 public:
  bool Has(std::string_view name) const { return texts_.find(name) != texts_.end(); }
  /// The last text of `name`, or `otherwise` when it was not given.
  std::string Get(std::string_view name, std::string_view otherwise = {}) const;
  std::span<const std::string> GetAll(std::string_view name) const;
  bool Switch(std::string_view name) const { return Get(name) == "true"; }
  /// The whole number that `name` holds, or `otherwise` when it was not given.
  /// Errors: kInvalidArgument  not a whole number from `min` to `max`.
  Result<std::uint64_t> GetCount(std::string_view name, std::uint64_t otherwise, std::uint64_t max,
                                 std::uint64_t min = 0) const;
  void Add(std::string_view name, std::string text) {
    texts_[std::string(name)].push_back(std::move(text));
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> texts_;
};

/// A subcommand. Plain values; made by one function a command, listed in command_table.cc.
struct Command {
  std::string name{};     ///< "train", "table dump".
  std::string summary{};  ///< One line, no full stop.
  std::vector<Option> options{};
  std::vector<std::string> examples{};
  std::string notes{};  ///< A paragraph below the flags; may be empty.
  /// Do it. A failure is reported and turned into an exit code by main().
  Status (*run)(const Values& values) = nullptr;
};

// One function per file of that name.
Command TrainCommand();
Command PredictCommand();
Command EvaluateCommand();
Command InspectCommand();
Command TableDumpCommand();
Command TableLsCommand();
Command TableDescribeCommand();
Command TableCreateCommand();
Command TableLoadCommand();
Command TableDropCommand();
Command TableFreezeCommand();
Command TableStatCommand();
Command TableHotCommand();
Command TableClocksCommand();
Command ConvertCommand();
Command DatagenCommand();
Command BenchCommand();
Command VersionCommand();
Command HelpCommand();
Command DoctorCommand();
Command CompletionCommand();
Command UpCommand();
Command DownCommand();
Command StatusCommand();
Command TopCommand();
Command JobsLsCommand();
Command JobsWaitCommand();
Command JobsCancelCommand();
Command JobsCallCommand();
Command HeadCommand();
Command ServerCommand();
Command WorkerCommand();

/// Every command, in the order of help.
const std::vector<Command>& AllCommands();

/// Return the command called `name`, or nullptr.
const Command* FindCommand(std::string_view name);

}  // namespace steelyard::cli
