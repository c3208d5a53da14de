// Parameters to options, and typed values to parameters.
#include "train_options.h"

#include <algorithm>

#include "base/check.h"
#include "config_file.h"
#include "text_file.h"

namespace steelyard::cli {
namespace {

constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;

bool IsList(const job::Parameter& parameter) {
  return std::holds_alternative<std::vector<std::string> job::TrainParameters::*>(parameter.field);
}

Option OptionOf(const job::Parameter& parameter) {
  const std::string solvers = job::ParameterSolvers(parameter);
  return {.name = std::string(parameter.name),
          .value = std::string(parameter.value),
          .group = std::string(parameter.group),
          .help = std::string(parameter.help) + (solvers.empty() ? "" : "; " + solvers),
          .range = job::ParameterRange(parameter),
          .default_text = job::ParameterDefault(parameter),
          .positional = parameter.positional,
          .repeated = IsList(parameter)};
}

}  // namespace

std::vector<Option> TrainOptions() {
  std::vector<Option> options;
  for (const job::Parameter& parameter : job::TrainParameterTable()) {
    if (parameter.scope != job::Parameter::Scope::kFrame) options.push_back(OptionOf(parameter));
  }
  return options;
}

std::vector<Option> TrainOptions(std::initializer_list<std::string_view> names,
                                 std::string_view group) {
  std::vector<Option> options;
  for (const std::string_view name : names) {
    const job::Parameter* parameter = job::FindTrainParameter(name);
    SY_CHECK(parameter != nullptr);
    options.push_back(OptionOf(*parameter));
    options.back().group = std::string(group);
  }
  return options;
}

namespace {

// Put what the configuration file and the command line say over `parameters`; `said` is all of that.
Status ReadOver(const Values& values, job::TrainParameters& parameters,
                std::vector<SaidParameter>& said) {
  if (values.Has("config")) {
    parameters.config = values.Get("config");
    const Result<std::string> text = ReadTextFile(parameters.config, kConfigBytesMax, "--config");
    if (!text.ok()) return text.status();
    SY_RETURN_IF_ERROR(ApplyConfig(parameters.config, text.value(), parameters, said));
  }
  for (const job::Parameter& parameter : job::TrainParameterTable()) {
    const auto texts = values.GetAll(parameter.name);
    if (texts.empty() || parameter.scope == job::Parameter::Scope::kFrame) continue;
    said.push_back({.parameter = &parameter, .where = {}});
    if (IsList(parameter)) {
      // A list on the command line replaces the file's.
      const auto field =
          std::get<std::vector<std::string> job::TrainParameters::*>(parameter.field);
      (parameters.*field).clear();
      for (const std::string& text : texts)
        SY_RETURN_IF_ERROR(job::SetParameter(parameter, text, parameters));
    } else {
      SY_RETURN_IF_ERROR(job::SetParameter(parameter, texts.back(), parameters));
    }
  }
  return {};
}

}  // namespace

Result<job::TrainParameters> ReadTrainParameters(const Values& values) {
  job::TrainParameters parameters;
  std::vector<SaidParameter> said;
  SY_RETURN_IF_ERROR(ReadOver(values, parameters, said));
  if (parameters.solver != job::TrainParameters{}.solver) {
    // What was not said is as this solver has it.
    parameters = job::TrainParameters::DefaultsOf(parameters.solver);
    said.clear();
    SY_RETURN_IF_ERROR(ReadOver(values, parameters, said));
  }
  for (const SaidParameter& one : said) {
    const Status concerns = job::CheckConcerns(*one.parameter, parameters);
    if (!concerns.ok()) return Status(concerns.code(), concerns.message(), one.where);
  }
  if (!parameters.schema.empty()) {
    const Result<std::string> text = ReadTextFile(parameters.schema, kConfigBytesMax, "--schema");
    if (!text.ok()) return text.status();
    parameters.schema_text = text.value();
  }
  return parameters;
}

}  // namespace steelyard::cli
