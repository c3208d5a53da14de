// The only file of bin/ that includes the TOML library.
#include "config_file.h"

#include <array>
#include <charconv>
#include <vector>

#include "base/near_miss.h"
#include "base/toml.h"

namespace steelyard::cli {
namespace {

std::string At(const std::string& path, const toml::source_region& source) {
  return path + ":" + std::to_string(source.begin.line);
}

// The text of a plain value as a flag would have it, or false for tables, dates and arrays.
bool PlainText(const toml::node& node, std::string& text) {
  if (const auto* word = node.as_string()) {
    text = word->get();
    return true;
  }
  if (const auto* number = node.as_integer()) {
    text = std::to_string(number->get());
    return true;
  }
  if (const auto* flag = node.as_boolean()) {
    text = flag->get() ? "true" : "false";
    return true;
  }
  if (const auto* number = node.as_floating_point()) {
    std::array<char, 64> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), number->get());
    text.assign(digits.data(), end);
    return error == std::errc{};
  }
  return false;
}

Status ApplyKey(const std::string& path, const toml::key& key, const toml::node& node,
                job::TrainParameters& parameters, std::vector<SaidParameter>& said) {
  const std::string_view name = key.str();
  const auto refuse = [&](std::string message) {
    return Status(StatusCode::kInvalidArgument, std::move(message), At(path, key.source()));
  };
  const job::Parameter* parameter = job::FindTrainParameter(name);
  const bool settable = parameter != nullptr && (parameter->scope == job::Parameter::Scope::kJob ||
                                                 parameter->scope == job::Parameter::Scope::kLocal);
  if (parameter != nullptr && parameter->scope == job::Parameter::Scope::kFlag) {
    return refuse("'" + std::string(name) + "' can only be a flag");
  }
  if (!settable) {
    return refuse("unknown key '" + std::string(name) + "'" +
                  DidYouMean(name, job::TrainParameterNames()) +
                  " (keys are the flags of steelyard train without the dashes)");
  }
  std::vector<std::string> texts;
  const bool list =
      std::holds_alternative<std::vector<std::string> job::TrainParameters::*>(parameter->field);
  if (const toml::array* array = node.as_array(); array != nullptr && list) {
    for (const toml::node& element : *array) {
      if (!element.is_string()) return refuse(std::string(name) + " must be a list of texts");
      texts.push_back(element.as_string()->get());
    }
  } else if (texts.emplace_back(); !PlainText(node, texts.back())) {
    return refuse(std::string(name) + " must be a single value, found " +
                  (node.is_table() ? "a table" : "a list or date"));
  }
  for (const std::string& text : texts) {
    const Status status = job::SetParameter(*parameter, text, parameters);
    if (!status.ok()) return refuse(status.message());
  }
  said.push_back({.parameter = parameter, .where = At(path, key.source())});
  return {};
}

}  // namespace

Status ApplyConfig(const std::string& path, const std::string& text,
                   job::TrainParameters& parameters, std::vector<SaidParameter>& said) {
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return Status(StatusCode::kInvalidArgument, "not TOML: " + std::string(error.description()),
                  At(path, error.source()));
  }
  for (const auto& [key, node] : table)
    SY_RETURN_IF_ERROR(ApplyKey(path, key, node, parameters, said));
  return {};
}

}  // namespace steelyard::cli
