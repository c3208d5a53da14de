// steelyard table freeze: a table's keys become final.
#include <chrono>

#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "new_table.h"
#include "output.h"

namespace steelyard::cli {
namespace {

/// Servers go over every row twice: tens of millions a second.
constexpr runtime::Duration kPatience = std::chrono::minutes(10);

Status Run(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<float> at_least = AtLeastOf(values);
  if (!at_least.ok()) return at_least.status();
  const std::string name = values.Get("name");
  const auto view = AskHead<wire::View>(cluster.value(), wire::ViewGet{.table = 0, .name = name});
  if (!view.ok()) return view.status();
  const auto frozen = AskHead<wire::TableFrozen>(
      cluster.value(), wire::TableFreeze{.table = view.value().table, .at_least = at_least.value()},
      kPatience);
  if (!frozen.ok()) return frozen.status();
  return PrintResult(values.Switch("json") ? FrozenJson(name, frozen.value()) + "\n"
                                           : FrozenText(name, frozen.value()));
}

}  // namespace

Command TableFreezeCommand() {
  return {
      .name = "table freeze",
      .summary = "Make the keys of a table final",
      .options = {TableNameOption(), ClusterOption(), AtLeastOption("drop the others"),
                  JsonOption()},
      .examples = {"steelyard table freeze counts --at-least 3 --cluster 127.0.0.1:4070"},
      .notes =
          "Rows move into sorted arrays; pushes of other keys are refused from then on. The first\n"
          "freeze of a table decides which rows stay.",
      .run = Run};
}

}  // namespace steelyard::cli
