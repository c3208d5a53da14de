// Two columns for terminals, tables for Markdown.
#include "help.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "exit_code.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kLeftColumns = 28;
constexpr std::size_t kColumns = 96;

constexpr std::array<std::pair<int, const char*>, 8> kExitCodes = {{
    {kExitOk, "it worked"},
    {kExitFailed, "failed: the system refused something (disk full, no permission)"},
    {kExitUsage, "usage: an unknown flag or command, a value out of range"},
    {kExitBadData,
     "bad data: a missing, empty, binary or broken input, a label or column that does not fit"},
    {kExitUnavailable,
     "unavailable: a process died or cannot be reached, a port is in use, a reader is not built "
     "in"},
    {kExitTryAgain, "try again: a limit or deadline was reached"},
    {kExitInterrupted, "interrupted by Ctrl-C"},
    {kExitTerminated, "ended by SIGTERM"},
}};

std::string Left(const Option& option) {
  if (option.positional) return option.value;
  return option.value.empty() ? "--" + option.name : "--" + option.name + " " + option.value;
}

// "what it is for (> 0; default 0.1)".
std::string Right(const Option& option) {
  std::string notes = option.range;
  if (option.repeated && !option.positional)
    notes += (notes.empty() ? "" : "; ") + std::string("may be repeated");
  if (option.required && !option.positional)
    notes += (notes.empty() ? "" : "; ") + std::string("required");
  if (!option.default_text.empty())
    notes += (notes.empty() ? "" : "; ") + ("default: " + option.default_text);
  return notes.empty() ? option.help : fmt::format("{} ({})", option.help, notes);
}

// Append `left` and `right` as two columns, `right` wrapped at words.
void AppendRow(std::string& text, const std::string& left, std::string_view right) {
  std::string line = "  " + left;
  if (line.size() + 2 > kLeftColumns) {
    text += line + "\n";
    line.clear();
  }
  line.resize(kLeftColumns, ' ');
  while (line.size() + right.size() > kColumns) {
    std::size_t cut = right.rfind(' ', kColumns - line.size());
    if (cut == std::string_view::npos || cut == 0) cut = right.find(' ');
    if (cut == std::string_view::npos) break;
    text += line + std::string(right.substr(0, cut)) + "\n";
    right.remove_prefix(cut + 1);
    line.assign(kLeftColumns, ' ');
  }
  text += line + std::string(right) + "\n";
}

std::string Usage(const Command& command) {
  std::string usage = "steelyard " + command.name;
  bool flags = false;
  for (const Option& option : command.options) {
    if (option.hidden) continue;
    if (option.positional || option.required) {
      usage += " " + Left(option);
    } else {
      flags = true;
    }
  }
  return usage + (flags ? " [flags]" : "");
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void AppendCommandPage(std::string& page, const Command& command) {
  page += fmt::format("\n## steelyard {}\n\n{}.\n\n```\n{}\n```\n", command.name, command.summary,
                      Usage(command));
  std::string group;
  for (const Option& option : command.options) {
    if (option.hidden) continue;
    if (option.group != group || &option == command.options.data()) {
      group = option.group;
      page += fmt::format("\n| {} | | accepts | default |\n|---|---|---|---|\n",
                          group.empty() ? "Flags" : group);
    }
    page += fmt::format("| `{}` | {}{} | {} | {} |\n", Escaped(Left(option)), Escaped(option.help),
                        option.repeated && !option.positional ? "; may be repeated" : "",
                        Escaped(option.range),
                        Escaped(option.required ? "required" : option.default_text));
  }
  if (!command.notes.empty()) page += "\n" + command.notes + "\n";
  if (command.examples.empty()) return;
  page += "\n```\n";
  for (const std::string& example : command.examples) page += example + "\n";
  page += "```\n";
}

}  // namespace

std::string OverviewText() {
  std::string text =
      "Steelyard: a parameter server that trains sparse models on one machine or many.\n\n"
      "Usage: steelyard COMMAND [arguments]\n\nCommands\n";
  for (const Command& command : AllCommands()) {
    AppendRow(text, command.name, command.summary);
  }
  text += "\nExit codes\n";
  for (const auto& [code, meaning] : kExitCodes) AppendRow(text, std::to_string(code), meaning);
  text += "\nsteelyard COMMAND --help shows the arguments of one command.\n";
  return text;
}

std::string CommandText(const Command& command) {
  std::string text = fmt::format("{}.\n\nUsage: {}\n", command.summary, Usage(command));
  std::string group;
  for (const Option& option : command.options) {
    if (option.hidden) continue;
    if (option.group != group || &option == command.options.data()) {
      group = option.group;
      text += fmt::format("\n{}\n", group.empty() ? "Flags" : group);
    }
    AppendRow(text, Left(option), Right(option));
  }
  if (!command.notes.empty()) text += "\n" + command.notes + "\n";
  if (!command.examples.empty()) text += "\nExamples\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  return text;
}

std::string ReferencePage() {
  std::string page =
      "# The command line\n\n"
      "Written by `steelyard help --markdown` from the tables in the code; a test compares the "
      "two.\n\n"
      "| command | |\n|---|---|\n";
  for (const Command& command : AllCommands()) {
    page += fmt::format("| `steelyard {}` | {} |\n", command.name, Escaped(command.summary));
  }
  page +=
      "\nResults go to standard output; progress and errors go to standard error. With `--json` a "
      "command prints one\n"
      "JSON object on standard output at its end, also when it fails:\n"
      "`{\"status\":\"error\",\"code\":65,\"message\":\"...\",\"where\":\"...\"}`.\n\n"
      "| exit code | |\n|---|---|\n";
  for (const auto& [code, meaning] : kExitCodes)
    page += fmt::format("| {} | {} |\n", code, meaning);
  for (const Command& command : AllCommands()) {
    AppendCommandPage(page, command);
  }
  return page;
}

}  // namespace steelyard::cli
