// steelyard convert: rows of one format written in another.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "data/input_files.h"
#include "data/row_writer.h"
#include "data/schema.h"
#include "job/batch_reader.h"
#include "output.h"
#include "progress.h"
#include "text_output.h"
#include "train_options.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kBlockRows = 2048;
constexpr std::uint64_t kShardRows = 1'000'000;

// --to, or what the name of the output says.
Result<data::Format> TargetOf(const Values& values, const std::string& out) {
  if (values.Has("to")) {
    job::TrainParameters parameters;
    const job::Parameter* format = job::FindTrainParameter("format");
    const Status status = job::SetParameter(*format, values.Get("to"), parameters);
    const bool known = status.ok() && parameters.format != data::Format::kAuto;
    if (known) return parameters.format;
    return Status(StatusCode::kInvalidArgument,
                  "--to must be one of libsvm, libfm, vw, got " + values.Get("to"));
  }
  const data::Format format = data::FormatOfName(out);
  if (format != data::Format::kAuto) return format;
  return Status(StatusCode::kInvalidArgument,
                "the name of the output does not say its format; add --to libsvm, libfm or vw, or "
                "let it end in .svm, .libfm or .vw",
                out == "-" ? "standard output" : out);
}

struct Input {
  std::unique_ptr<data::Dataset> dataset;
  bool binary_labels = false;  ///< A rule made them 0 and 1.
};

Result<Input> OpenInput(const Values& values, data::Format to) {
  Result<job::TrainParameters> read = ReadTrainParameters(values);
  if (!read.ok()) return read.status();
  job::TrainParameters& parameters = read.value();
  parameters.data = {values.Get("in")};
  data::DatasetOptions options = job::DatasetOptionsOf(parameters, /*valid=*/false);
  options.keep_names = to == data::Format::kVw;  // Others write the numbers of their keys.
  options.labels_optional = values.Switch("labels-optional");
  Input input;
  input.binary_labels = !options.label_rule.empty();
  if (!options.schema_text.empty()) {
    const Result<data::Schema> schema = data::ParseSchema(options.schema_text, options.schema_name);
    if (!schema.ok()) return schema.status();
    input.binary_labels = input.binary_labels || !schema.value().positive.empty();
  }
  options.label_kind = input.binary_labels ? data::LabelKind::kBinary : data::LabelKind::kReal;
  Result<std::unique_ptr<data::Dataset>> dataset = data::OpenDataset(options);
  if (!dataset.ok()) return dataset.status();
  input.dataset = std::move(dataset.value());
  return input;
}

/// Reads shards and writes their rows.
class Conversion {
 public:
  Conversion(data::Dataset& dataset, data::RowWriter& writer, TextOutput& out, bool quiet)
      : dataset_(dataset), writer_(writer), out_(out), progress_(quiet) {}

  Status Run(ConvertedReport& report) {
    const Result<std::vector<data::Shard>> shards = dataset_.Cut(kShardRows);
    if (!shards.ok()) return shards.status();
    for (const data::Shard& shard : shards.value()) {
      const Result<std::unique_ptr<data::RowReader>> reader = dataset_.Open(shard);
      if (!reader.ok()) return reader.status();
      while (!out_.closed()) {
        block_.Clear();
        SY_RETURN_IF_ERROR(reader.value()->Read(kBlockRows, block_));
        if (block_.empty()) break;
        if (writer_.wants_names()) writer_.Learn(reader.value()->TakeNames());
        SY_RETURN_IF_ERROR(WriteBlock(dataset_.files()[shard.file]));
        report.rows += block_.size();
        sample_.rows = report.rows;
        progress_.Show(sample_);
      }
      report.bad_rows += reader.value()->bad_rows();
    }
    return {};
  }

 private:
  Status WriteBlock(const std::string& file) {
    text_.clear();
    for (std::size_t i = 0; i < block_.size(); ++i) {
      const Status status = writer_.Append(block_, i, text_);
      if (!status.ok()) {
        return Status(status.code(), status.message(),
                      fmt::format("{}: row {} of the input", file, block_.rows[i]));
      }
    }
    return out_.Write(text_);
  }

  data::Dataset& dataset_;
  data::RowWriter& writer_;
  TextOutput& out_;
  Progress progress_;
  ProgressSample sample_{.activity = "converting"};
  data::RowBlock block_;
  std::string text_;
};

Status Run(const Values& values) {
  const std::string path = values.Get("out");
  const bool to_standard_output = path == "-";
  if (to_standard_output && values.Switch("json")) {
    return Status(StatusCode::kInvalidArgument,
                  "--json prints a report on standard output, where the rows go; name a file");
  }
  const Result<data::Format> to = TargetOf(values, path);
  if (!to.ok()) return to.status();
  const Result<Input> input = OpenInput(values, to.value());
  if (!input.ok()) return input.status();
  data::Dataset& dataset = *input.value().dataset;
  Result<data::RowWriter> writer =
      data::RowWriter::Make(dataset.format(), to.value(), input.value().binary_labels);
  if (!writer.ok()) return writer.status();
  Result<TextOutput> out = TextOutput::Open(path);
  if (!out.ok()) return out.status();
  ConvertedReport report{
      .from = data::FormatName(dataset.format()), .to = data::FormatName(to.value()), .out = path};
  SY_RETURN_IF_ERROR(
      Conversion(dataset, writer.value(), out.value(), values.Switch("quiet")).Run(report));
  SY_RETURN_IF_ERROR(out.value().Commit());
  if (to_standard_output) return {};
  if (PrintOut(values.Switch("json") ? ConvertedJson(report) + "\n" : ConvertedText(report)))
    return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command ConvertCommand() {
  std::vector<Option> options = {
      {.name = "in",
       .value = "IN",
       .group = "Data",
       .help = "a file or glob of rows; - is standard input",
       .positional = true,
       .required = true},
      {.name = "out",
       .value = "OUT",
       .group = "Data",
       .help = "where to write; .gz and .zst are packed; a file appears when it is complete",
       .positional = true,
       .required = true},
      {.name = "to",
       .value = "NAME",
       .group = "Data",
       .help = "how to write",
       .range = "libsvm | libfm | vw",
       .default_text = "what the name of OUT says"}};
  for (Option& option :
       TrainOptions({"format", "schema", "label", "weight", "bad-rows-max"}, "Data")) {
    options.push_back(std::move(option));
  }
  options[3].help = "how IN is written; auto looks at its name and first bytes";
  options[5].default_text = "labels as they are";
  options.push_back(
      {.name = "labels-optional",
       .group = "Data",
       .help = "rows may lack a label, as for predict: 3:1 at the start is a feature"});
  options.push_back({.name = "json",
                     .group = "Output",
                     .help = "print one JSON object on standard output at the end"});
  options.push_back({.name = "quiet", .group = "Output", .help = "no progress on standard error"});
  return {.name = "convert",
          .summary = "Write rows in another format",
          .options = std::move(options),
          .examples = {"steelyard convert day.txt day.vw.zst --format criteo",
                       "steelyard convert flights.parquet flights.svm --schema flights.toml",
                       "zcat clicks.svm.gz | steelyard convert - - --to vw | vw --ftrl"},
          .notes =
              "From features by name, libsvm gets the numbers of their keys: a model learns the "
              "same from\n"
              "both. What cannot be written without losing something is refused.",
          .run = Run};
}

}  // namespace steelyard::cli
