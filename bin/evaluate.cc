// steelyard evaluate: how well a model predicts labelled rows.
#include "command.h"
#include "evaluation_report.h"
#include "math/evaluation.h"
#include "output.h"
#include "saved_model.h"
#include "score.h"
#include "train_options.h"

namespace steelyard::cli {
namespace {

Status Run(const Values& values) {
  const Result<SavedModel> model =
      SavedModel::Load(values.Get("model", job::TrainParameters{}.model));
  if (!model.ok()) return model.status();
  const auto loss = math::LossKindOfName(job::TaskName(model.value().parameters().task));
  math::Evaluation evaluation(loss.value_or(math::LossKind::kLogistic));
  const auto visit = [&](const data::RowBlock& block, std::span<const double> margins) -> Status {
    for (std::size_t i = 0; i < block.size(); ++i) {
      evaluation.Add(margins[i], static_cast<double>(block.labels[i]),
                     static_cast<double>(block.Weight(i)));
    }
    return {};
  };
  const Result<std::uint64_t> bad_rows =
      ScoreRows(model.value(), values, {.activity = "evaluating"}, visit);
  if (!bad_rows.ok()) return bad_rows.status();
  EvaluationReport report = ReportOf(evaluation);
  report.bad_rows = bad_rows.value();
  if (PrintOut(values.Switch("json") ? EvaluationJson(report) + "\n" : EvaluationText(report)))
    return {};
  return Status(StatusCode::kIoError, "cannot write", "standard output");
}

}  // namespace

Command EvaluateCommand() {
  std::vector<Option> options =
      TrainOptions({"data", "format", "schema", "label", "weight", "bad-rows-max"}, "Data");
  options[0].help = "files or globs of labelled rows; - is standard input";
  options[0].required = true;
  options[2].help = "checked against the model's own schema, which is used when this is left out";
  options[2].default_text = "the model's";
  options[3].default_text = "the model's";
  options[4].default_text = "the model's";
  options.push_back({.name = "model",
                     .value = "DIR",
                     .group = "Model",
                     .help = "the model that train saved",
                     .default_text = job::TrainParameters{}.model});
  options.push_back(
      {.name = "json", .group = "Output", .help = "print one JSON object on standard output"});
  options.push_back({.name = "quiet", .group = "Output", .help = "no progress on standard error"});
  return {.name = "evaluate",
          .summary = "Judge a model on labelled rows: log loss, AUC, accuracy, calibration",
          .options = std::move(options),
          .examples = {"steelyard evaluate test.svm --model clicks --json"},
          .run = Run};
}

}  // namespace steelyard::cli
