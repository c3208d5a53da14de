// The only file that includes CLI11: it splits words; names, ranges and messages are ours.
#include "command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>

#include "base/near_miss.h"

namespace steelyard::cli {
namespace {

Status Refuse(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

Status UnknownFlag(const Command& command, std::string_view typed) {
  std::string_view name = typed;
  while (name.starts_with('-')) name.remove_prefix(1);
  name = name.substr(0, name.find('='));
  std::vector<std::string_view> known;
  for (const Option& option : command.options) {
    if (!option.positional) known.push_back(option.name);
  }
  known.push_back("help");
  return Refuse("unknown flag " + std::string(typed.substr(0, typed.find('='))) +
                DidYouMean(name, known, "--") + " (steelyard " + command.name +
                " --help lists them)");
}

// The last word is a flag whose value is missing.
Status MissingValue(const Command& command, const std::vector<std::string>& arguments,
                    const char* otherwise) {
  for (const Option& option : command.options) {
    if (!arguments.empty() && !option.value.empty() && arguments.back() == "--" + option.name) {
      return Refuse("--" + option.name + " needs a value: --" + option.name + " " + option.value);
    }
  }
  return Refuse(otherwise);
}

Status CheckArguments(const Command& command, const CLI::App& app, const Values& values) {
  for (const std::string& extra : app.remaining()) {
    if (extra == "--") continue;  // What follows it is never a flag.
    if (extra.size() > 1 && extra.front() == '-') return UnknownFlag(command, extra);
    return Refuse("unexpected argument '" + extra + "' (steelyard " + command.name +
                  " --help shows the usage)");
  }
  for (const Option& option : command.options) {
    if (!option.required || values.Has(option.name)) continue;
    return Refuse((option.positional ? option.value : "--" + option.name + " " + option.value) +
                  " is missing (steelyard " + command.name + " --help shows the usage)");
  }
  return {};
}

}  // namespace

Result<Values> ParseCommandLine(const Command& command, const std::vector<std::string>& arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const auto ignore = [](const CLI::results_t&) { return true; };
  std::map<std::string, CLI::Option*> declared;
  for (const Option& option : command.options) {
    CLI::Option* known = nullptr;
    if (option.positional) {
      known = app.add_option(option.name, ignore)->expected(option.repeated ? -1 : 1);
    } else if (option.value.empty()) {
      known = app.add_flag("--" + option.name);
    } else {
      known = app.add_option("--" + option.name, ignore)->expected(1);
    }
    known->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    declared[option.name] = known;
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(),
                                      arguments.rend());  // As CLI11 wants them.
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return MissingValue(command, arguments, error.what());
  }
  Values values;
  for (const auto& [name, option] : declared) {
    for (const std::string& text : option->results()) values.Add(name, text);
  }
  SY_RETURN_IF_ERROR(CheckArguments(command, app, values));
  return values;
}

bool AsksForHelp(const std::vector<std::string>& arguments) {
  const auto end = std::ranges::find(arguments, "--");
  return std::any_of(arguments.begin(), end,
                     [](const std::string& word) { return word == "-h" || word == "--help"; });
}

}  // namespace steelyard::cli
