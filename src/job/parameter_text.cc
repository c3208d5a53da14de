// Parsing and printing of single parameter values; no locale, shortest text that reads back as the same value.
#include "job/parameter_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/near_miss.h"

namespace steelyard::job::parameter_text {
namespace {

// Indexed by the enumerations' values.
constexpr std::array<std::string_view, 4> kTasks = {"logistic", "squared", "hinge",
                                                    "squared_hinge"};
constexpr std::array<std::string_view, 6> kSolvers = {"ftrl", "sgd",  "adagrad",
                                                      "adam", "dbpg", "owlqn"};
constexpr std::array<std::string_view, 8> kFormats = {"auto", "libsvm", "libfm", "libffm",
                                                      "vw",   "criteo", "csv",   "parquet"};

Status Refuse(std::string_view flag, std::string_view wanted, std::string_view text) {
  std::string message(flag);
  message.append(" must be ").append(wanted).append(", got ");
  if (text.empty()) {
    message += "nothing";
  } else {
    message += text;
  }
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end && !text.empty();
}

// "10%": a number in (0, 100) or, with `zero_and_all`, in [0, 100].
bool ParsePercent(std::string_view text, bool zero_and_all, double& percent) {
  if (!text.ends_with('%')) return false;
  text.remove_suffix(1);
  double value = 0.0;
  if (!ParseNumber(text, value)) return false;
  const bool inside = zero_and_all ? value >= 0.0 && value <= 100.0 : value > 0.0 && value < 100.0;
  if (inside) percent = value;
  return inside;
}

bool Inside(const Parameter::Bounds& bounds, double value) {
  const bool above = bounds.min_excluded ? value > bounds.min : value >= bounds.min;
  const bool below = bounds.max_excluded ? value < bounds.max : value <= bounds.max;
  return above && below;
}

template <typename Enum, std::size_t n>
Status ParseChoice(std::string_view flag, std::string_view text,
                   const std::array<std::string_view, n>& names, Enum& value) {
  std::string wanted = "one of ";
  for (std::size_t i = 0; i < n; ++i) {
    if (names[i] == text) {
      value = static_cast<Enum>(i);
      return {};
    }
    wanted.append(i == 0 ? "" : ", ").append(names[i]);
  }
  Status refused = Refuse(flag, wanted, text);
  return Status(refused.code(), refused.message() + DidYouMean(text, names));
}

template <std::size_t n>
std::string Join(const std::array<std::string_view, n>& names) {
  std::string joined;
  for (const std::string_view name : names) joined.append(joined.empty() ? "" : " | ").append(name);
  return joined;
}

template <typename Number>
std::string PrintNumber(Number value) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::string(text.data(), end) : std::string{};
}

// A bound as a person writes it: 1000000, not 1e+06.
std::string PrintBound(double bound) {
  const bool whole = bound == std::floor(bound) && std::fabs(bound) < 1e15;
  return whole ? PrintNumber(static_cast<std::int64_t>(bound)) : PrintNumber(bound);
}

}  // namespace

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&, bool& value) {
  if (text != "true" && text != "false") return Refuse(flag, "true or false", text);
  value = text == "true";
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             std::uint64_t& value) {
  std::uint64_t number = 0;
  if (!ParseNumber(text, number) || !Inside(bounds, static_cast<double>(number))) {
    const std::string range = Describe(bounds);
    return Refuse(flag, range.empty() ? "a whole number >= 0" : "a whole number " + range, text);
  }
  value = number;
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             double& value) {
  double number = 0.0;
  if (!ParseNumber(text, number) || !std::isfinite(number)) {
    return Refuse(flag, "a number " + Describe(bounds), text);
  }
  if (!Inside(bounds, number)) return Refuse(flag, Describe(bounds), text);
  value = number;
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             std::string& value) {
  if (text.find('\0') != std::string_view::npos) {
    return Status(StatusCode::kInvalidArgument, std::string(flag) + " holds a zero byte");
  }
  value = std::string(text);
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&, Task& value) {
  return ParseChoice(flag, text, kTasks, value);
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             Solver& value) {
  return ParseChoice(flag, text, kSolvers, value);
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             data::Format& value) {
  return ParseChoice(flag, text, kFormats, value);
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             HoldoutRule& value) {
  if (text == "none" || text == "every") {
    value = {.kind = text == "none" ? HoldoutRule::Kind::kNone : HoldoutRule::Kind::kEvery,
             .percent = 0.0};
    return {};
  }
  double percent = 0.0;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (colon == std::string_view::npos || (kind != "last" && kind != "random") ||
      !ParsePercent(text.substr(colon + 1), false, percent)) {
    return Refuse(flag, "none, every, last:P% or random:P% with 0 < P < 100", text);
  }
  value = {.kind = kind == "last" ? HoldoutRule::Kind::kLast : HoldoutRule::Kind::kRandom,
           .percent = percent};
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             BadRowsLimit& value) {
  BadRowsLimit limit;
  if (!ParsePercent(text, true, limit.percent) && !ParseNumber(text, limit.rows)) {
    return Refuse(flag, "a number of rows (5) or a share of them (0.1%)", text);
  }
  value = limit;
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds& bounds,
             Delay& value) {
  Step steps = 0;
  if (text == "inf") {
    steps = Delay::kInfinite;
  } else if (text == "auto") {
    value = {.automatic = true};
    return {};
  } else if (!ParseNumber(text, steps) || !Inside(bounds, static_cast<double>(steps))) {
    return Refuse(flag, "a whole number " + Describe(bounds) + ", inf or auto", text);
  }
  value = {.steps = steps};
  return {};
}

Status Parse(std::string_view flag, std::string_view text, const Parameter::Bounds&,
             ByteSize& value) {
  const Result<ByteSize> size = ParseByteSize(text);
  if (!size.ok()) return Refuse(flag, kByteSizeForm, text);
  value = size.value();
  return {};
}

std::string Print(bool value) {
  return value ? "true" : "false";
}
std::string Print(std::uint64_t value) {
  return PrintNumber(value);
}
std::string Print(double value) {
  return PrintNumber(value);
}
std::string Print(const std::string& value) {
  return value;
}
std::string Print(Task value) {
  return std::string(TaskName(value));
}
std::string Print(Solver value) {
  return std::string(SolverName(value));
}
std::string Print(data::Format value) {
  return std::string(FormatName(value));
}

std::string Print(const HoldoutRule& value) {
  switch (value.kind) {
    case HoldoutRule::Kind::kNone:
      return "none";
    case HoldoutRule::Kind::kEvery:
      return "every";
    case HoldoutRule::Kind::kLast:
      return "last:" + PrintNumber(value.percent) + "%";
    case HoldoutRule::Kind::kRandom:
      return "random:" + PrintNumber(value.percent) + "%";
  }
  return {};
}

std::string Print(const BadRowsLimit& value) {
  return value.percent > 0.0 ? PrintNumber(value.percent) + "%" : PrintNumber(value.rows);
}

std::string Print(const Delay& value) {
  if (value.automatic) return "auto";
  return value.steps == Delay::kInfinite ? "inf" : PrintNumber(value.steps);
}

std::string Print(const ByteSize& value) {
  return value.bytes == 0 ? std::string() : ByteSizeText(value);
}

std::string Describe(const Parameter::Bounds& bounds) {
  if (std::isfinite(bounds.max)) {
    if (!bounds.min_excluded && !bounds.max_excluded) {
      return "from " + PrintBound(bounds.min) + " to " + PrintBound(bounds.max);
    }
    return (bounds.min_excluded ? "> " : ">= ") + PrintBound(bounds.min) +
           (bounds.max_excluded ? " and < " : " and <= ") + PrintBound(bounds.max);
  }
  if (!std::isfinite(bounds.min)) return {};
  return (bounds.min_excluded ? "> " : ">= ") + PrintBound(bounds.min);
}

std::string TaskChoices() {
  return Join(kTasks);
}
std::string SolverChoices() {
  return Join(kSolvers);
}
std::string FormatChoices() {
  return Join(kFormats);
}

}  // namespace steelyard::job::parameter_text

namespace steelyard::job {

std::string_view TaskName(Task task) {
  return parameter_text::kTasks[static_cast<std::size_t>(task)];
}

std::string_view SolverName(Solver solver) {
  return parameter_text::kSolvers[static_cast<std::size_t>(solver)];
}

std::string_view FormatName(data::Format format) {
  return parameter_text::kFormats[static_cast<std::size_t>(format)];
}

}  // namespace steelyard::job
