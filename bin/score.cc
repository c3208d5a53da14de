// Opens the input as the model knows it and walks its shards.
#include "score.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "job/batch_reader.h"
#include "train_options.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kBlockRows = 4096;
constexpr std::uint64_t kShardRows = 1'000'000;

// The line without spaces at its ends and without a comment.
std::string Trimmed(const std::string& line) {
  char quote = 0;
  std::size_t end = 0;
  for (; end < line.size(); ++end) {
    const char c = line[end];
    if (quote == 0 && c == '#') break;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
  }
  const std::string text = line.substr(0, end);
  const std::size_t first = text.find_first_not_of(" \t\r");
  const std::size_t last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line = Trimmed(line); !line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

// The input's options: the model's, with what was typed instead; a schema that differs is refused.
Result<data::DatasetOptions> OptionsFor(const SavedModel& model, const Values& values,
                                        const ScoreRequest& request) {
  const Result<job::TrainParameters> read = ReadTrainParameters(values);
  if (!read.ok()) return read.status();
  job::TrainParameters typed = read.value();
  const job::TrainParameters& trained = model.parameters();
  if (typed.schema.empty()) {
    typed.schema = trained.schema;
    typed.schema_text = trained.schema_text;
  } else if (const std::string difference =
                 SchemaDifference(trained.schema_text, typed.schema_text);
             !difference.empty()) {
    return Status(StatusCode::kBadData,
                  "this schema is not the one that " + model.directory() + " was trained with: " +
                      difference + "; leave --schema out to use the model's own",
                  typed.schema);
  }
  if (typed.label.empty()) typed.label = trained.label;
  if (!values.Has("weight")) typed.weight = trained.weight;
  typed.task = trained.task;
  typed.keep_names = false;
  typed.intercept = trained.intercept;
  data::DatasetOptions options = job::DatasetOptionsOf(typed, /*valid=*/false);
  options.schema_optional = !values.Has("schema");  // Names are keys in every format.
  options.labels_optional = request.labels_optional;
  if (request.labels_optional) {
    // Labels are not looked at: any number will do.
    options.label_kind = data::LabelKind::kReal;
    options.label_rule.clear();
    options.weight_column.clear();
  }
  return options;
}

const char* KindOfInput(bool keys_are_ids) {
  return keys_are_ids ? "numeric feature ids (libsvm, libfm)"
                      : "features by name (csv, parquet, vw, criteo)";
}

// Open the input. What a reader says about a schema that the user did not name is about the model's.
Result<std::unique_ptr<data::Dataset>> OpenFor(const SavedModel& model, const Values& values,
                                               const data::DatasetOptions& options) {
  Result<std::unique_ptr<data::Dataset>> dataset = data::OpenDataset(options);
  if (!dataset.ok()) {
    const Status& refused = dataset.status();
    const bool about_schema = refused.code() == StatusCode::kInvalidArgument &&
                              !values.Has("schema") &&
                              refused.message().find("schema") != std::string::npos;
    if (!about_schema) return refused;
    return Status(StatusCode::kBadData,
                  "the model " + model.directory() + " was trained on " +
                      KindOfInput(model.keys_are_ids()) + ", this input has " +
                      KindOfInput(!model.keys_are_ids()),
                  refused.where());
  }
  if (dataset.value()->keys_are_ids() == model.keys_are_ids()) return dataset;
  const std::vector<std::string>& files = dataset.value()->files();
  return Status(StatusCode::kBadData,
                "the model " + model.directory() + " was trained on " +
                    KindOfInput(model.keys_are_ids()) + ", this input has " +
                    KindOfInput(!model.keys_are_ids()),
                files.empty() ? std::string() : files.front());
}

// The sum of the shards' rows, or 0 when one does not know.
std::uint64_t TotalRows(const std::vector<data::Shard>& shards) {
  std::uint64_t rows = 0;
  for (const data::Shard& shard : shards) {
    if (shard.row_count == data::kRowsUnknown) return 0;
    rows += shard.row_count;
  }
  return rows;
}

void ComputeMargins(const SavedModel& model, const data::RowBlock& block,
                    std::vector<double>& margins) {
  margins.assign(block.size(), 0.0);
  for (std::size_t row = 0; row < block.size(); ++row) {
    double margin = 0.0;
    for (std::size_t i = block.offsets[row]; i < block.offsets[row + 1]; ++i) {
      margin += model.Weight(block.keys[i]) * static_cast<double>(block.Value(i));
    }
    margins[row] = margin;
  }
}

}  // namespace

std::string SchemaDifference(const std::string& trained, const std::string& given) {
  const std::vector<std::string> ours = Lines(trained);
  const std::vector<std::string> theirs = Lines(given);
  const auto [our, their] = std::ranges::mismatch(ours, theirs);
  if (our == ours.end() && their == theirs.end()) return {};
  const auto quoted = [](const auto& at, const auto& lines) {
    return at == lines.end() ? std::string("nothing more") : "'" + *at + "'";
  };
  if (ours.empty()) return "the model has no schema";
  return "the model has " + quoted(our, ours) + " where this file has " + quoted(their, theirs);
}

Result<std::uint64_t> ScoreRows(const SavedModel& model, const Values& values,
                                const ScoreRequest& request, const ScoreVisitor& visit) {
  const Result<data::DatasetOptions> options = OptionsFor(model, values, request);
  if (!options.ok()) return options.status();
  const Result<std::unique_ptr<data::Dataset>> dataset = OpenFor(model, values, options.value());
  if (!dataset.ok()) return dataset.status();
  const Result<std::vector<data::Shard>> shards = dataset.value()->Cut(kShardRows);
  if (!shards.ok()) return shards.status();

  Progress progress(values.Switch("quiet"));
  ProgressSample sample{.activity = request.activity, .rows_total = TotalRows(shards.value())};
  std::uint64_t bad_rows = 0;
  data::RowBlock block;
  std::vector<double> margins;
  for (const data::Shard& shard : shards.value()) {
    const Result<std::unique_ptr<data::RowReader>> reader = dataset.value()->Open(shard);
    if (!reader.ok()) return reader.status();
    while (true) {
      block.Clear();
      SY_RETURN_IF_ERROR(reader.value()->Read(kBlockRows, block));
      if (block.empty()) break;
      ComputeMargins(model, block, margins);
      SY_RETURN_IF_ERROR(visit(block, margins));
      sample.rows += block.size();
      progress.Show(sample);
    }
    bad_rows += reader.value()->bad_rows();
  }
  return bad_rows;
}

}  // namespace steelyard::cli
