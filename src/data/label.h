// LabelMap: how the number in a label column becomes what the learner wants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "steelyard/status.h"

namespace steelyard::data {

/// "> 15": a comparison that makes a positive of any number (or, with == and !=, of any text).
class LabelRule {
 public:
  /// Errors: kInvalidArgument  not an operator (> >= < <= == !=) followed by a number or a text.
  static Result<LabelRule> Parse(std::string_view text);

  bool Holds(double value) const;
  /// A label that is no number: only == and != of a text apply.
  std::optional<bool> HoldsForText(std::string_view value) const;

 private:
  enum class Comparison : std::uint8_t {
    kGreater,
    kGreaterEqual,
    kLess,
    kLessEqual,
    kEqual,
    kNotEqual
  };
  Comparison comparison_ = Comparison::kGreater;
  std::optional<double> number_;
  std::string text_;
};

/// Threads: safe for concurrent use once made.
class LabelMap {
 public:
  LabelMap(LabelKind kind, std::optional<LabelRule> rule) : kind_(kind), rule_(std::move(rule)) {}

  /// Return the learner's label, or nothing when `value` is no label.
  std::optional<float> OfNumber(double value) const;
  std::optional<float> OfText(std::string_view value) const;
  /// What is wrong with a label that was refused, and what to do.
  std::string Complaint(std::string_view label) const;

 private:
  LabelKind kind_;
  std::optional<LabelRule> rule_;
};

}  // namespace steelyard::data
