// steelyard table stat: figures of a table's values, computed where its rows are, or of a model's weights.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "checkpoint/model_reader.h"
#include "cluster_call.h"
#include "cluster_report.h"
#include "command.h"
#include "model_table.h"
#include "output.h"
#include "saved_model.h"
#include "steelyard/cluster.h"
#include "table/algebra.h"
#include "table/hash_table.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kTopDefault = 10;
constexpr std::uint64_t kTopMax = 10'000;
constexpr const char* kQuantilesDefault = "0.01,0.1,0.5,0.9,0.99";

struct Asked {
  KeyRange range{};
  std::uint32_t column = 0;
  std::uint64_t top = 0;
  std::vector<double> shares;
};

Result<std::vector<double>> SharesOf(const std::string& text) {
  std::vector<double> shares;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (;;) {
    double share = -1.0;
    const auto [stop, fault] = std::from_chars(at, end, share);
    const bool good = fault == std::errc() && share >= 0.0 && share <= 1.0;
    if (!good || (stop != end && *stop != ',')) {
      return Status(
          StatusCode::kInvalidArgument,
          "--quantiles must be numbers from 0 to 1 with commas between them, got " + text);
    }
    shares.push_back(share);
    if (stop == end) return shares;
    at = stop + 1;
  }
}

Result<Asked> AskedBy(const Values& values) {
  const auto first = values.GetCount("first", 0, kKeyMax);
  if (!first.ok()) return first.status();
  const auto last = values.GetCount("last", kKeyMax, kKeyMax);
  if (!last.ok()) return last.status();
  const auto column = values.GetCount("column", 0, 65'535);
  if (!column.ok()) return column.status();
  const auto top = values.GetCount("top", kTopDefault, kTopMax);
  if (!top.ok()) return top.status();
  auto shares = SharesOf(values.Get("quantiles", kQuantilesDefault));
  if (!shares.ok()) return shares.status();
  if (first.value() > last.value()) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("--first {} is behind --last {}", first.value(), last.value()));
  }
  return Asked{.range = {first.value(), last.value()},
               .column = static_cast<std::uint32_t>(column.value()),
               .top = top.value(),
               .shares = std::move(shares.value())};
}

Result<TableFigures> FiguresOfTable(const Values& values, const Asked& asked) {
  const Result<std::string> address = ClusterAddress(values);
  if (!address.ok()) return address.status();
  if (!values.Has("name")) {
    return Status(StatusCode::kInvalidArgument,
                  "NAME is missing: which table of the cluster? (steelyard table ls shows them)");
  }
  Result<Cluster> cluster = Cluster::Connect(address.value());
  if (!cluster.ok()) return cluster.status();
  Result<Table> opened = cluster.value().OpenTable(values.Get("name"));
  if (!opened.ok()) return opened.status();
  Table& table = opened.value();
  TableFigures figures{.table = values.Get("name"), .column = asked.column};
  const Result<Summary> summary = table.Summarize(asked.range, asked.column);
  if (!summary.ok()) return summary.status();
  figures.summary = summary.value();
  if (figures.summary.rows == 0) return figures;
  const auto quantiles = table.Quantiles(asked.shares, asked.range, asked.column);
  if (!quantiles.ok()) return quantiles.status();
  for (std::size_t i = 0; i < asked.shares.size(); ++i)
    figures.quantiles.emplace_back(asked.shares[i], quantiles.value()[i]);
  if (asked.top == 0) return figures;
  auto top = table.TopK(asked.top, asked.range, asked.column);
  if (!top.ok()) return top.status();
  figures.top = std::move(top.value());
  return figures;
}

/// A model is read into one table of this process, and asked as a server's segment is.
class ModelRows {
 public:
  Status Read(const Values& values, TableFigures& figures) {
    const auto reader = checkpoint::ModelReader::Open(values.Get("model"));
    if (!reader.ok()) return reader.status();
    const Result<std::string> name = TableNamed(values, *reader.value());
    if (!name.ok()) return name.status();
    figures.table = name.value();
    return VisitWeights(*reader.value(), [this](Key key, float weight) -> Status {
      *rows_.FindOrInsert(key) = weight;
      return {};
    });
  }
  Result<FunctionAnswer> Call(std::string_view function, const std::vector<Argument>& arguments,
                              KeyRange range) {
    auto made = table::MakeRangeFunction(function, arguments, *updater_, options_);
    if (!made.ok()) return made.status();
    table::RangeCall call(updater_.get(), std::move(made.value()), range);
    std::size_t rows_left = rows_.size() + 1;
    const Result<bool> done = call.Continue(rows_, rows_left);
    if (!done.ok()) return done.status();
    return call.Finish();
  }
  std::vector<float> Sorted(KeyRange range) const {
    std::vector<float> values;
    rows_.Scan(range.first, [&](Key key, std::span<const float> row) {
      if (key <= range.last) values.push_back(row[0]);
      return key <= range.last;
    });
    std::ranges::sort(values);
    return values;
  }

 private:
  UpdaterOptions options_{.name = "assign"};
  std::unique_ptr<table::Updater> updater_ =
      std::move(table::MakeUpdater({.name = "assign"}, 1).value());
  table::PageMemory memory_;
  table::HashTable rows_{{0, kKeyMax}, 1, memory_};
};

Result<TableFigures> FiguresOfModel(const Values& values, const Asked& asked) {
  TableFigures figures{.table = "", .column = asked.column};
  ModelRows rows;
  SY_RETURN_IF_ERROR(rows.Read(values, figures));
  const auto answer = rows.Call("summary", {std::uint64_t{asked.column}}, asked.range);
  if (!answer.ok()) return answer.status();
  const std::vector<double>& of = answer.value().numbers;
  if (of[0] == 0.0) return figures;
  figures.summary = {.rows = static_cast<std::uint64_t>(of[0]),
                     .nonzeros = static_cast<std::uint64_t>(of[1]),
                     .sum = of[2],
                     .norm1 = of[3],
                     .norm2 = std::sqrt(of[4]),
                     .min = of[5],
                     .max = of[6]};
  const std::vector<float> sorted = rows.Sorted(asked.range);
  for (const double share : asked.shares) {
    const double rank = std::max(1.0, std::ceil(share * static_cast<double>(sorted.size())));
    figures.quantiles.emplace_back(share, sorted[static_cast<std::size_t>(rank) - 1]);
  }
  if (asked.top == 0) return figures;
  const auto top = rows.Call("top", {std::uint64_t{0}, asked.top}, asked.range);
  if (!top.ok()) return top.status();
  for (std::size_t i = 0; i < top.value().keys.size(); ++i)
    figures.top.push_back({.key = top.value().keys[i], .value = top.value().numbers[i]});
  return figures;
}

Status Run(const Values& values) {
  const Result<bool> about_model = IsAboutModel(values);
  if (!about_model.ok()) return about_model.status();
  const Result<Asked> asked = AskedBy(values);
  if (!asked.ok()) return asked.status();
  Result<TableFigures> figures = about_model.value() ? FiguresOfModel(values, asked.value())
                                                     : FiguresOfTable(values, asked.value());
  if (!figures.ok()) return figures.status();
  if (values.Switch("ids")) {
    for (KeyValue& row : figures.value().top) row.key = IdOfKey(row.key);
  }
  return PrintResult(values.Switch("json") ? FiguresJson(figures.value()) + "\n"
                                           : FiguresText(figures.value()));
}

}  // namespace

Command TableStatCommand() {
  return {.name = "table stat",
          .summary = "Show sums, norms, quantiles and the largest values of a table or a model",
          .options = {{.name = "name",
                       .value = "[NAME]",
                       .help = "a table of the cluster; a model's only one needs no name",
                       .positional = true},
                      ClusterOption(),
                      ModelOption(),
                      {.name = "first", .value = "KEY", .help = "from this key on"},
                      {.name = "last", .value = "KEY", .help = "up to this key"},
                      {.name = "column",
                       .value = "N",
                       .help = "which of a key's values",
                       .default_text = "0"},
                      {.name = "quantiles",
                       .value = "X,X...",
                       .help = "shares of the rows",
                       .range = "0 to 1",
                       .default_text = kQuantilesDefault},
                      {.name = "top",
                       .value = "N",
                       .help = "how many of the values furthest from 0 to show",
                       .range = "0 to 10000",
                       .default_text = std::to_string(kTopDefault)},
                      {.name = "ids", .help = "the keys are numeric feature ids; show those"},
                      JsonOption()},
          .examples = {"steelyard table stat clicks --cluster 127.0.0.1:4070",
                       "steelyard table stat --model clicks --top 50 --ids"},
          .notes =
              "The servers go over the rows, and only figures travel. Values are those that "
              "pulls read; sums\nhave the same bits whatever the number of servers.",
          .run = Run};
}

}  // namespace steelyard::cli
