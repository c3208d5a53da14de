// The paper's comparison with runs that are made up: what is compared, what is refused, what is computed.
#include "paper_bench.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "paper_report.h"

namespace steelyard::bench {
namespace {

/// What a made-up run of a batch solver ends with.
struct Ending {
  double objective = 100.0;
  bool certified = true;
  double seconds = 1.0;
};

bool Holds(const std::vector<std::string>& arguments, const std::string& word) {
  return std::ranges::find(arguments, word) != arguments.end();
}

std::string Report(const Ending& ending, std::uint64_t passes, bool filters) {
  std::string text = fmt::format(
      R"({{"seconds":{},"passes":{},"idle_fraction":0.25,"objective":{},"certified":{},"history":[)",
      ending.seconds, passes, ending.objective, ending.certified);
  for (std::uint64_t i = 1; i <= passes; ++i) {
    const double after = ending.objective * (1 + 0.1 * static_cast<double>(passes - i));
    text += fmt::format(R"({}{{"seconds":{},"objective":{},"settled_fraction":{}}})",
                        i == 1 ? "" : ",", 0.1 * static_cast<double>(i), after, filters ? 0.9 : 0);
  }
  const char* const kkt = R"(,"filters":[{"name":"kkt","before_bytes":2400,"after_bytes":320}])";
  return text + fmt::format(R"(],"traffic":{{"pushed_bytes":{},"pulled_bytes":{}{}}}}})",
                            filters ? 500 : 5000, filters ? 400 : 4000, filters ? kkt : "");
}

/// A world in which every run ends as it is told, and which counts them.
class World {
 public:
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> said;
  std::uint64_t stops_of_each = 7;
  /// Of the solver owlqn, and of each dbpg in turn; later ones end as by default.
  Ending owlqn = {.objective = 100.005, .certified = false};
  std::vector<Ending> endings = {};

  Result<PaperFigures> Run(const PaperOptions& options) {
    return RunPaper(options, {.run = [&](const auto& arguments,
                                         std::uint64_t* stops) { return Answer(arguments, stops); },
                              .say = [&](const std::string& what) { said.push_back(what); }});
  }

 private:
  Result<std::string> Answer(const std::vector<std::string>& arguments, std::uint64_t* stops) {
    commands.push_back(arguments);
    if (stops != nullptr) *stops = stops_of_each;
    if (arguments[0] == "datagen") return std::string();
    if (Holds(arguments, "owlqn")) return Report(owlqn, 9, false);
    if (!Holds(arguments, "dbpg")) {  // ftrl
      return std::string(
          R"({"seconds":1,"passes":1,"idle_fraction":0,"traffic":{"pushed_bytes":60,"pulled_bytes":50}})");
    }
    const Ending ending = next_ < endings.size() ? endings[next_++] : Ending{};
    return Report(ending, 4, !Holds(arguments, "none"));
  }

  std::size_t next_ = 0;
};

const PaperOptions kSmall{.data = "rows.svm", .delays = {"4"}, .scratch = "/scratch"};

TEST(Paper, RunsEverySystemInTurns) {
  World world;
  PaperOptions options = kSmall;
  options.rounds = 2;
  const auto figures = world.Run(options);
  ASSERT_TRUE(figures.ok());
  ASSERT_EQ(world.commands.size(), 2 * 5 + 5);
  EXPECT_EQ(world.commands[0], world.commands[5]);
  EXPECT_TRUE(Holds(world.commands[0], "owlqn"));
  EXPECT_EQ(world.said.front(), "1 of 15: A, --solver owlqn --l1 4 --tolerance 0.0001");
  EXPECT_EQ(world.said.back(), "15 of 15: traffic, --filters key-cache,delta,zeros,lz4,fixed:1");
  EXPECT_EQ(figures.value().best_objective, 100.0);
  EXPECT_EQ(figures.value().systems.size(), 3);
  EXPECT_EQ(figures.value().delays.back().flags, "--solver dbpg --tau 4 --rebalance off");
  EXPECT_EQ(figures.value().delays.back().stops, 7);
}

TEST(Paper, GeneratesRowsWhereNoneAreNamed) {
  World world;
  const auto figures = world.Run({.rows = 30, .features = 40, .scratch = "/scratch"});
  ASSERT_TRUE(figures.ok());
  EXPECT_EQ(world.commands[0],
            (std::vector<std::string>{"datagen", "--rows", "30", "--features", "40", "--out",
                                      "/scratch/rows.svm", "--quiet"}));
  EXPECT_EQ(world.commands[1][1], "/scratch/rows.svm");
  EXPECT_EQ(figures.value().data, "datagen --rows 30 --features 40");
}

TEST(Paper, ShowsTheRoundOfMedianTime) {
  World world;
  PaperOptions options = kSmall;
  options.rounds = 3;
  for (const double seconds : {5.0, 2.0, 3.0})  // Of B; three other runs of dbpg follow each.
    world.endings.insert(world.endings.end(), {{.seconds = seconds}, {}, {}, {}});
  const auto figures = world.Run(options);
  ASSERT_TRUE(figures.ok());
  EXPECT_EQ(figures.value().systems[1].report.seconds, 3.0);
  EXPECT_EQ(figures.value().systems[1].spread, 1.0);
  EXPECT_EQ(figures.value().systems[2].spread, 0.0);
}

TEST(Paper, SaysWhatEndsFurtherFromTheBestThanTheTolerance) {
  for (const double objective : {100.005, 100.03, 150.0}) {
    World world;
    world.owlqn.objective = objective;
    const auto figures = world.Run(kSmall);
    ASSERT_TRUE(figures.ok());
    EXPECT_DOUBLE_EQ(figures.value().AboveBest(figures.value().systems[0]), objective / 100 - 1);
    const bool near_enough = objective < 100.01;
    const std::string text = FormatPaper(figures.value());
    EXPECT_EQ(text.find("more than its tolerance of 0.0001") == std::string::npos, near_enough);
    EXPECT_EQ(text.find("A ended 3.0e-04 above the best") != std::string::npos,
              objective == 100.03);
    const bool compared = PaperRows(figures.value())[0].peer_value.has_value();
    EXPECT_EQ(compared, objective < 100.1) << "the time to 1e-3";
  }
}

TEST(Paper, RefusesAnEndThatIsNotCertified) {
  World world;
  world.endings = {{}, {.certified = false}};
  const auto figures = world.Run(kSmall);
  ASSERT_FALSE(figures.ok());
  EXPECT_EQ(figures.status().code(), StatusCode::kCorruption);
  EXPECT_EQ(figures.status().where(), "train --solver dbpg");
  EXPECT_EQ(world.commands.size(), 3);
}

TEST(Paper, RefusesARunWithoutAStraggler) {
  World world;
  world.stops_of_each = 0;
  const auto figures = world.Run(kSmall);
  ASSERT_FALSE(figures.ok());
  EXPECT_EQ(figures.status().code(), StatusCode::kInvalidArgument);
}

TEST(Paper, CountsAKeyForEachFeatureInEachPass) {
  World world;
  const auto figures = world.Run(kSmall);
  ASSERT_TRUE(figures.ok());
  const std::vector<PaperTraffic>& stacks = figures.value().dbpg;
  ASSERT_EQ(stacks.size(), 3);
  // 2400 bytes given to the filter are 100 features in 4 passes.
  EXPECT_EQ(stacks[0].workers_bytes, 100 * 4 * 16);
  EXPECT_EQ(stacks[0].servers_bytes, 100 * 4 * 12);
  EXPECT_EQ(stacks[1].workers_bytes, 5000);
  EXPECT_EQ(stacks[2].servers_bytes, 400);
}

TEST(Paper, ComparesTheTimeToNearTheBest) {
  World world;
  const auto figures = world.Run(kSmall);
  ASSERT_TRUE(figures.ok());
  const auto rows = PaperRows(figures.value());
  ASSERT_EQ(rows.size(), 2 + 2 * 2 + 2 * 4);
  EXPECT_DOUBLE_EQ(rows[0].peer_value.value_or(0), 0.9);  // The last of owlqn's nine passes.
  EXPECT_DOUBLE_EQ(rows[1].value, 0.4);
  EXPECT_DOUBLE_EQ(rows[1].ratio().value_or(0), 1.0);
  EXPECT_EQ(rows[1].target, 2.0);
}

TEST(TrainingReport, IsRefusedWhenItIsAnother) {
  for (const char* const text : {"", "steelyard: note", "{}", R"({"seconds":"1"})"})
    EXPECT_EQ(ParseTrainingReport(text).status().code(), StatusCode::kBadData);
}

}  // namespace
}  // namespace steelyard::bench
