// steelyard help [COMMAND]: the same text as COMMAND --help; --markdown writes the reference page.
#include "base/near_miss.h"
#include "command.h"
#include "help.h"
#include "output.h"

namespace steelyard::cli {
namespace {

Status Run(const Values& values) {
  std::string text;
  std::string name;
  for (const std::string& word : values.GetAll("command")) name += (name.empty() ? "" : " ") + word;
  if (values.Switch("markdown")) {
    text = ReferencePage();
  } else if (name.empty()) {
    text = OverviewText();
  } else if (const Command* command = FindCommand(name); command != nullptr) {
    text = CommandText(*command);
  } else {
    std::vector<std::string_view> names;
    for (const Command& known : AllCommands()) {
      names.push_back(known.name);
    }
    return Status(StatusCode::kInvalidArgument, "unknown command '" + name + "'" +
                                                    DidYouMean(name, names) +
                                                    " (steelyard --help lists the commands)");
  }
  if (PrintOut(text)) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command HelpCommand() {
  return {.name = "help",
          .summary = "Show the commands, or the arguments of one",
          .options = {{.name = "command",
                       .value = "[COMMAND]",
                       .help = "the command to explain",
                       .positional = true,
                       .repeated = true},
                      {.name = "markdown",
                       .help = "write the whole reference as Markdown (docs/cli.md)"}},
          .run = Run};
}

}  // namespace steelyard::cli
