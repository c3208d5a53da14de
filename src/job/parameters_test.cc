// Goal: every parameter goes from text to value and back, refuses what is out of range in words that name the flag,
// and a job's pairs rebuild the same job. Method: tables of cases, then random jobs through the pairs.
#include "job/parameters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

namespace steelyard::job {
namespace {

Status Set(std::string_view name, std::string_view text, TrainParameters& parameters) {
  const Parameter* parameter = FindTrainParameter(name);
  if (parameter == nullptr) return Status(StatusCode::kNotFound, std::string(name));
  return SetParameter(*parameter, text, parameters);
}

std::string Refusal(std::string_view name, std::string_view text) {
  TrainParameters parameters;
  const Status status = Set(name, text, parameters);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name << "=" << text;
  EXPECT_EQ(parameters, TrainParameters{})
      << "a refused value must leave the parameters as they were";
  return status.message();
}

TrainParameters Minimal() {
  TrainParameters parameters;
  parameters.data = {"train.svm"};
  return parameters;
}

TEST(TrainParameters, HasTheDefaultsOfTheContract) {
  const TrainParameters parameters;
  EXPECT_EQ(parameters.solver, Solver::kFtrl);
  EXPECT_EQ(parameters.task, Task::kLogistic);
  EXPECT_EQ(parameters.alpha, 0.1);
  EXPECT_EQ(parameters.beta, 1.0);
  EXPECT_EQ(parameters.l1, 1.0);
  EXPECT_EQ(parameters.l2, 0.0);
  EXPECT_EQ(parameters.passes, 1U);
  EXPECT_EQ(parameters.minibatch_rows(1), 512U);
  EXPECT_EQ(parameters.minibatch_rows(2), 128U) << "what several workers learn from is older";
  EXPECT_EQ(parameters.tau.steps, 1);
  EXPECT_EQ(parameters.seed, 1U);
  EXPECT_EQ(parameters.model, "./steelyard-model");
  EXPECT_EQ(parameters.bad_rows_max, BadRowsLimit{});
  EXPECT_TRUE(parameters.in_process());
  EXPECT_FALSE(parameters.has_validation());
}

TEST(ParameterTable, NamesAreUniqueAndEveryEntryIsComplete) {
  std::set<std::string_view> names;
  for (const Parameter& parameter : TrainParameterTable()) {
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
    EXPECT_FALSE(parameter.help.empty()) << parameter.name;
    EXPECT_FALSE(parameter.group.empty()) << parameter.name;
    EXPECT_EQ(FindTrainParameter(parameter.name), &parameter);
    const bool is_switch = std::holds_alternative<bool TrainParameters::*>(parameter.field);
    EXPECT_EQ(parameter.value.empty(), is_switch || parameter.scope == Parameter::Scope::kFrame)
        << parameter.name;
  }
  EXPECT_EQ(FindTrainParameter("nonesuch"), nullptr);
  EXPECT_EQ(FindTrainParameter(""), nullptr);
}

TEST(ParameterTable, EveryDefaultReadsBackAsItself) {
  for (const Parameter& parameter : TrainParameterTable()) {
    TrainParameters parameters;
    for (const std::string& text : GetParameter(parameter, parameters)) {
      if (text.empty()) continue;
      EXPECT_TRUE(SetParameter(parameter, text, parameters).ok()) << parameter.name << "=" << text;
    }
    EXPECT_EQ(parameters, TrainParameters{}) << parameter.name;
  }
}

TEST(SetParameter, ReadsEachKindOfValue) {
  TrainParameters p;
  ASSERT_TRUE(Set("data", "a.svm", p).ok());
  ASSERT_TRUE(Set("data", "b.svm", p).ok());
  ASSERT_TRUE(Set("holdout", "last:12.5%", p).ok());
  ASSERT_TRUE(Set("bad-rows-max", "0.5%", p).ok());
  ASSERT_TRUE(Set("task", "squared_hinge", p).ok());
  ASSERT_TRUE(Set("format", "parquet", p).ok());
  ASSERT_TRUE(Set("alpha", "1e-3", p).ok());
  ASSERT_TRUE(Set("seed", "18446744073709551615", p).ok());
  ASSERT_TRUE(Set("tau", "inf", p).ok());
  ASSERT_TRUE(Set("keep-names", "true", p).ok());
  EXPECT_EQ(p.data, (std::vector<std::string>{"a.svm", "b.svm"}));
  EXPECT_EQ(p.holdout, (HoldoutRule{.kind = HoldoutRule::Kind::kLast, .percent = 12.5}));
  EXPECT_EQ(p.bad_rows_max, (BadRowsLimit{.rows = 0, .percent = 0.5}));
  EXPECT_EQ(p.task, Task::kSquaredHinge);
  EXPECT_EQ(p.format, data::Format::kParquet);
  EXPECT_EQ(p.alpha, 0.001);
  EXPECT_EQ(p.seed, ~std::uint64_t{0});
  EXPECT_EQ(p.tau.steps, Delay::kInfinite);
  ASSERT_TRUE(Set("tau", "auto", p).ok());
  EXPECT_TRUE(p.tau.automatic);
  EXPECT_EQ(FromPairs(ToPairs(p)).value().tau, p.tau);
  ASSERT_TRUE(Set("tau", "3", p).ok());
  EXPECT_EQ(p.tau, (Delay{.steps = 3}));
  EXPECT_TRUE(p.keep_names);
  ASSERT_TRUE(Set("bad-rows-max", "7", p).ok());
  EXPECT_EQ(p.bad_rows_max, (BadRowsLimit{.rows = 7, .percent = 0.0}))
      << "the later of two limits replaces the first";
}

TEST(SetParameter, SaysWhatItWantedAndWhatItGot) {
  EXPECT_EQ(Refusal("alpha", "-1"), "--alpha must be > 0, got -1");
  EXPECT_EQ(Refusal("alpha", "0"), "--alpha must be > 0, got 0");
  EXPECT_EQ(Refusal("alpha", "nan"), "--alpha must be a number > 0, got nan");
  EXPECT_EQ(Refusal("alpha", "inf"), "--alpha must be a number > 0, got inf");
  EXPECT_EQ(Refusal("alpha", "0.1x"), "--alpha must be a number > 0, got 0.1x");
  EXPECT_EQ(Refusal("l1", "auto"), "--l1 must be a number >= 0, got auto");
  EXPECT_EQ(Refusal("l2", "-0.5"), "--l2 must be >= 0, got -0.5");
  EXPECT_EQ(Refusal("passes", "0"), "--passes must be a whole number from 1 to 1000000, got 0");
  EXPECT_EQ(Refusal("passes", "1.5"), "--passes must be a whole number from 1 to 1000000, got 1.5");
  EXPECT_EQ(Refusal("passes", ""),
            "--passes must be a whole number from 1 to 1000000, got nothing");
  EXPECT_EQ(Refusal("seed", "-1"), "--seed must be a whole number >= 0, got -1");
  EXPECT_EQ(Refusal("seed", "18446744073709551616"),
            "--seed must be a whole number >= 0, got 18446744073709551616");
  EXPECT_EQ(Refusal("tau", "-1"),
            "--tau must be a whole number from 0 to 1000000000, inf or auto, got -1");
  EXPECT_EQ(Refusal("tau", "automatic"),
            "--tau must be a whole number from 0 to 1000000000, inf or auto, got automatic");
  EXPECT_EQ(Refusal("tolerance", "1"), "--tolerance must be >= 0 and < 1, got 1");
  EXPECT_EQ(Refusal("solver", "ftlr"),
            "--solver must be one of ftrl, sgd, adagrad, adam, dbpg, owlqn, got ftlr; did you mean "
            "ftrl?");
  EXPECT_EQ(
      Refusal("format", "orc"),
      "--format must be one of auto, libsvm, libfm, libffm, vw, criteo, csv, parquet, got orc");
  EXPECT_EQ(Refusal("holdout", "first:10%"),
            "--holdout must be none, every, last:P% or random:P% with 0 < P < 100, got first:10%");
  for (const char* text : {"", "last", "last:", "last:10", "last:0%", "last:100%", "random:-1%",
                           "random:nan%", "random:10%x", "Every", "every:10%"}) {
    (void)Refusal("holdout", text);
  }
  EXPECT_EQ(Refusal("bad-rows-max", "-3"),
            "--bad-rows-max must be a number of rows (5) or a share of them (0.1%), got -3");
  (void)Refusal("bad-rows-max", "101%");
  (void)Refusal("keep-names", "yes");
  EXPECT_EQ(Refusal("data", ""), "DATA... must name a file, got nothing");
  (void)Refusal("model", std::string_view("a\0b", 3));
}

TEST(ValidateTrainParameters, RefusesWhatDoesNotGoTogether) {
  const auto refusal = [](const TrainParameters& parameters) {
    const Status status = ValidateTrainParameters(parameters);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_TRUE(ValidateTrainParameters(Minimal()).ok());
  EXPECT_NE(refusal(TrainParameters{}).find("no DATA"), std::string::npos);

  TrainParameters p = Minimal();
  p.valid = {"v.svm"};
  EXPECT_TRUE(ValidateTrainParameters(p).ok());
  p.holdout.kind = HoldoutRule::Kind::kEvery;
  EXPECT_NE(refusal(p).find("exclude each other"), std::string::npos);

  p = Minimal();
  p.tolerance = 0.01;
  EXPECT_NE(refusal(p).find("--tolerance"), std::string::npos);
  p.holdout.kind = HoldoutRule::Kind::kEvery;
  EXPECT_TRUE(ValidateTrainParameters(p).ok());

  p = Minimal();
  p.data = {"-"};
  EXPECT_TRUE(ValidateTrainParameters(p).ok());
  p.passes = 2;
  EXPECT_NE(refusal(p).find("read once"), std::string::npos);
  p.solver = Solver::kDbpg;
  EXPECT_TRUE(ValidateTrainParameters(p).ok()) << "it keeps the rows that it reads";
  p.tau.automatic = true;
  EXPECT_NE(refusal(p).find("--tau auto"), std::string::npos);
  p.tau = {};
  p.aggregate = true;
  EXPECT_NE(refusal(p).find("--aggregate"), std::string::npos);
  p.aggregate = false;
  p.filters = "lz4";
  EXPECT_NE(refusal(p).find("--filters"), std::string::npos);
  p.filters = "kkt";
  EXPECT_TRUE(ValidateTrainParameters(p).ok());
  p.solver = Solver::kSgd;
  p.passes = 1;
  EXPECT_NE(refusal(p).find("sgd has none"), std::string::npos);
  p.solver = Solver::kDbpg;
  EXPECT_EQ(TrainParameters::DefaultsOf(Solver::kDbpg).filters, "kkt");
  EXPECT_EQ(TrainParameters::DefaultsOf(Solver::kFtrl).filters, "none");
  p.filters = TrainParameters{}.filters;
  EXPECT_TRUE(ValidateTrainParameters(p).ok()) << "dbpg without its filter";
  p.rebalance = "on";
  EXPECT_NE(refusal(p).find("standard input (-) can be read once"), std::string::npos);
  EXPECT_FALSE(p.moves_rows());
  p.data = {"rows.svm"};
  EXPECT_TRUE(ValidateTrainParameters(p).ok());
  EXPECT_TRUE(p.moves_rows());
  p.rebalance = "auto";
  EXPECT_TRUE(p.moves_rows());
  p.tau.steps = 0;
  EXPECT_FALSE(p.moves_rows()) << "its bits are the same in every run";
  p.rebalance = "of";
  EXPECT_NE(refusal(p).find("--rebalance is auto, on or off"), std::string::npos);
  p.rebalance = "on";
  p.solver = Solver::kFtrl;
  EXPECT_NE(refusal(p).find("--rebalance has no effect with --solver ftrl"), std::string::npos);
  p.rebalance = "auto";
  p.tau = {};
  p.data = {"-"};
  p.solver = Solver::kAdam;
  EXPECT_NE(refusal(p).find("--l1 has no effect with --solver adam"), std::string::npos);
  p.l1 = TrainParameters::DefaultsOf(Solver::kAdam).l1;
  EXPECT_TRUE(ValidateTrainParameters(p).ok()) << "adam with its own defaults";
  p.l1 = TrainParameters{}.l1;
  p.solver = Solver::kDbpg;
  p.task = Task::kHinge;
  EXPECT_NE(refusal(p).find("squared_hinge"), std::string::npos);
  p.task = Task::kLogistic;
  p.solver = Solver::kFtrl;
  p.passes = 1;
  p.workers = 1;
  EXPECT_TRUE(ValidateTrainParameters(p).ok());
  p.workers = 0;
  p.holdout = {.kind = HoldoutRule::Kind::kLast, .percent = 10};
  EXPECT_NE(refusal(p).find("random:P%"), std::string::npos);
  p.holdout = {};
  p.valid = {"-"};
  EXPECT_NE(refusal(p).find("twice"), std::string::npos);

  p = Minimal();
  p.model.clear();
  EXPECT_NE(refusal(p).find("--model"), std::string::npos);
}

TEST(ValidateTrainParameters, AcceptsComparisonsAsLabelRulesOnly) {
  TrainParameters p = Minimal();
  for (const char* rule : {"> 15", ">15", ">= -1.5", "== 2", "!= 0", " < 3 ", "<=1e3"}) {
    p.label = rule;
    EXPECT_TRUE(ValidateTrainParameters(p).ok()) << rule;
  }
  for (const char* rule : {"15", ">", "> x", "=> 3", "> 1 2", "= 2"}) {
    p.label = rule;
    EXPECT_FALSE(ValidateTrainParameters(p).ok()) << rule;
  }
}

TEST(Pairs, CarryOnlyWhatTheJobNeeds) {
  EXPECT_EQ(ToPairs(Minimal()), (std::vector<ParameterPair>{{"data", "train.svm"}}));
  TrainParameters p = Minimal();
  p.json = true;
  p.quiet = true;
  p.config = "job.toml";
  p.schema_text = "[label]\n";
  p.l1 = 0.25;
  EXPECT_EQ(ToPairs(p), (std::vector<ParameterPair>{
                            {"data", "train.svm"}, {"schema-text", "[label]\n"}, {"l1", "0.25"}}));
}

TEST(Pairs, FromElsewhereAreValidatedInFull) {
  const auto refusal = [](const std::vector<ParameterPair>& pairs) {
    const Result<TrainParameters> result = FromPairs(pairs);
    EXPECT_FALSE(result.ok());
    return result.ok() ? std::string{} : result.status().message();
  };
  EXPECT_EQ(refusal({{"data", "a"}, {"aplha", "1"}}),
            "a job has no parameter 'aplha'; did you mean alpha?");
  EXPECT_EQ(refusal({{"data", "a"}, {"json", "true"}}).substr(0, 31),
            "a job has no parameter 'json'; ");
  EXPECT_EQ(refusal({{"data", "a"}, {"alpha", "1"}, {"alpha", "2"}}),
            "parameter 'alpha' is given twice");
  EXPECT_EQ(refusal({{"data", "a"}, {"alpha", "0"}}), "--alpha must be > 0, got 0");
  EXPECT_NE(refusal({}).find("no DATA"), std::string::npos);
  EXPECT_NE(refusal({{"data", "a"}, {"holdout", "every"}, {"valid", "b"}}).find("exclude"),
            std::string::npos);
}

TEST(Pairs, RebuildRandomJobs) {
  std::mt19937_64 random(20141006);
  const auto pick = [&](std::uint64_t n) { return random() % n; };
  for (int round = 0; round < 2000; ++round) {
    TrainParameters p;
    for (std::uint64_t i = 0; i <= pick(3); ++i)
      p.data.push_back("part-" + std::to_string(pick(100)));
    if (pick(3) == 0) {
      p.valid = {"v1", "v2"};
    } else {
      p.holdout.kind = static_cast<HoldoutRule::Kind>(pick(4));
      const bool shared = p.holdout.kind == HoldoutRule::Kind::kLast ||
                          p.holdout.kind == HoldoutRule::Kind::kRandom;
      p.holdout.percent =
          shared ? std::ldexp(static_cast<double>(1 + pick(1U << 20)), -20) * 99.0 : 0.0;
    }
    p.format = static_cast<data::Format>(pick(4));
    p.task = static_cast<Task>(pick(4));
    p.solver = static_cast<Solver>(pick(3));
    p.passes = 1 + pick(1000000);
    p.minibatch = 1 + pick(1048576);
    p.alpha = std::ldexp(static_cast<double>(1 + (random() >> 1)), -static_cast<int>(pick(120)));
    p.l1 = std::ldexp(static_cast<double>(random()), -60);
    p.seed = random();
    p.tau.steps = pick(4) == 0 ? Delay::kInfinite : static_cast<Step>(pick(1000));
    if (pick(2) == 0)
      p.bad_rows_max.rows = random();
    else
      p.bad_rows_max.percent = static_cast<double>(1 + pick(99)) / 7.0;
    p.servers = pick(1025);
    p.workers = pick(1025);
    p.keep_names = pick(2) == 0;
    if (pick(2) == 0) p.cache = "rows" + std::to_string(pick(10));
    p.model = "m" + std::to_string(pick(10));
    const Result<TrainParameters> again = FromPairs(ToPairs(p));
    ASSERT_TRUE(again.ok()) << again.status().message();
    ASSERT_EQ(again.value(), p);
  }
}

TEST(Help, ShowsRangesChoicesAndDefaults) {
  const auto range = [](std::string_view name) {
    return ParameterRange(*FindTrainParameter(name));
  };
  const auto by_default = [](std::string_view name) {
    return ParameterDefault(*FindTrainParameter(name));
  };
  EXPECT_EQ(range("alpha"), "> 0");
  EXPECT_EQ(range("passes"), "from 1 to 1000000");
  EXPECT_EQ(range("solver"), "ftrl | sgd | adagrad | adam | dbpg | owlqn");
  EXPECT_EQ(range("tau"), "from 0 to 1000000000, inf or auto");
  EXPECT_EQ(range("model"), "");
  EXPECT_EQ(by_default("alpha"), "0.1; adam: 0.03");
  EXPECT_EQ(by_default("minibatch"), "512; 128 with several workers");
  EXPECT_EQ(by_default("tau"), "1");
  EXPECT_EQ(by_default("bad-rows-max"), "0");
  EXPECT_EQ(by_default("servers"), "all in one process");
  EXPECT_EQ(by_default("json"), "");
}

}  // namespace
}  // namespace steelyard::job
