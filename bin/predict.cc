// steelyard predict: one prediction a line, in input order.
#include <array>
#include <charconv>
#include <span>

#include "command.h"
#include "math/loss.h"
#include "output_file.h"
#include "saved_model.h"
#include "score.h"
#include "train_options.h"

namespace steelyard::cli {
namespace {

/// Writes predictions as lines, and "nan" for rows that were skipped, so that line r is row r.
class PredictionWriter {
 public:
  PredictionWriter(OutputFile& out, bool probabilities)
      : out_(out), probabilities_(probabilities) {}

  Status Write(const data::RowBlock& block, std::span<const double> margins) {
    text_.clear();
    for (std::size_t i = 0; i < block.size(); ++i) {
      for (; next_row_ < block.rows[i]; ++next_row_) text_ += "nan\n";
      Append(probabilities_ ? math::Sigmoid(margins[i]) : margins[i]);
      ++next_row_;
    }
    return out_.Write(text_);
  }

  /// Add the lines of skipped rows at the end of an input of `row_count` rows.
  Status Finish(std::uint64_t row_count) {
    for (; next_row_ < row_count; ++next_row_) SY_RETURN_IF_ERROR(out_.Write("nan\n"));
    return out_.Commit();
  }

 private:
  void Append(double value) {
    std::array<char, 64> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<float>(value));
    text_.append(digits.data(), error == std::errc{} ? end : digits.data());
    text_ += '\n';
  }

  OutputFile& out_;
  const bool probabilities_;
  std::string text_;
  std::uint64_t next_row_ = 0;
};

Status Run(const Values& values) {
  const Result<SavedModel> model =
      SavedModel::Load(values.Get("model", job::TrainParameters{}.model));
  if (!model.ok()) return model.status();
  Result<OutputFile> out = OutputFile::Open(values.Get("out", "-"));
  if (!out.ok()) return out.status();
  const bool logistic = model.value().parameters().task == job::Task::kLogistic;
  PredictionWriter writer(out.value(), logistic && !values.Switch("raw"));
  std::uint64_t rows = 0;
  const auto visit = [&](const data::RowBlock& block, std::span<const double> margins) {
    rows += block.size();
    return writer.Write(block, margins);
  };
  const ScoreRequest request{.activity = "predicting", .labels_optional = true};
  const Result<std::uint64_t> bad_rows = ScoreRows(model.value(), values, request, visit);
  if (!bad_rows.ok()) return bad_rows.status();
  return writer.Finish(rows + bad_rows.value());
}

}  // namespace

Command PredictCommand() {
  std::vector<Option> options = TrainOptions({"data", "format", "schema", "bad-rows-max"}, "Data");
  options[0].help =
      "files or globs of rows to predict, with or without labels; - is standard input";
  options[0].required = true;
  options[2].help = "checked against the model's own schema, which is used when this is left out";
  options[2].default_text = "the model's";
  options[3].help = "write nan for up to so many rows that cannot be read, then fail";
  const std::string model = job::TrainParameters{}.model;
  options.push_back({.name = "model",
                     .value = "DIR",
                     .group = "Model",
                     .help = "the model that train saved",
                     .default_text = model});
  options.push_back(
      {.name = "raw", .group = "Output", .help = "margins (w.x) instead of probabilities"});
  options.push_back({.name = "out",
                     .value = "FILE|-",
                     .group = "Output",
                     .help = "where to write; a file appears when it is complete",
                     .default_text = "-, standard output"});
  options.push_back({.name = "quiet", .group = "Output", .help = "no progress on standard error"});
  return {
      .name = "predict",
      .summary = "Write a model's prediction for every row",
      .options = std::move(options),
      .examples = {"steelyard predict new.svm --model clicks > probabilities.txt",
                   "zcat new.svm.gz | steelyard predict - --model clicks --out probabilities.txt"},
      .notes =
          "Writes one number a line, in input order: the probability of the positive label "
          "(logistic),\n"
          "the value (squared) or the margin (hinge, squared_hinge).",
      .run = Run};
}

}  // namespace steelyard::cli
