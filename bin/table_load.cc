// steelyard table load: a table of a live cluster, made of a model's rows or of text.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>

#include "api/connection.h"
#include "checkpoint/model_reader.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "initial_model.h"
#include "model_manifest.h"
#include "new_table.h"
#include "output.h"
#include "table/updater.h"
#include "table_text.h"

namespace steelyard::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};

/// Refill with the next rows, keys increasing; none means the end.
using NextRows = std::function<Status(TableRows& rows)>;

/// Push all rows. @return how many there were.
Result<std::uint64_t> PushRows(api::Connection& connection, TableId table, std::uint32_t row_floats,
                               const NextRows& next) {
  std::uint64_t count = 0;
  std::deque<std::future<Status>> pushed;
  for (;;) {
    TableRows rows;
    SY_RETURN_IF_ERROR(next(rows));
    const bool end = rows.keys.empty();
    count += rows.keys.size();
    if (!end) {
      pushed.push_back(connection
                           .Push(table, TaskOptions{},
                                 {.columns = wire::Columns::kRows,
                                  .floats_per_key = row_floats,
                                  .keys = std::move(rows.keys),
                                  .floats = std::move(rows.floats)})
                           .result);
    }
    while (!pushed.empty() &&
           (end || pushed.front().wait_for(std::chrono::seconds(0)) == std::future_status::ready)) {
      SY_RETURN_IF_ERROR(pushed.front().get());
      pushed.pop_front();
    }
    if (end) return count;
  }
}

/// Make a table of these rows. It is this process's own until all of them are in: if the process ends before, however it
/// ends, the head drops the table.
Result<std::uint64_t> MakeTable(const std::string& cluster, const TableOptions& options,
                                std::uint32_t row_floats, const NextRows& next) {
  SY_RETURN_IF_ERROR(CheckHasServers(cluster));
  api::Connection connection(cluster, runtime::Duration(0));
  SY_RETURN_IF_ERROR(connection.Join(kPatience));
  wire::TableCreate create{.spec = {options}, .servers_min = 1, .stays = false};
  Result<wire::View> view = connection.Ask<wire::View>(create);
  if (!view.ok()) return view.status();
  const TableId id = view.value().table;
  const auto attached = connection.Attach(std::move(view.value()));
  Result<std::uint64_t> count =
      attached.ok() ? PushRows(connection, id, row_floats, next) : attached.status();
  if (count.ok()) {
    create.stays = true;
    const auto kept = connection.Ask<wire::View>(create);
    if (kept.ok()) return count;
    count = kept.status();
  }
  // At once, for whoever tries again. If this is not answered, then the end of the connection drops it.
  (void)connection.Ask<wire::TableDropped>(wire::TableDrop{.table = id});
  return count;
}

Status RefuseTextFlags(const Values& values) {
  for (const char* name : {"updater", "alpha", "beta", "l1", "l2", "ids", "sort"}) {
    if (!values.Has(name)) continue;
    return Status(StatusCode::kInvalidArgument,
                  std::string("--") + name + " is for text; a model's rows say it themselves");
  }
  return {};
}

Result<std::uint64_t> LoadModel(const Values& values, const std::string& cluster) {
  SY_RETURN_IF_ERROR(RefuseTextFlags(values));
  const std::string directory = values.Get("model");
  const auto reader = checkpoint::ModelReader::Open(directory);
  if (!reader.ok()) return reader.status();
  Result<job::TrainParameters> parameters = ParametersOf(reader.value()->manifest(), directory);
  if (!parameters.ok()) return parameters.status();
  parameters.value().init = directory;
  Result<InitialModel> model = InitialModel::Load(parameters.value());
  if (!model.ok()) return model.status();
  const checkpoint::TableFileHeader& header = *reader.value()->table(kWeightsTable);
  Result<TableOptions> options = NewTableOf(values, header.width);
  if (!options.ok()) return options.status();
  options.value().updater = header.updater;
  return MakeTable(cluster, options.value(), header.row_floats, [&](TableRows& rows) -> Status {
    model.value().Next(rows.keys, rows.floats);
    return {};
  });
}

Result<std::uint64_t> LoadText(const Values& values, const std::string& cluster) {
  Result<TableTextReader> text = TableTextReader::Open(
      values.Get("file"), {.ids = values.Switch("ids"), .sort = values.Switch("sort")});
  if (!text.ok()) return text.status();
  const Result<TableOptions> options = NewTableOf(values, text.value().width());
  if (!options.ok()) return options.status();
  const std::string& updater_name = options.value().updater.name;
  if (std::ranges::count(table::UpdaterNames(), updater_name) == 0) {
    return Status(StatusCode::kInvalidArgument,
                  "text is loaded with --updater add, assign, max or sgd, got " + updater_name +
                      "; one that the servers loaded gets its rows by pushes, so use table create");
  }
  const auto updater = table::MakeUpdater(options.value().updater, options.value().width);
  if (!updater.ok()) return updater.status();
  if (updater.value()->row_floats() != options.value().width) {
    return Status(StatusCode::kInvalidArgument,
                  "text has no place for what --updater " + options.value().updater.name +
                      " keeps beside the values; load the model itself (--model), or choose add, "
                      "assign, max or sgd");
  }
  return MakeTable(cluster, options.value(), options.value().width,
                   [&](TableRows& rows) { return text.value().Next(rows); });
}

Status Run(const Values& values) {
  if (values.Has("file") == values.Has("model")) {
    return Status(
        StatusCode::kInvalidArgument,
        "what to load: either FILE (text as table dump prints it; - is standard input) or "
        "--model DIR");
  }
  const Result<std::string> cluster = ClusterAddress(values);
  if (!cluster.ok()) return cluster.status();
  const Result<std::uint64_t> rows =
      values.Has("model") ? LoadModel(values, cluster.value()) : LoadText(values, cluster.value());
  if (!rows.ok()) return rows.status();
  const std::string name = values.Get("name");
  return PrintResult(values.Switch("json")
                         ? OkJson("table", name) + "\n"
                         : fmt::format("table {} holds {}\n", name, Counted(rows.value(), "row")));
}

}  // namespace

Command TableLoadCommand() {
  std::vector<Option> options = {
      TableNameOption(),
      {.name = "file",
       .value = "[FILE|-]",
       .help = "text as table dump prints it; .gz and .zst are unpacked",
       .positional = true},
      ClusterOption(),
      {.name = "model", .value = "DIR", .help = "instead of text: the model that train saved"},
      {.name = "ids", .help = "the keys of the text are numeric feature ids"},
      {.name = "sort", .help = "sort the lines of the text, in memory: they are in another order"}};
  std::ranges::move(
      NewTableOptions("add, assign or max values, or step by gradients (sgd); a model "
                      "brings its own"),
      std::back_inserter(options));
  options.push_back({.name = "json", .help = "print one JSON object on standard output"});
  return {
      .name = "table load",
      .summary = "Create a table on a cluster out of text, or out of a model's rows",
      .options = std::move(options),
      .examples = {"steelyard table load counts counts.tsv.gz --cluster 127.0.0.1:4070",
                   "zcat counts.tsv.gz | steelyard table load counts - --cluster 127.0.0.1:4070",
                   "steelyard table load clicks --model clicks --cluster 127.0.0.1:4070"},
      .notes =
          "The first line of a text says how many values a key has. Keys must increase and come "
          "once; a\nline that does not fit is named, and there is no table then. A model's rows "
          "are loaded whole, with\nthe state of their update rule. The table stays until it is "
          "dropped.",
      .run = Run};
}

}  // namespace steelyard::cli
