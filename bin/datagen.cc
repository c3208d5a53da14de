// steelyard datagen: rows like click logs from a planted model, of any number, in any text format.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iterator>
#include <type_traits>

#include "command.h"
#include "data/planted.h"
#include "job/parameters.h"
#include "output.h"
#include "progress.h"
#include "text_output.h"

namespace steelyard::cli {
namespace {

constexpr std::uint64_t kCountMax = std::uint64_t{1} << 53;
constexpr std::uint64_t kFieldsMax = 10'000;
constexpr std::size_t kPieceBytes = 64 << 10;

struct Request {
  std::uint64_t rows = 0;
  std::uint64_t seed = 1;
  data::PlantedOptions model;
  data::Format format = data::Format::kLibsvm;
  std::string out = "-";
  bool json = false;
  bool quiet = false;
};

Result<double> NumberOf(const Values& values, std::string_view name, double otherwise, double min,
                        double max) {
  if (!values.Has(name)) return otherwise;
  const std::string text = values.Get(name);
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  if (whole && number >= min && number <= max) return number;
  return Status(StatusCode::kInvalidArgument,
                fmt::format("--{} must be a number from {} to {}, got {}", name, min, max,
                            text.empty() ? "nothing" : text));
}

Status ReadCounts(const Values& values, Request& request) {
  const auto read = [&](std::string_view name, auto& number, std::uint64_t max) -> Status {
    const Result<std::uint64_t> count = values.GetCount(name, number, max);
    if (!count.ok()) return count.status();
    number = static_cast<std::remove_reference_t<decltype(number)>>(count.value());
    return {};
  };
  SY_RETURN_IF_ERROR(read("rows", request.rows, kCountMax));
  SY_RETURN_IF_ERROR(read("seed", request.seed, UINT64_MAX));
  SY_RETURN_IF_ERROR(read("model-seed", request.model.model_seed, UINT64_MAX));
  SY_RETURN_IF_ERROR(read("fields", request.model.fields, kFieldsMax));
  return read("features", request.model.features, kCountMax);
}

Status ReadFormat(const Values& values, Request& request) {
  job::TrainParameters parameters;
  const job::Parameter* format = job::FindTrainParameter("format");
  SY_RETURN_IF_ERROR(job::SetParameter(*format, values.Get("format", "libsvm"), parameters));
  request.format = parameters.format;
  if (request.format == data::Format::kCriteo) request.model.integer_fields = 13;
  return {};
}

Result<Request> ReadRequest(const Values& values) {
  Request request;
  SY_RETURN_IF_ERROR(ReadCounts(values, request));
  SY_RETURN_IF_ERROR(ReadFormat(values, request));
  const Result<double> density = NumberOf(values, "density", request.model.density, 0, 1);
  if (!density.ok()) return density.status();
  request.model.density = density.value();
  const Result<double> bias = NumberOf(values, "bias", request.model.bias, -30, 30);
  if (!bias.ok()) return bias.status();
  request.model.bias = bias.value();
  request.out = values.Get("out", "-");
  request.json = values.Switch("json");
  request.quiet = values.Switch("quiet");
  if (request.json && request.out == "-") {
    return Status(StatusCode::kInvalidArgument,
                  "--json prints a report on standard output, where the rows go; add --out FILE");
  }
  return request;
}

Status WriteWhole(const std::string& path, const std::function<Status(TextOutput&)>& write) {
  Result<TextOutput> out = TextOutput::Open(path);
  if (!out.ok()) return out.status();
  SY_RETURN_IF_ERROR(write(out.value()));
  return out.value().Commit();
}

// Every weight that is not 0: what a model trained on the rows calls the feature, a tab, the weight.
Status WriteWeights(const std::string& path, const data::PlantedModel& model,
                    const data::PlantedText& text) {
  return WriteWhole(path, [&](TextOutput& out) -> Status {
    for (std::size_t field = 0; field < model.fields(); ++field) {
      for (std::uint64_t value = 0; value < model.cardinality(field); ++value) {
        const double weight = model.Weight(field, value);
        if (weight == 0.0) continue;
        SY_RETURN_IF_ERROR(
            out.Write(fmt::format("{}\t{}\n", text.FeatureText(field, value), weight)));
      }
    }
    return {};
  });
}

GeneratedReport WriteRows(const Request& request, const data::PlantedModel& model,
                          data::PlantedText& text, TextOutput& out, Status& status) {
  Progress progress(request.quiet);
  ProgressSample sample{.activity = "generating", .rows_total = request.rows};
  GeneratedReport report;
  data::PlantedRows rows(model, request.seed);
  data::PlantedRow row;
  std::string piece = text.Header();
  double loss = 0;
  for (std::uint64_t i = 0; i < request.rows && !out.closed(); ++i) {
    rows.Next(row);
    text.Append(row, piece);
    ++report.rows;
    report.positive_rows += row.positive ? 1 : 0;
    loss -= row.positive ? std::log(row.probability) : std::log1p(-row.probability);
    if (piece.size() < kPieceBytes) continue;
    status = out.Write(piece);
    if (!status.ok()) return report;
    piece.clear();
    sample.rows = report.rows;
    progress.Show(sample);
  }
  status = out.Write(piece);
  if (report.rows > 0) report.log_loss = loss / static_cast<double>(report.rows);
  return report;
}

Status Run(const Values& values) {
  const Result<Request> read = ReadRequest(values);
  if (!read.ok()) return read.status();
  const Request& request = read.value();
  const Result<data::PlantedModel> model = data::PlantedModel::Make(request.model);
  if (!model.ok()) return model.status();
  Result<data::PlantedText> text = data::PlantedText::Make(model.value(), request.format);
  if (!text.ok()) return text.status();
  if (values.Has("weights")) {
    SY_RETURN_IF_ERROR(WriteWeights(values.Get("weights"), model.value(), text.value()));
  }
  if (values.Has("schema-out")) {
    SY_RETURN_IF_ERROR(WriteWhole(values.Get("schema-out"), [&](TextOutput& out) {
      return out.Write(text.value().SchemaText());
    }));
  }
  Result<TextOutput> out = TextOutput::Open(request.out);
  if (!out.ok()) return out.status();
  Status status;
  const GeneratedReport report =
      WriteRows(request, model.value(), text.value(), out.value(), status);
  if (!status.ok()) return status;
  SY_RETURN_IF_ERROR(out.value().Commit());
  if (!request.json && request.out == "-") {  // Standard output is taken.
    if (!request.quiet && !out.value().closed()) std::fputs(GeneratedText(report).c_str(), stderr);
    return {};
  }
  if (PrintOut(request.json ? GeneratedJson(report) + "\n" : GeneratedText(report))) return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

std::vector<Option> RowOptions() {
  const data::PlantedOptions defaults;
  return {{.name = "rows", .value = "N", .group = "Rows", .help = "how many", .required = true},
          {.name = "seed",
           .value = "N",
           .group = "Rows",
           .help = "of the rows: the same seed gives the same rows",
           .default_text = "1"},
          {.name = "format",
           .value = "NAME",
           .group = "Rows",
           .help = "how to write them",
           .range = "libsvm | libfm | libffm | vw | criteo | csv",
           .default_text = "libsvm"},
          {.name = "fields",
           .value = "N",
           .group = "Model",
           .help = "features of a row, one of each field",
           .default_text = std::to_string(defaults.fields)},
          {.name = "features",
           .value = "N",
           .group = "Model",
           .help = "features of all fields together",
           .default_text = std::to_string(defaults.features)},
          {.name = "density",
           .value = "X",
           .group = "Model",
           .help = "share of the planted weights that are not 0",
           .range = "from 0 to 1",
           .default_text = fmt::format("{}", defaults.density)},
          {.name = "bias",
           .value = "X",
           .group = "Model",
           .help = "margin of a row whose weights are all 0",
           .default_text = fmt::format("{}", defaults.bias)},
          {.name = "model-seed",
           .value = "N",
           .group = "Model",
           .help = "of the planted weights; keep it for more rows of the same model",
           .default_text = "1"}};
}

std::vector<Option> OutputOptions() {
  return {{.name = "out",
           .value = "FILE|-",
           .group = "Output",
           .help = "where to write; .gz and .zst are packed; a file appears when it is complete",
           .default_text = "-, standard output"},
          {.name = "weights",
           .value = "FILE",
           .group = "Output",
           .help = "write the planted weights that are not 0: feature, tab, weight"},
          {.name = "schema-out",
           .value = "FILE.toml",
           .group = "Output",
           .help = "write a schema for --format csv"},
          {.name = "json",
           .group = "Output",
           .help = "print one JSON object on standard output at the end"},
          {.name = "quiet", .group = "Output", .help = "no progress on standard error"}};
}

}  // namespace

Command DatagenCommand() {
  std::vector<Option> options = RowOptions();
  std::ranges::move(OutputOptions(), std::back_inserter(options));
  return {
      .name = "datagen",
      .summary = "Generate rows like click logs from a planted model",
      .options = std::move(options),
      .examples = {"steelyard datagen --rows 1000000 --out train.svm.zst",
                   "steelyard datagen --rows 100000 --seed 2 --out test.svm --json",
                   "steelyard datagen --rows 1000000000 --quiet | steelyard train - --workers 2"},
      .notes =
          "Each row has one value of each field, frequent ones as in Zipf's law, and a label "
          "drawn\n"
          "from a logistic model with a weight for each value. The report's log loss is that of "
          "the\n"
          "planted model on the rows: no learner does better, but for chance.",
      .run = Run};
}

}  // namespace steelyard::cli
