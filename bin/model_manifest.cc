// Parameters as the manifest's texts, and back.
#include "model_manifest.h"

#include <algorithm>
#include <vector>

namespace steelyard::cli {
namespace {

using Paths = std::vector<std::string> job::TrainParameters::*;

// The manifest is UTF-8 text; paths may be any bytes. Such a path is a note to people: keep what can be read.
std::string Printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

bool Recorded(const job::Parameter& parameter) {
  return parameter.scope == job::Parameter::Scope::kJob && parameter.name != "model";
}

}  // namespace

std::string ProgramName() {
  return std::string("steelyard ") + SY_VERSION;
}

checkpoint::ModelManifest ManifestOf(const job::TrainParameters& parameters, data::Format format,
                                     bool keys_are_ids) {
  checkpoint::ModelManifest manifest;
  manifest.created_by = ProgramName();
  manifest.task = job::TaskName(parameters.task);
  manifest.solver = job::SolverName(parameters.solver);
  manifest.key_kind = keys_are_ids ? checkpoint::KeyKind::kIds : checkpoint::KeyKind::kNames;
  manifest.data_format = job::FormatName(format);
  manifest.schema_text = parameters.schema_text;
  for (const job::Parameter& parameter : job::TrainParameterTable()) {
    if (!Recorded(parameter) || !parameter.solvers.contains(parameters.solver)) continue;
    std::string text;
    for (const std::string& value : job::GetParameter(parameter, parameters)) {
      text += (text.empty() ? "" : " ") + Printable(value);
    }
    if (!text.empty()) manifest.parameters[std::string(parameter.name)] = text;
  }
  return manifest;
}

Result<job::TrainParameters> ParametersOf(const checkpoint::ModelManifest& manifest,
                                          const std::string& directory) {
  job::TrainParameters parameters;
  for (const auto& [name, text] : manifest.parameters) {
    const job::Parameter* parameter = job::FindTrainParameter(name);
    if (parameter == nullptr || std::holds_alternative<Paths>(parameter->field)) continue;
    const Status status = job::SetParameter(*parameter, text, parameters);
    if (!status.ok()) {
      return Status(StatusCode::kBadData, "this program cannot use the model: " + status.message(),
                    directory);
    }
  }
  parameters.schema_text = manifest.schema_text;
  if (job::TaskName(parameters.task) != manifest.task) {
    return Status(StatusCode::kBadData, "a model of task " + manifest.task + " cannot be used here",
                  directory);
  }
  return parameters;
}

}  // namespace steelyard::cli
