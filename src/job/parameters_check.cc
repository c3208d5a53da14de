// What a training job refuses before it begins: parameters that do not fit each other.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filter/filter_list.h"
#include "job/parameters.h"

namespace steelyard::job {
namespace {

Status CheckLabelRule(std::string_view rule) {
  if (rule.empty()) return {};
  const auto trim = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  };
  std::string_view rest = trim(rule);
  for (const std::string_view comparison : {">=", "<=", "==", "!=", ">", "<"}) {
    if (!rest.starts_with(comparison)) continue;
    rest = trim(rest.substr(comparison.size()));
    double number = 0.0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc{} && stop == rest.data() + rest.size() && !rest.empty()) return {};
    break;
  }
  return Status(
      StatusCode::kInvalidArgument,
      "--label must be a comparison and a number such as '> 15', got '" + std::string(rule) + "'");
}

/// Errors: kInvalidArgument  no list of filters, or filters that the solver's rows do not bear.
Status CheckFilters(const TrainParameters& parameters) {
  const auto list = filter::ParseFilterList(parameters.filters);
  if (!list.ok())
    return Status(StatusCode::kInvalidArgument, "--filters: " + list.status().message());
  if (IsBatch(parameters.solver)) {
    if (parameters.filters == kKktFilter || parameters.filters == TrainParameters{}.filters)
      return {};
    return Status(StatusCode::kInvalidArgument,
                  "--filters: dbpg sends no keys, so 'kkt', which leaves out settled features, and "
                  "'none' are all it takes; got '" +
                      parameters.filters + "'");
  }
  if (list.value().kkt) {
    return Status(StatusCode::kInvalidArgument,
                  "--filters: 'kkt' needs a rule that says which keys are inactive, and " +
                      std::string(SolverName(parameters.solver)) + " has none; leave it out");
  }
  const bool sums_squares =
      parameters.solver == Solver::kFtrl || parameters.solver == Solver::kAdagrad;
  if (list.value().feedback && list.value().fixed && sums_squares) {
    return Status(
        StatusCode::kInvalidArgument,
        "--filters: 'feedback' with 'fixed' may push the sums of squared gradients that " +
            std::string(SolverName(parameters.solver)) +
            " keeps below zero; use fixed alone, which is right on average");
  }
  return {};
}

Status Refuse(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

/// "ftrl, sgd or adagrad".
std::string Alternatives(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

/// The names of the solvers that look at a parameter, or of those that do not.
std::vector<std::string_view> SolversThat(bool look, const Parameter& parameter) {
  std::vector<std::string_view> names;
  for (const Solver solver : kSolvers) {
    if (parameter.solvers.contains(solver) == look) names.push_back(SolverName(solver));
  }
  return names;
}

Status NoEffect(const Parameter& parameter, Solver solver) {
  return Refuse(fmt::format("--{} has no effect with --solver {}: {}; leave it out, or use {}",
                            parameter.name, SolverName(solver), parameter.why_not,
                            Alternatives(SolversThat(true, parameter))));
}

/// Errors: kInvalidArgument  a value that the solver does not look at.
Status CheckAllConcern(const TrainParameters& parameters) {
  const TrainParameters defaults = TrainParameters::DefaultsOf(parameters.solver);
  for (const Parameter& parameter : TrainParameterTable()) {
    if (parameter.solvers.contains(parameters.solver)) continue;
    // A job carries values, not what was said.
    if (GetParameter(parameter, parameters) != GetParameter(parameter, defaults))
      return NoEffect(parameter, parameters.solver);
  }
  return {};
}

/// Errors: kInvalidArgument  what the solver does not take.
Status CheckSolver(const TrainParameters& parameters) {
  SY_RETURN_IF_ERROR(CheckAllConcern(parameters));
  const bool batch = IsBatch(parameters.solver);
  const std::string solver(SolverName(parameters.solver));
  if (batch && parameters.task == Task::kHinge) {
    return Refuse("--solver " + solver +
                  " takes no --task hinge, whose loss is not smooth; use --task squared_hinge, or "
                  "an online solver");
  }
  if (parameters.solver == Solver::kDbpg && parameters.tau.automatic) {
    return Refuse(
        "--solver dbpg takes no --tau auto: it halves its delay itself when a pass fails");
  }
  if (std::ranges::count(kRebalances, parameters.rebalance) == 0)
    return Refuse("--rebalance is auto, on or off, not '" + parameters.rebalance + "'");
  if (parameters.rebalance == "on" && std::ranges::count(parameters.data, "-") > 0) {
    return Refuse(
        "--rebalance on reads moved rows again, and standard input (-) can be read once; name a "
        "file, or leave it out");
  }
  if (!batch && parameters.tolerance > 0.0 && !parameters.has_validation()) {
    return Refuse("--tolerance compares held-out losses; add --valid DATA or --holdout every");
  }
  return {};
}

}  // namespace

std::string ParameterSolvers(const Parameter& parameter) {
  const std::vector<std::string_view> others = SolversThat(false, parameter);
  if (others.empty()) return {};
  const std::vector<std::string_view> those = SolversThat(true, parameter);
  return those.size() <= others.size() ? fmt::format("{} only", fmt::join(those, ", "))
                                       : fmt::format("not {}", fmt::join(others, ", "));
}

Status CheckConcerns(const Parameter& parameter, const TrainParameters& parameters) {
  if (parameter.solvers.contains(parameters.solver)) return {};
  const bool does_so = !parameter.elsewhere.empty() &&
                       GetParameter(parameter, parameters).front() == parameter.elsewhere;
  return does_so ? Status() : NoEffect(parameter, parameters.solver);
}

Status ValidateTrainParameters(const TrainParameters& parameters) {
  if (parameters.data.empty())
    return Refuse("no DATA to train on; name at least one file, or - for standard input");
  const bool holds_out = parameters.holdout.kind != HoldoutRule::Kind::kNone;
  if (holds_out && !parameters.valid.empty()) {
    return Refuse("--valid and --holdout exclude each other; use one of them");
  }
  SY_RETURN_IF_ERROR(CheckSolver(parameters));
  SY_RETURN_IF_ERROR(CheckFilters(parameters));
  if (parameters.model.empty()) return Refuse("--model must name a directory, got nothing");
  const bool columns = parameters.format == data::Format::kAuto ||
                       parameters.format == data::Format::kCsv ||
                       parameters.format == data::Format::kParquet;
  if (parameters.schema_text.empty() && !parameters.schema.empty() && !columns) {
    return Refuse("--schema describes CSV and Parquet columns; --format " +
                  std::string(FormatName(parameters.format)) + " has none");
  }
  SY_RETURN_IF_ERROR(CheckLabelRule(parameters.label));
  if (parameters.detach && parameters.cluster.empty()) {
    return Refuse("--detach leaves a job with a cluster; name it with --cluster HOST:PORT");
  }
  if (parameters.memory_max.bytes > 0 && !parameters.cluster.empty()) {
    return Refuse(
        "--memory-max is for the servers that this command starts; those of a cluster have their "
        "own");
  }
  if (parameters.threads > 0 && !parameters.cluster.empty()) {
    return Refuse(
        "--threads is for the processes that this command starts; each worker of a cluster has its "
        "own (steelyard worker --threads)");
  }
  if (parameters.detach && parameters.tolerance > 0.0 && !IsBatch(parameters.solver)) {
    return Refuse(
        "--detach and --tolerance exclude each other: the best pass is kept by the command that "
        "follows the job");
  }

  const auto reads =
      std::ranges::count(parameters.data, "-") + std::ranges::count(parameters.valid, "-");
  if (reads > 0 && !parameters.cluster.empty()) {
    return Refuse(
        "standard input (-) cannot be read by the workers of a cluster; name a file, or leave out "
        "--cluster");
  }
  if (reads > 0 && parameters.cache != kNoCache) {
    return Refuse("--cache keeps the rows of files; leave it out when reading standard input (-)");
  }
  if (parameters.cache.empty()) return Refuse("--cache must name a folder, or none, got nothing");
  if (reads > 1) return Refuse("standard input (-) is named twice; it can be read once");
  // Batch solvers keep the rows that they read.
  if (reads == 1 && parameters.passes > 1 && !IsBatch(parameters.solver)) {
    return Refuse("standard input (-) can be read once; --passes " +
                  std::to_string(parameters.passes) + " needs a file");
  }
  if (parameters.holdout.kind == HoldoutRule::Kind::kLast &&
      std::ranges::count(parameters.data, "-") > 0) {
    return Refuse(
        "--holdout last:P% must know how many rows there are; standard input (-) cannot tell, use "
        "random:P%");
  }
  return {};
}

}  // namespace steelyard::job
