// Tables of a live cluster: what table dump --cluster, load, create, drop, ls and describe do.
#include "live_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "daemon.h"
#include "exit_code.h"
#include "hosted_node.h"
#include "initial_model.h"
#include "job/table_client.h"
#include "model_manifest.h"
#include "model_table.h"
#include "output.h"
#include "runtime/real_loop.h"
#include "runtime/real_signals.h"
#include "table/updater.h"
#include "table_lines.h"
#include "transport/tcp_transport.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kWidthMax = 65'536;

Option NameOption() {
  return {.name = "name",
          .value = "NAME",
          .help = "the table's name, as table ls shows it",
          .positional = true,
          .required = true};
}

Status NameMissing() {
  return Status(StatusCode::kInvalidArgument,
                "NAME is missing: which table of the cluster? (steelyard table ls shows them)");
}

Option JsonOption() {
  return {.name = "json", .help = "print one JSON object on standard output"};
}

Status RunTableClient(const std::string& head_address, job::TableClient::Work work,
                      job::TableClient::Events events) {
  runtime::RealLoop loop;
  HostedNode host;
  transport::TcpTransport transport(loop, host);
  Status end;
  events.on_end = [&](const Status& status) {
    end = status;
    loop.Post([&loop] { loop.Stop(); });  // Not from within the node's callback.
  };
  job::TableClient client({.head_address = head_address,
                           .incarnation = transport.Random(),
                           .description = ProcessDescription()},
                          std::move(work), std::move(events));
  host.Host(client, nullptr);
  const runtime::RealSignals signals(
      loop, [&](int signal) { client.Cancel(transport, Interrupted(signal)); });
  transport.Start();
  loop.Run();
  return end;
}

/// Writes rows as lines, as they come.
class RowPrinter {
 public:
  RowPrinter(OutputFile out, bool all, bool ids) : out_(std::move(out)), all_(all), ids_(ids) {}

  Status Begin(const wire::View& view) {
    const TableOptions& options = view.spec.options;
    auto updater = table::MakeUpdater(options.updater, options.width);
    if (!updater.ok()) return updater.status();
    updater_ = std::move(updater.value());
    values_.resize(updater_->value_floats());
    return {};
  }
  Status Print(std::span<const Key> keys, std::span<const float> rows) {
    const std::size_t row_floats = updater_->row_floats();
    for (std::size_t i = 0; i < keys.size() && !out_.closed(); ++i) {
      updater_->Read(rows.subspan(i * row_floats, row_floats), values_);
      if (!all_ && std::ranges::all_of(values_, [](float value) { return value == 0.0F; }))
        continue;
      SY_RETURN_IF_ERROR(WriteTableLine(ids_ ? IdOfKey(keys[i]) : keys[i], values_, out_));
    }
    return {};
  }
  Status Commit() { return out_.Commit(); }

 private:
  OutputFile out_;
  const bool all_;
  const bool ids_;
  std::unique_ptr<table::Updater> updater_;
  std::vector<float> values_;
};

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

Result<float> FloatOf(const Values& values, const std::string& name, float otherwise) {
  if (!values.Has(name)) return otherwise;
  const std::string text = values.Get(name);
  char* stop = nullptr;
  const float number = std::strtof(text.c_str(), &stop);
  if (!text.empty() && *stop == '\0') return number;
  return Status(StatusCode::kInvalidArgument, "--" + name + " must be a number, got " + text);
}

Result<TableOptions> OptionsOf(const Values& values) {
  TableOptions options;
  options.name = values.Get("name");
  options.updater.name = values.Get("updater", options.updater.name);
  const auto width = values.GetCount("width", options.width, kWidthMax);
  if (!width.ok()) return width.status();
  options.width = static_cast<std::uint32_t>(width.value());
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
  const auto updater = table::MakeUpdater(options.updater, options.width);
  if (!updater.ok()) return updater.status();
  const Status wrong = wire::TableSpec{options}.Check();
  if (wrong.ok()) return options;
  return Status(StatusCode::kInvalidArgument, "such a table cannot be: " + wrong.message());
}

// Creation waits for a server; a person should rather be told that there is none.
Status CheckHasServers(const std::string& cluster) {
  const auto status = StatusOf(cluster);
  if (!status.ok()) return status.status();
  const auto& nodes = status.value().nodes;
  if (std::ranges::count(nodes, wire::Role::kServer, &wire::NodeStatus::role) > 0) return {};
  return Status(
      StatusCode::kUnavailable,
      "the cluster has no server to hold a table; start one with steelyard server --head " +
          cluster,
      cluster);
}

Status RunCreate(const Values& values) {
  SY_RETURN_IF_ERROR(
      RefuseModel(values, "train makes one, table create makes tables of a cluster"));
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<TableOptions> options = OptionsOf(values);
  if (!options.ok()) return options.status();
  SY_RETURN_IF_ERROR(CheckHasServers(cluster.value()));
  const auto view = AskHead<wire::View>(
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

Status RunLoad(const Values& values) {
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const std::string directory = values.Get("model");
  const auto reader = checkpoint::ModelReader::Open(directory);
  if (!reader.ok()) return reader.status();
  Result<job::TrainParameters> parameters = ParametersOf(reader.value()->manifest(), directory);
  if (!parameters.ok()) return parameters.status();
  parameters.value().init = directory;
  Result<InitialModel> model = InitialModel::Load(parameters.value());
  if (!model.ok()) return model.status();
  const checkpoint::TableFileHeader& header = *reader.value()->table(kWeightsTable);
  SY_RETURN_IF_ERROR(CheckHasServers(cluster.value()));
  std::uint64_t rows = 0;
  job::TableClient::Events events;
  events.next_rows = [&](std::vector<Key>& keys, std::vector<float>& floats) {
    model.value().Next(keys, floats);
    rows += keys.size();
  };
  const std::string name = values.Get("name");
  SY_RETURN_IF_ERROR(
      RunTableClient(cluster.value(),
                     {.table = {.name = name, .width = header.width, .updater = header.updater},
                      .fill = true,
                      .row_floats = header.row_floats},
                     std::move(events)));
  return PrintResult(values.Switch("json")
                         ? OkJson("table", name) + "\n"
                         : fmt::format("table {} holds {} rows\n", name, Grouped(rows)));
}

}  // namespace

Status DumpLiveTable(const Values& values) {
  if (!values.Has("name")) return NameMissing();
  Result<OutputFile> out = OutputFile::Open("-");
  if (!out.ok()) return out.status();
  RowPrinter printer(std::move(out.value()), values.Switch("all"), values.Switch("ids"));
  job::TableClient::Events events;
  events.on_view = [&](const wire::View& view) { return printer.Begin(view); };
  events.on_rows = [&](std::span<const Key> keys, std::span<const float> rows) {
    return printer.Print(keys, rows);
  };
  SY_RETURN_IF_ERROR(RunTableClient(values.Get("cluster"), {.table = {.name = values.Get("name")}},
                                    std::move(events)));
  return printer.Commit();
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
  const TableOptions defaults;
  const auto number = [](float value) { return fmt::format("{}", value); };
  return {
      .name = "table create",
      .summary = "Create an empty table on a cluster",
      .options = {NameOption(),
                  ClusterOption(),
                  {.name = "width",
                   .value = "N",
                   .help = "values a key",
                   .default_text = std::to_string(defaults.width)},
                  {.name = "updater",
                   .value = "NAME",
                   .help =
                       "how servers apply pushes: add, assign or max values, or step by gradients "
                       "(ftrl | adagrad | sgd | adam)",
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
                  RefusedModelOption(),
                  JsonOption()},
      .examples = {"steelyard table create counts --updater add --cluster 127.0.0.1:4070"},
      .notes = "It stays until it is dropped, or lost with a server.",
      .run = RunCreate};
}

Command TableLoadCommand() {
  return {.name = "table load",
          .summary = "Create a table on a cluster out of a model's rows",
          .options = {NameOption(),
                      ClusterOption(),
                      {.name = "model",
                       .value = "DIR",
                       .help = "the model that train saved",
                       .required = true},
                      JsonOption()},
          .examples = {"steelyard table load clicks --model clicks --cluster 127.0.0.1:4070"},
          .notes = "Whole rows, with the state of the update rule. It stays until it is dropped.",
          .run = RunLoad};
}

Command TableDropCommand() {
  return {.name = "table drop",
          .summary = "Drop a table of a cluster, with all that is in it",
          .options = {NameOption(), ClusterOption(), RefusedModelOption(), JsonOption()},
          .examples = {"steelyard table drop clicks --cluster 127.0.0.1:4070"},
          .notes = "A table that a job uses is refused: cancel the job first.",
          .run = RunDrop};
}

}  // namespace steelyard::cli
