// Values of parameters from text and back. Private to job/parameters.cc and its tests.
#pragma once

#include <string>
#include <string_view>

#include "job/parameters.h"

namespace steelyard::job::parameter_text {

// Each Parse sets `value`, or says in kInvalidArgument what `flag` accepts and what was found.
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             bool& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             std::uint64_t& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             double& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             std::string& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             Task& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             Solver& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             data::Format& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             HoldoutRule& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             BadRowsLimit& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             Delay& value);
Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             ByteSize& value);

std::string Print(bool value);
std::string Print(std::uint64_t value);
std::string Print(double value);
std::string Print(const std::string& value);
std::string Print(Task value);
std::string Print(Solver value);
std::string Print(data::Format value);
std::string Print(const HoldoutRule& value);
std::string Print(const BadRowsLimit& value);
std::string Print(const Delay& value);
std::string Print(const ByteSize& value);

/// Return "> 0", "1 to 1024", ">= 0", or empty when every number is accepted.
std::string Describe(const Parameter::Bounds& bounds);

/// The names of an enumeration's values, in order, as " | "-joined text.
std::string TaskChoices();
std::string SolverChoices();
std::string FormatChoices();

}  // namespace steelyard::job::parameter_text
