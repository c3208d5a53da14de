// What a model's manifest says of its tables.
#include "model_table.h"

#include <algorithm>

#include "checkpoint/model_reader.h"
#include "cluster_report.h"
#include "output.h"

namespace steelyard::cli {
namespace {

std::string NamesOf(const std::vector<checkpoint::ManifestTable>& tables) {
  std::string names;
  for (const auto& table : tables) names += (names.empty() ? "" : ", ") + table.name;
  return names;
}

}  // namespace

Option ModelOption() {
  return {.name = "model", .value = "DIR", .help = "a saved model instead of a cluster"};
}

Option RefusedModelOption() {
  return {.name = "model", .value = "DIR", .help = "refused", .hidden = true};
}

Result<bool> IsAboutModel(const Values& values) {
  if (!values.Has("model")) return false;
  if (!values.Has("cluster")) return true;
  return Status(StatusCode::kInvalidArgument, "--cluster and --model exclude each other");
}

Status RefuseModel(const Values& values, const char* why) {
  if (!values.Has("model")) return {};
  return Status(StatusCode::kInvalidArgument,
                std::string("a saved model's tables do not change: ") + why, values.Get("model"));
}

Status ListModelTables(const Values& values) {
  const auto reader = checkpoint::ModelReader::Open(values.Get("model"));
  if (!reader.ok()) return reader.status();
  const auto& tables = reader.value()->manifest().tables;
  return PrintResult(values.Switch("json")
                         ? ModelTablesJson(reader.value()->directory(), tables) + "\n"
                         : ModelTablesText(tables));
}

Result<std::string> TableNamed(const Values& values, const checkpoint::ModelReader& reader) {
  const auto& tables = reader.manifest().tables;
  const std::string name = values.Get("name");
  if (name.empty() && tables.size() == 1) return tables.front().name;
  if (reader.table(name) != nullptr) return name;
  return Status(StatusCode::kNotFound,
                "the model has no table '" + name + "'; it has " + NamesOf(tables),
                reader.directory());
}

Status DescribeModelTable(const Values& values) {
  const auto reader = checkpoint::ModelReader::Open(values.Get("model"));
  if (!reader.ok()) return reader.status();
  const Result<std::string> name = TableNamed(values, *reader.value());
  if (!name.ok()) return name.status();
  const auto& tables = reader.value()->manifest().tables;
  const auto found = std::ranges::find(tables, name.value(), &checkpoint::ManifestTable::name);
  return PrintResult(values.Switch("json")
                         ? ModelTableJson(reader.value()->directory(), *found) + "\n"
                         : ModelTableText(*found));
}

}  // namespace steelyard::cli
