// Flags of new tables, read and checked before anybody is asked for one.
#include "new_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "cluster_call.h"
#include "table/updater.h"
#include "table_memory.h"

namespace steelyard::cli {
namespace {

Result<float> FloatOf(const Values& values, const std::string& name, float otherwise) {
  if (!values.Has(name)) return otherwise;
  const std::string text = values.Get(name);
  char* stop = nullptr;
  const float number = std::strtof(text.c_str(), &stop);
  if (!text.empty() && *stop == '\0') return number;
  return Status(StatusCode::kInvalidArgument, "--" + name + " must be a number, got " + text);
}

}  // namespace

Option TableNameOption() {
  return {.name = "name",
          .value = "NAME",
          .help = "the table's name, as table ls shows it",
          .positional = true,
          .required = true};
}

std::vector<Option> NewTableOptions(const std::string& updaters) {
  const TableOptions defaults;
  const auto number = [](float value) { return fmt::format("{}", value); };
  return {{.name = "updater",
           .value = "NAME",
           .help = "how servers apply pushes: " + updaters,
           .default_text = defaults.updater.name},
          {.name = "alpha",
           .value = "X",
           .help = "learning rate of the updater",
           .default_text = number(defaults.updater.alpha)},
          {.name = "beta",
           .value = "X",
           .help = "of ftrl",
           .default_text = number(defaults.updater.beta)},
          {.name = "l1",
           .value = "X",
           .help = "strength of the l1 penalty",
           .default_text = number(defaults.updater.l1)},
          {.name = "l2",
           .value = "X",
           .help = "strength of the l2 penalty",
           .default_text = number(defaults.updater.l2)},
          {.name = "segments",
           .value = "N",
           .help = "key ranges that are spread over the servers",
           .default_text = std::to_string(defaults.segment_count)},
          {.name = "aggregate",
           .help = "keep what the members of a worker group push in a step until all of them are "
                   "through it, and apply the sum once"},
          {.name = "memory-max",
           .value = "SIZE",
           .help = "memory that its rows may fill, shared out over the servers; new keys beyond it "
                   "are refused",
           .default_text = "no limit"}};
}

Option AtLeastOption(const std::string& help) {
  return {.name = "at-least",
          .value = "X",
          .help = "rows whose first value is at least X away from 0; " + help,
          .default_text = "0"};
}

Result<float> AtLeastOf(const Values& values) {
  Result<float> number = FloatOf(values, "at-least", 0.0F);
  if (!number.ok() || (number.value() >= 0.0F && std::isfinite(number.value()))) return number;
  return Status(StatusCode::kInvalidArgument,
                "--at-least must be 0 or more, got " + values.Get("at-least"));
}

Result<TableOptions> NewTableOf(const Values& values, std::uint32_t width) {
  TableOptions options;
  options.name = values.Get("name");
  options.width = width;
  options.updater.name = values.Get("updater", options.updater.name);
  const auto segments = values.GetCount("segments", options.segment_count, wire::kSegmentsMax);
  if (!segments.ok()) return segments.status();
  options.segment_count = static_cast<std::uint32_t>(segments.value());
  for (const auto& [name, field] :
       {std::pair{"alpha", &options.updater.alpha}, std::pair{"beta", &options.updater.beta},
        std::pair{"l1", &options.updater.l1}, std::pair{"l2", &options.updater.l2}}) {
    const Result<float> number = FloatOf(values, name, *field);
    if (!number.ok()) return number.status();
    *field = number.value();
  }
  options.aggregate = values.Has("aggregate");
  const auto memory_max = MemoryMaxOf(values);
  if (!memory_max.ok()) return memory_max.status();
  options.memory_max = memory_max.value().bytes;
  // Other names may be updaters of the servers' users; they say so.
  const auto known = table::UpdaterNames();
  if (std::ranges::find(known, options.updater.name) != known.end()) {
    const auto updater = table::MakeUpdater(options.updater, options.width);
    if (!updater.ok()) return updater.status();
  }
  const Status wrong = wire::TableSpec{options}.Check();
  if (wrong.ok()) return options;
  return Status(StatusCode::kInvalidArgument, "such a table cannot be: " + wrong.message());
}

Status CheckHasServers(const std::string& cluster) {
  const auto status = AskHead<wire::ClusterStatus>(cluster, wire::ClusterGet{});
  if (!status.ok()) return status.status();
  const auto& nodes = status.value().nodes;
  if (std::ranges::count(nodes, wire::Role::kServer, &wire::NodeStatus::role) > 0) return {};
  return Status(
      StatusCode::kUnavailable,
      "the cluster has no server to hold a table; start one with steelyard server --head " +
          cluster,
      cluster);
}

}  // namespace steelyard::cli
