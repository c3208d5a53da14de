// The parameter table, and what is derived from it.
#include "job/parameters.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/check.h"
#include "base/near_miss.h"
#include "job/parameter_text.h"

namespace steelyard::job {
namespace {

using P = TrainParameters;
using Scope = Parameter::Scope;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kProcessesMax = 1024;

constexpr SolverSet kOnline = {Solver::kFtrl, Solver::kSgd, Solver::kAdagrad, Solver::kAdam};
constexpr SolverSet kBatch = {Solver::kDbpg, Solver::kOwlqn};
constexpr SolverSet kAllButAdam = {Solver::kFtrl, Solver::kSgd, Solver::kAdagrad, Solver::kDbpg,
                                   Solver::kOwlqn};
constexpr SolverSet kAllButOwlqn = {Solver::kFtrl, Solver::kSgd, Solver::kAdagrad, Solver::kAdam,
                                    Solver::kDbpg};
constexpr std::string_view kAdamHasNoPenalty =
    "its steps have no length that a penalty could be weighed against";

constexpr std::array kTable = {
    Parameter{.name = "data",
              .value = "DATA...",
              .group = "Data",
              .field = &P::data,
              .positional = true,
              .help = "files or globs of rows to learn from, in this order; - is standard input"},
    Parameter{.name = "valid",
              .value = "DATA",
              .group = "Data",
              .field = &P::valid,
              .help = "judge the model on these files after every pass"},
    Parameter{.name = "holdout",
              .value = "every|last:P%|random:P%",
              .group = "Data",
              .field = &P::holdout,
              .help = "keep these rows of DATA out of training and judge the model on them"},
    Parameter{.name = "format",
              .value = "NAME",
              .group = "Data",
              .field = &P::format,
              .help = "how the files are written; auto looks at their names and first bytes"},
    Parameter{.name = "schema",
              .value = "FILE.toml",
              .group = "Data",
              .field = &P::schema,
              .default_note = "none",
              .help = "which columns of a CSV or Parquet file make label and features"},
    Parameter{.name = "schema-text",
              .group = "Data",
              .field = &P::schema_text,
              .scope = Scope::kFrame,
              .help = "content of the schema file"},
    Parameter{.name = "label",
              .value = "RULE",
              .group = "Data",
              .field = &P::label,
              .default_note = "labels are 0/1 or -1/+1",
              .help = "which labels are positive: '> 15', '>= 1', '< 3', '<= 2', '== 2', '!= 0'"},
    Parameter{.name = "weight",
              .value = "COLUMN",
              .group = "Data",
              .field = &P::weight,
              .default_note = "every row weighs 1",
              .help = "column of importance weights"},
    Parameter{.name = "bad-rows-max",
              .value = "N|P%",
              .group = "Data",
              .field = &P::bad_rows_max,
              .help = "skip up to so many rows that cannot be read, then fail"},
    Parameter{.name = "keep-names",
              .group = "Data",
              .field = &P::keep_names,
              .help = "keep the names of hashed features in the model, for inspect"},
    Parameter{.name = "cache",
              .value = "DIR|none",
              .group = "Data",
              .field = &P::cache,
              .help = "keep parsed rows in this folder: later passes and jobs over the same files "
                      "read them there"},

    Parameter{.name = "task",
              .value = "NAME",
              .group = "Learning",
              .field = &P::task,
              .help = "the loss to minimise"},
    Parameter{.name = "solver",
              .value = "NAME",
              .group = "Learning",
              .field = &P::solver,
              .help = "the update rule on the servers"},
    Parameter{.name = "passes",
              .value = "N",
              .group = "Learning",
              .field = &P::passes,
              .bounds = {.min = 1, .max = 1e6},
              .default_note = "1; dbpg, owlqn: 1000",
              .help = "how many times to go over the data; dbpg, owlqn: at most"},
    Parameter{.name = "minibatch",
              .value = "ROWS",
              .group = "Learning",
              .field = &P::minibatch,
              .bounds = {.min = 0, .max = 1048576},
              .default_note = "512; 128 with several workers",
              .solvers = kOnline,
              .why_not = "each of its steps goes over all rows",
              .help = "rows per pull and push; changes only the last bits of one worker's model; "
                      "adam takes a step for each"},
    Parameter{.name = "alpha",
              .value = "X",
              .group = "Learning",
              .field = &P::alpha,
              .bounds = {.min = 0, .max = kInfinity, .min_excluded = true},
              .default_note = "0.1; adam: 0.03",
              .solvers = kOnline,
              .why_not = "it finds the lengths of its steps itself",
              .help = "learning rate"},
    Parameter{.name = "beta",
              .value = "X",
              .group = "Learning",
              .field = &P::beta,
              .solvers = {Solver::kFtrl, Solver::kAdagrad},
              .why_not = "it has no rate that falls with the gradients of a feature",
              .help = "the larger, the slower the first steps of a rare feature"},
    Parameter{.name = "l1",
              .value = "X",
              .group = "Learning",
              .field = &P::l1,
              .solvers = kAllButAdam,
              .elsewhere = "0",
              .why_not = kAdamHasNoPenalty,
              .help = "strength of the l1 penalty; the larger, the more weights are exactly 0"},
    Parameter{.name = "l2",
              .value = "X",
              .group = "Learning",
              .field = &P::l2,
              .solvers = kAllButAdam,
              .elsewhere = "0",
              .why_not = kAdamHasNoPenalty,
              .help = "strength of the l2 penalty"},
    Parameter{.name = "intercept",
              .group = "Learning",
              .field = &P::intercept,
              .help = "learn a constant as well, as the weight of a feature that every row has "
                      "with value 1; l1 and l2 leave it alone"},
    Parameter{.name = "tolerance",
              .value = "X",
              .group = "Learning",
              .field = &P::tolerance,
              .bounds = {.min = 0, .max = 1, .max_excluded = true},
              .default_note = "0, never; dbpg, owlqn: 0.0001",
              .help =
                  "stop early after a pass whose held-out loss fell by less than this share, and "
                  "keep the best pass; dbpg, owlqn: stop this near to the optimum, relative"},
    Parameter{.name = "seed",
              .value = "N",
              .group = "Learning",
              .field = &P::seed,
              .help = "of everything that is drawn: the same seed gives the same model"},
    Parameter{.name = "init",
              .value = "MODEL",
              .group = "Learning",
              .field = &P::init,
              .default_note = "none",
              .help = "continue from this model"},

    Parameter{.name = "servers",
              .value = "S",
              .group = "Processes",
              .field = &P::servers,
              .bounds = {.min = 0, .max = kProcessesMax},
              .default_note = "all in one process",
              .help =
                  "start so many server processes on this machine; with --cluster: wait until it "
                  "has so many"},
    Parameter{.name = "workers",
              .value = "W",
              .group = "Processes",
              .field = &P::workers,
              .bounds = {.min = 0, .max = kProcessesMax},
              .default_note = "all in one process",
              .help =
                  "start so many worker processes on this machine; with --cluster: use so many of "
                  "its workers"},
    Parameter{.name = "threads",
              .value = "N",
              .group = "Processes",
              .field = &P::threads,
              .bounds = {.min = 0, .max = kProcessesMax},
              .scope = Parameter::Scope::kLocal,
              .default_note = "the processors it may use, shared by the workers",
              .help = "threads of each process that reads or learns; results do not depend on it"},
    Parameter{.name = "memory-max",
              .value = "SIZE",
              .group = "Processes",
              .field = &P::memory_max,
              .scope = Parameter::Scope::kLocal,
              .default_note = "three quarters of the memory it may use",
              .help = "memory that all servers of this command may fill with rows; new features "
                      "beyond it end the job"},
    Parameter{.name = "cluster",
              .value = "HOST:PORT",
              .group = "Processes",
              .field = &P::cluster,
              .scope = Scope::kLocal,
              .default_note = "none",
              .help = "submit the job to the head of a running cluster and follow it"},
    Parameter{
        .name = "detach",
        .group = "Processes",
        .field = &P::detach,
        .scope = Scope::kLocal,
        .help = "with --cluster: print the job's number and leave; jobs wait fetches the model"},
    Parameter{
        .name = "tau",
        .value = "N|inf|auto",
        .group = "Processes",
        .field = &P::tau,
        .bounds = {.min = 0, .max = 1e9},
        .solvers = kAllButOwlqn,
        .elsewhere = "0",
        .why_not = "it is sequential, every step needs all gradients",
        .help =
            "steps a worker may be ahead of the slowest: 0 is sequential, inf never waits, auto "
            "adapts it to idle time and progress; dbpg: blocks of features that may be under way "
            "beside one"},
    Parameter{.name = "aggregate",
              .group = "Processes",
              .field = &P::aggregate,
              .solvers = kOnline,
              .elsewhere = "false",
              .why_not = "servers add up what its workers send in a step anyway",
              .help = "servers apply what the workers push in a step as one sum, once all have "
                      "pushed; with --tau 0 the same bits in every run"},
    Parameter{.name = "filters",
              .value = "LIST",
              .group = "Processes",
              .field = &P::filters,
              .default_note = "none; dbpg: kkt",
              .solvers = kAllButOwlqn,
              .elsewhere = "none",
              .why_not = "it sends no keys and needs every gradient",
              .help = "make what workers push and pull smaller, e.g. key-cache,delta,zeros,lz4, or "
                      "PUSHES/PULLS: docs/filters.md; dbpg: kkt leaves settled features out, none "
                      "does not"},
    Parameter{
        .name = "rebalance",
        .value = "auto|on|off",
        .group = "Processes",
        .field = &P::rebalance,
        .solvers = kBatch,
        .why_not =
            "its workers ask for rows when they have none, so that a slow one takes fewer anyway",
        .help = "a worker that is slower than the others gives them rows; "
                "auto: dbpg with a delay, whose bits depend on time anyway"},

    Parameter{
        .name = "model",
        .value = "DIR",
        .group = "Output",
        .field = &P::model,
        .help = "where to save the model; an older one is replaced when the new one is complete"},
    Parameter{.name = "json",
              .group = "Output",
              .field = &P::json,
              .scope = Scope::kLocal,
              .help = "print one JSON object on standard output at the end"},
    Parameter{.name = "quiet",
              .group = "Output",
              .field = &P::quiet,
              .scope = Scope::kLocal,
              .help = "no progress on standard error"},
    Parameter{.name = "dry-run",
              .group = "Output",
              .field = &P::dry_run,
              .scope = Scope::kFlag,
              .help = "show the first rows, the plan and the memory it needs; train nothing"},
    Parameter{.name = "config",
              .value = "JOB.toml",
              .group = "Output",
              .field = &P::config,
              .scope = Scope::kFlag,
              .default_note = "none",
              .help = "read parameters from this file; flags override it"},
};

std::string FlagOf(const Parameter& parameter) {
  if (parameter.positional) return std::string(parameter.value);
  return (parameter.scope == Scope::kFrame ? "" : "--") + std::string(parameter.name);
}

bool TravelsWithTheJob(const Parameter& parameter) {
  return parameter.scope == Scope::kJob || parameter.scope == Scope::kFrame;
}

bool IsList(const Parameter& parameter) {
  return std::holds_alternative<std::vector<std::string> TrainParameters::*>(parameter.field);
}

}  // namespace

TrainParameters TrainParameters::DefaultsOf(Solver solver) {
  TrainParameters parameters;
  parameters.solver = solver;
  if (IsBatch(solver)) {
    parameters.passes = 1000;
    parameters.tolerance = 1e-4;
    if (solver == Solver::kDbpg) parameters.filters = kKktFilter;
  }
  if (solver == Solver::kAdam) parameters.alpha = 0.03;
  for (const Parameter& parameter : kTable) {
    if (parameter.solvers.contains(solver) || parameter.elsewhere.empty()) continue;
    SY_CHECK(SetParameter(parameter, parameter.elsewhere, parameters).ok());
  }
  return parameters;
}

bool TrainParameters::moves_rows() const {
  const bool automatic = rebalance == kRebalances[0] && solver == Solver::kDbpg && tau.steps > 0;
  const bool once = std::ranges::count(data, "-") > 0;  // What was read cannot be read again.
  return IsBatch(solver) && !once && (automatic || rebalance == kRebalances[1]);
}

std::span<const Parameter> TrainParameterTable() {
  return kTable;
}

const Parameter* FindTrainParameter(std::string_view name) {
  const auto* const found = std::ranges::find(kTable, name, &Parameter::name);
  return found == kTable.end() ? nullptr : found;
}

std::span<const std::string_view> TrainParameterNames() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> typed;
    for (const Parameter& parameter : kTable) {
      if (parameter.scope != Scope::kFrame) typed.push_back(parameter.name);
    }
    return typed;
  }();
  return names;
}

Status SetParameter(const Parameter& parameter, std::string_view text,
                    TrainParameters& parameters) {
  return std::visit(
      [&](auto field) -> Status {
        using Value = std::remove_cvref_t<decltype(parameters.*field)>;
        if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
          if (text.empty()) {
            return Status(StatusCode::kInvalidArgument,
                          FlagOf(parameter) + " must name a file, got nothing");
          }
          std::string element;
          SY_RETURN_IF_ERROR(
              parameter_text::Parse(FlagOf(parameter), text, parameter.bounds, element));
          (parameters.*field).push_back(std::move(element));
          return {};
        } else {
          return parameter_text::Parse(FlagOf(parameter), text, parameter.bounds,
                                       parameters.*field);
        }
      },
      parameter.field);
}

std::vector<std::string> GetParameter(const Parameter& parameter,
                                      const TrainParameters& parameters) {
  return std::visit(
      [&](auto field) -> std::vector<std::string> {
        using Value = std::remove_cvref_t<decltype(parameters.*field)>;
        if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
          return parameters.*field;
        } else {
          return {parameter_text::Print(parameters.*field)};
        }
      },
      parameter.field);
}

std::string ParameterRange(const Parameter& parameter) {
  if (std::holds_alternative<Task P::*>(parameter.field)) return parameter_text::TaskChoices();
  if (std::holds_alternative<Solver P::*>(parameter.field)) return parameter_text::SolverChoices();
  if (std::holds_alternative<data::Format P::*>(parameter.field))
    return parameter_text::FormatChoices();
  const bool bounded = std::holds_alternative<std::uint64_t P::*>(parameter.field) ||
                       std::holds_alternative<double P::*>(parameter.field);
  if (bounded) return parameter_text::Describe(parameter.bounds);
  if (std::holds_alternative<ByteSize P::*>(parameter.field)) return "512MB, 8GB, 8GiB";
  if (std::holds_alternative<Delay P::*>(parameter.field)) {
    return parameter_text::Describe(parameter.bounds) + ", inf or auto";
  }
  return {};
}

std::string ParameterDefault(const Parameter& parameter) {
  if (!parameter.default_note.empty()) return std::string(parameter.default_note);
  const bool is_switch = std::holds_alternative<bool P::*>(parameter.field);
  const std::vector<std::string> values = GetParameter(parameter, TrainParameters{});
  return is_switch || values.empty() ? std::string{} : values.front();
}

std::vector<ParameterPair> ToPairs(const TrainParameters& parameters) {
  static const TrainParameters defaults;
  std::vector<ParameterPair> pairs;
  for (const Parameter& parameter : kTable) {
    if (!TravelsWithTheJob(parameter)) continue;
    const std::vector<std::string> values = GetParameter(parameter, parameters);
    if (values == GetParameter(parameter, defaults)) continue;
    for (const std::string& value : values) pairs.emplace_back(parameter.name, value);
  }
  return pairs;
}

Result<TrainParameters> FromPairs(std::span<const ParameterPair> pairs) {
  TrainParameters parameters;
  std::vector<const Parameter*> seen;
  for (const auto& [name, text] : pairs) {
    const Parameter* parameter = FindTrainParameter(name);
    if (parameter == nullptr || !TravelsWithTheJob(*parameter)) {
      return Status(StatusCode::kInvalidArgument, "a job has no parameter '" + name + "'" +
                                                      DidYouMean(name, TrainParameterNames()));
    }
    if (!IsList(*parameter) && std::ranges::find(seen, parameter) != seen.end()) {
      return Status(StatusCode::kInvalidArgument, "parameter '" + name + "' is given twice");
    }
    seen.push_back(parameter);
    SY_RETURN_IF_ERROR(SetParameter(*parameter, text, parameters));
  }
  SY_RETURN_IF_ERROR(ValidateTrainParameters(parameters));
  return parameters;
}

}  // namespace steelyard::job
