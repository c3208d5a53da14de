// Labels: rules such as "> 15" and the two plain kinds.
#include "data/label.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "data/near_miss.h"
#include "data/number.h"

namespace steelyard::data {

Result<LabelRule> LabelRule::Parse(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Comparison>, 6> kOperators = {{
      {">=", Comparison::kGreaterEqual},
      {"<=", Comparison::kLessEqual},
      {"==", Comparison::kEqual},
      {"!=", Comparison::kNotEqual},
      {">", Comparison::kGreater},
      {"<", Comparison::kLess},
  }};
  const std::size_t start = text.find_first_not_of(" \t");
  std::string_view rest = start == std::string_view::npos ? "" : text.substr(start);
  for (const auto& [sign, comparison] : kOperators) {
    if (!rest.starts_with(sign)) continue;
    rest.remove_prefix(sign.size());
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    while (rest.ends_with(' ')) rest.remove_suffix(1);
    LabelRule rule;
    rule.comparison_ = comparison;
    rule.number_ = ParseReal(rest);
    rule.text_ = rest;
    const bool equality = comparison == Comparison::kEqual || comparison == Comparison::kNotEqual;
    if (rule.number_ || (equality && !rest.empty() && !rest.starts_with('='))) return rule;
    break;
  }
  return Status(StatusCode::kInvalidArgument,
                fmt::format("{} is no label rule; a rule is one of > >= < <= == != and a number, "
                            "for example '> 15'",
                            Quoted(text)));
}

bool LabelRule::Holds(double value) const {
  if (!number_) return comparison_ == Comparison::kNotEqual;  // A number is not that text.
  switch (comparison_) {
    case Comparison::kGreater:
      return value > *number_;
    case Comparison::kGreaterEqual:
      return value >= *number_;
    case Comparison::kLess:
      return value < *number_;
    case Comparison::kLessEqual:
      return value <= *number_;
    case Comparison::kEqual:
      return value == *number_;
    case Comparison::kNotEqual:
      return value != *number_;
  }
  return false;
}

std::optional<bool> LabelRule::HoldsForText(std::string_view value) const {
  if (comparison_ == Comparison::kEqual) return value == text_;
  if (comparison_ == Comparison::kNotEqual) return value != text_;
  return std::nullopt;
}

std::optional<float> LabelMap::OfNumber(double value) const {
  if (std::isnan(value)) return std::nullopt;
  if (rule_) return rule_->Holds(value) ? 1.0F : 0.0F;
  if (kind_ == LabelKind::kBinary) {
    if (value == 1) return 1.0F;
    if (value == 0 || value == -1) return 0.0F;
    return std::nullopt;
  }
  if (std::abs(value) > std::numeric_limits<float>::max()) return std::nullopt;
  return static_cast<float>(value);
}

std::optional<float> LabelMap::OfText(std::string_view value) const {
  if (const std::optional<double> number = ParseReal(value)) return OfNumber(*number);
  if (!rule_) return std::nullopt;
  const std::optional<bool> holds = rule_->HoldsForText(value);
  if (!holds) return std::nullopt;
  return *holds ? 1.0F : 0.0F;
}

std::string LabelMap::Complaint(std::string_view label) const {
  if (rule_) return fmt::format("label {} cannot be compared by the label rule", Quoted(label));
  if (kind_ == LabelKind::kReal) {
    return fmt::format("label {} is no finite number", Quoted(label));
  }
  return fmt::format(
      "label {} is neither 0/1 nor -1/+1; say which labels are positive with a rule, "
      "for example --label '> 0'",
      Quoted(label));
}

}  // namespace steelyard::data
