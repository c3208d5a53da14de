// steelyard completion: what a shell needs to complete commands and flags, made from the table of commands.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "command.h"
#include "output.h"

namespace steelyard::cli {
namespace {

/// The words of an option's range "a | b | c", or nothing.
std::vector<std::string> ChoicesOf(const Option& option) {
  std::vector<std::string> choices;
  if (option.range.find(" | ") == std::string::npos) return choices;
  std::size_t first = 0;
  while (first < option.range.size()) {
    const std::size_t end = std::min(option.range.find(" | ", first), option.range.size());
    choices.push_back(option.range.substr(first, end - first));
    first = end + 3;
  }
  return choices;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<const Option*> FlagsOf(const Command& command) {
  std::vector<const Option*> flags;
  for (const Option& option : command.options) {
    if (!option.positional && !option.hidden) flags.push_back(&option);
  }
  return flags;
}

/// The first words of all commands; with `first`, the second words of its commands.
std::vector<std::string> WordsAfter(const std::string& first) {
  std::vector<std::string> words;
  for (const Command& command : AllCommands()) {
    const std::size_t space = command.name.find(' ');
    std::string word;
    if (first.empty()) word = command.name.substr(0, space);
    if (!first.empty() && command.name.starts_with(first + " "))
      word = command.name.substr(space + 1);
    if (!word.empty() && std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

bool HasSecondWord(const std::string& first) {
  return !WordsAfter(first).empty();
}

// For text between single quotes in a shell.
std::string Quoted(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted;
}

std::string BashScript() {
  std::string text =
      "# Completion of steelyard for bash: source <(steelyard completion bash)\n"
      "_steelyard() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flags='' second=''\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n";
  text +=
      fmt::format("    COMPREPLY=($(compgen -W '{} --help --version' -- \"$cur\")); return\n  fi\n",
                  Joined(WordsAfter("")));
  text += "  case ${COMP_WORDS[1]} in\n";
  for (const std::string& first : WordsAfter("")) {
    if (HasSecondWord(first))
      text += fmt::format("    {}) second='{}' ;;\n", first, Joined(WordsAfter(first)));
  }
  text +=
      "  esac\n"
      "  if [[ -n $second ]] && ((COMP_CWORD == 2)); then\n"
      "    COMPREPLY=($(compgen -W \"$second\" -- \"$cur\")); return\n  fi\n"
      "  case \"${COMP_WORDS[1]}${second:+ ${COMP_WORDS[2]}}\" in\n";
  for (const Command& command : AllCommands()) {
    std::vector<std::string> flags;
    std::string choices;
    for (const Option* flag : FlagsOf(command)) {
      flags.push_back("--" + flag->name);
      const auto words = ChoicesOf(*flag);
      if (!words.empty()) {
        choices +=
            fmt::format("        --{}) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n",
                        flag->name, Quoted(Joined(words)));
      }
    }
    flags.emplace_back("--help");
    text += fmt::format("    '{}') flags='{}'\n", command.name, Joined(flags));
    if (!choices.empty()) text += "      case $prev in\n" + choices + "      esac\n";
    text += "      ;;\n";
  }
  return text +
         "  esac\n"
         "  if [[ $cur == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _steelyard steelyard\n";
}

// In zsh's _arguments, brackets and colons have a meaning.
std::string ZshText(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') escaped += '\\';
    escaped += c;
  }
  return Quoted(escaped);
}

std::string ZshArguments(const Command& command) {
  std::string text;
  for (const Option* flag : FlagsOf(command)) {
    std::string action;
    if (!flag->value.empty()) {
      const auto words = ChoicesOf(*flag);
      action = fmt::format(":{}:{}", ZshText(flag->value),
                           words.empty() ? "_files" : "(" + Quoted(Joined(words)) + ")");
    }
    text += fmt::format(" \\\n        '{}--{}[{}]{}'", flag->repeated ? "*" : "", flag->name,
                        ZshText(flag->help), action);
  }
  return "_arguments '--help[show the arguments]'" + text + " '*:file:_files'";
}

std::string ZshScript() {
  std::string text =
      "#compdef steelyard\n"
      "# Completion of steelyard for zsh: steelyard completion zsh > a folder of "
      "$fpath/_steelyard\n"
      "_steelyard() {\n"
      "  local name=$words[2]\n"
      "  if ((CURRENT == 2)); then\n";
  text += fmt::format("    compadd {}; return\n  fi\n  case $name in\n", Joined(WordsAfter("")));
  for (const std::string& first : WordsAfter("")) {
    if (!HasSecondWord(first)) continue;
    text += fmt::format(
        "    {})\n      if ((CURRENT == 3)); then compadd {}; return; fi\n"
        "      name=\"$name $words[3]\"; words=(\"${{(@)words[1,1]}}\" \"${{(@)words[3,-1]}}\"); "
        "((CURRENT--)) ;;\n",
        first, Joined(WordsAfter(first)));
  }
  text +=
      "  esac\n"
      "  words=(\"${(@)words[2,-1]}\"); ((CURRENT--))\n"
      "  case $name in\n";
  for (const Command& command : AllCommands())
    text += fmt::format("    '{}')\n      {} ;;\n", command.name, ZshArguments(command));
  return text + "  esac\n}\n_steelyard \"$@\"\n";
}

std::string FishCondition(const Command& command) {
  const std::size_t space = command.name.find(' ');
  std::string condition = "__fish_seen_subcommand_from " + command.name.substr(0, space);
  if (space != std::string::npos)
    condition += "; and __fish_seen_subcommand_from " + command.name.substr(space + 1);
  return condition;
}

std::string FishScript() {
  std::string text =
      "# Completion of steelyard for fish: steelyard completion fish > "
      "~/.config/fish/completions/steelyard.fish\n";
  const std::string firsts = Joined(WordsAfter(""));
  text += fmt::format("complete -c steelyard -n 'not __fish_seen_subcommand_from {}' -f -a '{}'\n",
                      firsts, firsts);
  for (const std::string& first : WordsAfter("")) {
    if (!HasSecondWord(first)) continue;
    const std::string seconds = Joined(WordsAfter(first));
    text += fmt::format(
        "complete -c steelyard -n '__fish_seen_subcommand_from {}; and not "
        "__fish_seen_subcommand_from {}' -f -a '{}'\n",
        first, seconds, seconds);
  }
  for (const Command& command : AllCommands()) {
    for (const Option* flag : FlagsOf(command)) {
      const auto words = ChoicesOf(*flag);
      text +=
          fmt::format("complete -c steelyard -n '{}' -l {} -d '{}'{}{}\n", FishCondition(command),
                      flag->name, Quoted(flag->help), flag->value.empty() ? "" : " -r",
                      words.empty() ? "" : " -f -a '" + Quoted(Joined(words)) + "'");
    }
  }
  return text;
}

Status Run(const Values& values) {
  const std::string shell = values.Get("shell");
  if (shell == "bash") return PrintResult(BashScript());
  if (shell == "zsh") return PrintResult(ZshScript());
  if (shell == "fish") return PrintResult(FishScript());
  return Status(StatusCode::kInvalidArgument,
                "there is completion for bash, zsh and fish, got '" + shell + "'");
}

}  // namespace

Command CompletionCommand() {
  return {.name = "completion",
          .summary = "Print a script that lets a shell complete commands and flags",
          .options = {{.name = "shell",
                       .value = "SHELL",
                       .help = "bash, zsh or fish",
                       .positional = true,
                       .required = true}},
          .examples = {"source <(steelyard completion bash)",
                       "steelyard completion fish > ~/.config/fish/completions/steelyard.fish"},
          .run = Run};
}

}  // namespace steelyard::cli
