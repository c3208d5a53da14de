// steelyard table dump: every weight of a model as text.
#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "cluster_call.h"
#include "command.h"
#include "job/parameters.h"
#include "live_table.h"
#include "model_table.h"
#include "output_file.h"
#include "saved_model.h"
#include "table_lines.h"

namespace steelyard::cli {
namespace {

struct Line {
  std::uint64_t label;  // The file's id, or the key of a hashed name.
  float weight;
};

Status Run(const Values& values) {
  const Result<bool> about_model = IsAboutModel(values);
  if (!about_model.ok()) return about_model.status();
  if (values.Has("cluster")) return DumpLiveTable(values);
  if ((values.Has("name") && !about_model.value()) || values.Switch("ids") || values.Has("first") ||
      values.Has("last")) {
    return Status(StatusCode::kInvalidArgument,
                  "NAME, --ids, --first and --last are for tables of a cluster; name it with "
                  "--cluster HOST:PORT");
  }
  Result<std::unique_ptr<checkpoint::ModelReader>> reader =
      checkpoint::ModelReader::Open(values.Get("model", job::TrainParameters{}.model));
  if (!reader.ok()) return reader.status();
  if (const Result<std::string> table = TableNamed(values, *reader.value()); !table.ok())
    return table.status();
  const bool ids = reader.value()->manifest().key_kind == checkpoint::KeyKind::kIds;
  const bool all = values.Switch("all");
  // All lines are held: none is printed of a file that turns out to be damaged, and ids have another order than keys.
  std::vector<Line> lines;
  SY_RETURN_IF_ERROR(VisitWeights(*reader.value(), [&](Key key, float weight) -> Status {
    if (all || weight != 0.0F) lines.push_back({ids ? IdOfKey(key) : key, weight});
    return {};
  }));
  if (ids) std::ranges::sort(lines, {}, &Line::label);
  Result<OutputFile> out = OutputFile::Open("-");
  if (!out.ok()) return out.status();
  for (const Line& line : lines) {
    if (out.value().closed()) return {};
    SY_RETURN_IF_ERROR(WriteTableLine(line.label, {&line.weight, 1}, out.value()));
  }
  return out.value().Commit();
}

}  // namespace

Command TableDumpCommand() {
  return {.name = "table dump",
          .summary = "Write a model, or a table of a cluster, as text: key, tab, value",
          .options = {{.name = "name",
                       .value = "[NAME]",
                       .help = "a table of the cluster; a model's only one needs no name",
                       .positional = true},
                      {.name = "model",
                       .value = "DIR",
                       .help = "the model that train saved",
                       .default_text = job::TrainParameters{}.model},
                      ClusterOption(),
                      {.name = "first", .value = "KEY", .help = "with --cluster: from this key on"},
                      {.name = "last", .value = "KEY", .help = "with --cluster: up to this key"},
                      {.name = "all", .help = "also the keys whose weight is 0"},
                      {.name = "ids",
                       .help = "with --cluster: the keys are numeric feature ids; print those"}},
          .examples = {"steelyard table dump --model clicks > weights.tsv",
                       "steelyard table dump clicks --cluster 127.0.0.1:4070 > weights.tsv"},
          .notes =
              "Keys are in increasing order: the data's own ids, or, for features by name, 64-bit\n"
              "hashes of the names.",
          .run = Run};
}

}  // namespace steelyard::cli
