// Tables of a live cluster: what table dump --cluster, create, drop, ls and describe do.
#include "live_table.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/hash.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "model_table.h"
#include "new_table.h"
#include "output.h"
#include "steelyard/cluster.h"
#include "table_lines.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kWidthMax = 65'536;

Status NameMissing() {
  return Status(StatusCode::kInvalidArgument,
                "NAME is missing: which table of the cluster? (steelyard table ls shows them)");
}

Result<wire::ClusterStatus> StatusOf(const std::string& cluster) {
  return AskHead<wire::ClusterStatus>(cluster, wire::ClusterGet{});
}

Status RunLs(const Values& values) {
  const Result<bool> about_model = IsAboutModel(values);
  if (!about_model.ok()) return about_model.status();
  if (about_model.value()) return ListModelTables(values);
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const auto status = StatusOf(cluster.value());
  if (!status.ok()) return status.status();
  const auto& tables = status.value().tables;
  if (values.Switch("json")) return PrintResult(TablesJson(cluster.value(), tables) + "\n");
  return PrintResult(tables.empty() ? "no tables\n" : TablesText(tables));
}

Status RunDescribe(const Values& values) {
  const Result<bool> about_model = IsAboutModel(values);
  if (!about_model.ok()) return about_model.status();
  if (about_model.value()) return DescribeModelTable(values);
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  if (!values.Has("name")) return NameMissing();
  const auto view =
      AskHead<wire::View>(cluster.value(), wire::ViewGet{.table = 0, .name = values.Get("name")});
  if (!view.ok()) return view.status();
  return PrintResult(values.Switch("json") ? TableJson(view.value()) + "\n"
                                           : TableText(view.value()));
}

Result<wire::View> CreateCutLike(const Values& values, const std::string& address,
                                 const TableOptions& options) {
  const Result<float> at_least = AtLeastOf(values);
  if (!at_least.ok()) return at_least.status();
  Result<Cluster> cluster = Cluster::Connect(address);
  if (!cluster.ok()) return cluster.status();
  Result<Table> like = cluster.value().OpenTable(values.Get("like"));
  if (!like.ok()) return like.status();
  const Result<Table> table = cluster.value().CreateTable(options, like.value(), at_least.value());
  if (!table.ok()) return table.status();
  return AskHead<wire::View>(address, wire::ViewGet{.table = 0, .name = options.name});
}

Status RunCreate(const Values& values) {
  SY_RETURN_IF_ERROR(
      RefuseModel(values, "train makes one, table create makes tables of a cluster"));
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const auto width = values.GetCount("width", TableOptions{}.width, kWidthMax);
  if (!width.ok()) return width.status();
  const Result<TableOptions> options =
      NewTableOf(values, static_cast<std::uint32_t>(width.value()));
  if (!options.ok()) return options.status();
  SY_RETURN_IF_ERROR(CheckHasServers(cluster.value()));
  const auto view =
      values.Has("like")
          ? CreateCutLike(values, cluster.value(), options.value())
          : AskHead<wire::View>(
                cluster.value(),
                wire::TableCreate{.spec = {options.value()}, .servers_min = 1, .stays = true});
  if (!view.ok()) return view.status();
  return PrintResult(values.Switch("json") ? TableJson(view.value()) + "\n"
                                           : TableText(view.value()));
}

Status RunDrop(const Values& values) {
  SY_RETURN_IF_ERROR(RefuseModel(values, "remove its directory, table drop is for a cluster"));
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const auto status = StatusOf(cluster.value());
  if (!status.ok()) return status.status();
  const std::string name = values.Get("name");
  const auto& tables = status.value().tables;
  const auto found = std::ranges::find(tables, name, &wire::TableStatus::name);
  if (found == tables.end()) {
    return Status(StatusCode::kNotFound,
                  "the cluster has no table '" + name + "' (steelyard table ls shows them)");
  }
  const auto dropped =
      AskHead<wire::TableDropped>(cluster.value(), wire::TableDrop{.table = found->table});
  if (!dropped.ok()) return dropped.status();
  return PrintResult(values.Switch("json") ? OkJson("table", name) + "\n"
                                           : "table " + name + " is dropped\n");
}

}  // namespace

Status DumpLiveTable(const Values& values) {
  if (!values.Has("name")) return NameMissing();
  Result<OutputFile> out = OutputFile::Open("-");
  if (!out.ok()) return out.status();
  Result<Cluster> cluster = Cluster::Connect(values.Get("cluster"));
  if (!cluster.ok()) return cluster.status();
  Result<Table> table = cluster.value().OpenTable(values.Get("name"));
  if (!table.ok()) return table.status();
  const auto first = values.GetCount("first", 0, kKeyMax);
  if (!first.ok()) return first.status();
  const auto last = values.GetCount("last", kKeyMax, kKeyMax);
  if (!last.ok()) return last.status();
  const bool all = values.Switch("all");
  const bool ids = values.Switch("ids");
  const std::size_t width = table.value().options().width;
  const auto print = [&](std::span<const Key> keys, std::span<const float> floats) -> Status {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto row = floats.subspan(i * width, width);
      if (!all && std::ranges::all_of(row, [](float value) { return value == 0.0F; })) continue;
      SY_RETURN_IF_ERROR(WriteTableLine(ids ? IdOfKey(keys[i]) : keys[i], row, out.value()));
    }
    return out.value().closed() ? Status(StatusCode::kCancelled, "the reader went away") : Status();
  };
  Status scanned = table.value().Scan(print, {first.value(), last.value()});
  if (out.value().closed()) return {};
  if (!scanned.ok()) return scanned;
  return out.value().Commit();
}

Command TableLsCommand() {
  return {.name = "table ls",
          .summary = "List the tables of a cluster, or of a model",
          .options = {ClusterOption(), ModelOption(), JsonOption()},
          .examples = {"steelyard table ls --cluster 127.0.0.1:4070",
                       "steelyard table ls --model clicks"},
          .notes = "Rows and memory of a cluster's are about a second old.",
          .run = RunLs};
}

Command TableDescribeCommand() {
  return {.name = "table describe",
          .summary = "Show what a table is and where it lives",
          .options = {{.name = "name",
                       .value = "[NAME]",
                       .help = "the table's name, as table ls shows it; a model's only one needs "
                               "none",
                       .positional = true},
                      ClusterOption(),
                      ModelOption(),
                      JsonOption()},
          .examples = {"steelyard table describe clicks --cluster 127.0.0.1:4070",
                       "steelyard table describe --model clicks"},
          .run = RunDescribe};
}

Command TableCreateCommand() {
  std::vector<Option> options = {TableNameOption(),
                                 ClusterOption(),
                                 {.name = "width",
                                  .value = "N",
                                  .help = "values a key",
                                  .default_text = std::to_string(TableOptions{}.width)}};
  std::ranges::move(
      NewTableOptions("add, assign or max values, or step by gradients (ftrl | adagrad | "
                      "sgd | adam); or one that the servers loaded (server "
                      "--updaters)"),
      std::back_inserter(options));
  options.push_back({.name = "like",
                     .value = "TABLE",
                     .help = "cut the key ranges so that each holds equally many keys of TABLE"});
  options.push_back(AtLeastOption("with --like: only these count"));
  options.push_back(RefusedModelOption());
  options.push_back(JsonOption());
  return {.name = "table create",
          .summary = "Create an empty table on a cluster",
          .options = std::move(options),
          .examples = {"steelyard table create counts --updater add --cluster 127.0.0.1:4070"},
          .notes = "It stays until it is dropped, or lost with a server.",
          .run = RunCreate};
}

Command TableDropCommand() {
  return {.name = "table drop",
          .summary = "Drop a table of a cluster, with all that is in it",
          .options = {TableNameOption(), ClusterOption(), RefusedModelOption(), JsonOption()},
          .examples = {"steelyard table drop clicks --cluster 127.0.0.1:4070"},
          .notes = "A table that a job uses is refused: cancel the job first.",
          .run = RunDrop};
}

}  // namespace steelyard::cli
