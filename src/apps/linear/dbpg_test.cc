// Goal: delayed block proximal gradient reaches the optimum, whatever the delay, the workers and the data, and no pass
// that it keeps makes the objective worse. Method: coordinate descent in double precision as an oracle; data that is
// scaled by 1000, has the same column twice, has a column of ones, has fields whose columns add up to ones.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <string>

#include "apps/linear/test_dbpg.h"

namespace steelyard::apps::linear {
namespace {

using math::LossKind;

struct DataOptions {
  std::size_t rows = 400;
  std::size_t features = 60;
  float scale = 1.0F;
  bool binary = false;       ///< Every value is 1.
  bool twins = false;        ///< Features come in equal pairs.
  bool ones = false;         ///< Feature 0 is in every row.
  bool one_hot = false;      ///< A row has one feature of each of 12 fields.
  bool real_labels = false;  ///< For the squared loss.
};

TestRows MakeRows(const DataOptions& options) {
  std::mt19937_64 random(options.rows + options.features);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  std::vector<float> planted(options.features);
  for (std::size_t i = 0; i < planted.size(); i += 3) planted[i] = normal(random);
  TestRows rows;
  rows.features = options.features;
  for (std::size_t row = 0; row < options.rows; ++row) {
    std::map<std::uint32_t, float> values;
    for (std::uint32_t i = 0; i < 12; ++i) {
      // Popular features first.
      const std::size_t ids = options.one_hot ? options.features / 12 : options.features;
      const std::uint32_t first = options.one_hot ? i * static_cast<std::uint32_t>(ids) : 0;
      const auto id =
          first + static_cast<std::uint32_t>(std::pow(static_cast<double>(ids),
                                                      static_cast<double>(random() % 1000) * 1e-3) -
                                             1.0);
      values[id] = options.binary ? 1.0F : normal(random);
    }
    if (options.ones) values[0] = 1.0F;
    if (options.twins) {
      const std::map<std::uint32_t, float> before = values;
      for (const auto& [id, value] : before) values[id ^ 1U] = values[id & ~1U] = value;
    }
    float margin = 0.0F;
    std::vector<std::pair<std::uint32_t, float>> list;
    for (const auto& [id, value] : values) {
      if (id >= options.features) continue;
      margin += planted[id] * value;
      list.emplace_back(id, value * options.scale);
    }
    const float noisy = margin + normal(random);
    rows.Add(list, options.real_labels ? noisy : (noisy > 0.0F ? 1.0F : 0.0F));
  }
  return rows;
}

// The objective's minimum, by coordinate descent with a line search that never accepts a rise.
double Minimum(const TestRows& rows, LossKind loss, double l1, double l2) {
  std::vector<std::vector<std::pair<std::size_t, double>>> columns(rows.features);
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i)
      columns[rows.ids[i]].emplace_back(row, rows.values[i]);
  }
  std::vector<double> w(rows.features);
  std::vector<double> margins(rows.labels.size());
  const auto objective = [&] {
    double sum = 0.0;
    for (std::size_t i = 0; i < margins.size(); ++i)
      sum += math::LossAt(loss, margins[i], rows.labels[i]).value;
    for (const double x : w) sum += l1 * std::fabs(x) + 0.5 * l2 * x * x;
    return sum;
  };
  double before = objective();
  for (int pass = 0; pass < 3000; ++pass) {
    for (std::size_t j = 0; j < w.size(); ++j) {
      double g = l2 * w[j];
      double u = l2 + 1e-12;
      for (const auto& [row, x] : columns[j]) {
        const auto point = math::LossAt(loss, margins[row], rows.labels[row]);
        g += point.derivative * x;
        const double p = std::fabs(point.derivative);
        u += (loss == LossKind::kLogistic  ? std::max(p * (1.0 - p), 1e-4)
              : loss == LossKind::kSquared ? 1.0
                                           : 2.0) *
             x * x;
      }
      double d = -w[j];
      if (g + l1 <= u * w[j])
        d = -(g + l1) / u;
      else if (g - l1 >= u * w[j])
        d = -(g - l1) / u;
      const auto change = [&](double step) {
        double sum =
            l1 * (std::fabs(w[j] + step) - std::fabs(w[j])) + 0.5 * l2 * step * (2.0 * w[j] + step);
        for (const auto& [row, x] : columns[j]) {
          sum += math::LossAt(loss, margins[row] + x * step, rows.labels[row]).value -
                 math::LossAt(loss, margins[row], rows.labels[row]).value;
        }
        return sum;
      };
      int halvings = 0;
      while (change(d) > 0.0 && ++halvings < 40) d *= 0.5;
      if (halvings == 40) continue;
      w[j] += d;
      for (const auto& [row, x] : columns[j]) margins[row] += x * d;
    }
    const double now = objective();
    if (before - now < 1e-12 * now) break;
    before = now;
  }
  return objective();
}

std::uint64_t passes_seen = 0;
std::uint64_t moves_seen = 0;

// Solve, and check what must hold for any data.
void ExpectSolved(const TestRows& rows, const TestDbpg::Options& options, double minimum,
                  double within) {
  SCOPED_TRACE(std::to_string(options.workers) + " workers, tau " +
               std::to_string(options.control.tau) +
               (options.control.filter ? ", filter" : ", no filter"));
  TestDbpg solver(rows, options);
  const double start = solver.Objective();
  ASSERT_EQ(solver.Solve(), DbpgControl::Next::kConverged);
  EXPECT_LT(solver.Objective(), minimum * (1.0 + within));
  EXPECT_GT(solver.Objective(), minimum * (1.0 - 1e-6)) << "the oracle is not at the optimum";
  double before = start;
  for (const double objective : solver.objectives) {
    // Sweeps compute margins anew, from weights that were rounded.
    EXPECT_LE(objective, before * (1.0 + 1e-7)) << "a pass that was kept raised it";
    before = objective;
    ++passes_seen;
  }
  moves_seen += solver.moves;
  if (options.loss == LossKind::kLogistic && options.rule.l2 == 0.0F) {
    EXPECT_GE(solver.gap(), solver.Objective() - minimum);
  }
}

void ExpectSolvedInEveryWay(const DataOptions& data, LossKind loss, float l1, float l2,
                            double within = 1e-4) {
  const TestRows rows = MakeRows(data);
  const double minimum = Minimum(rows, loss, l1, l2);
  for (const std::size_t workers : {1U, 2U, 4U}) {
    for (const std::uint32_t tau : {0U, 4U, 16U}) {  // 16 is more than there are blocks.
      for (const bool filter : {true, false}) {
        ExpectSolved(rows,
                     {.loss = loss,
                      .rule = {.l1 = l1, .l2 = l2},
                      .control = {.tau = tau, .filter = filter},
                      .workers = workers},
                     minimum, within);
      }
    }
  }
}

TEST(Dbpg, ReachesTheOptimumOfLogisticRegression) {
  ExpectSolvedInEveryWay({}, LossKind::kLogistic, 1.0F, 0.0F);
  ExpectSolvedInEveryWay({.binary = true}, LossKind::kLogistic, 1.0F, 0.0F);
  ExpectSolvedInEveryWay({.rows = 100, .features = 300}, LossKind::kLogistic, 0.3F, 0.0F);
  EXPECT_GT(passes_seen, 300u);
  EXPECT_GT(moves_seen, 150u);
}

// Whole fields can shift against each other without a change of any margin: that takes long to settle.
TEST(Dbpg, ReachesTheOptimumOfOneHotFields) {
  ExpectSolvedInEveryWay({.rows = 2000, .features = 72, .binary = true, .one_hot = true},
                         LossKind::kLogistic, 1.0F, 0.0F);
  ExpectSolvedInEveryWay({.rows = 1000, .features = 240, .binary = true, .one_hot = true},
                         LossKind::kLogistic, 0.5F, 0.0F);
}

// Hardly any penalty, and features that cannot be told apart: the last decreases are many and small.
TEST(Dbpg, ComesCloseToTheOptimumOfAwkwardData) {
  ExpectSolvedInEveryWay({.scale = 1000.0F}, LossKind::kLogistic, 1.0F, 0.0F, 1e-3);
  ExpectSolvedInEveryWay({.twins = true}, LossKind::kLogistic, 1.0F, 0.0F, 1e-3);
  ExpectSolvedInEveryWay({.binary = true, .ones = true}, LossKind::kLogistic, 1.0F, 0.0F, 1e-3);
}

TEST(Dbpg, ReachesTheOptimumOfOtherLossesAndPenalties) {
  ExpectSolvedInEveryWay({}, LossKind::kLogistic, 0.5F, 2.0F);
  ExpectSolvedInEveryWay({}, LossKind::kLogistic, 0.0F, 1.0F);
  ExpectSolvedInEveryWay({.real_labels = true}, LossKind::kSquared, 1.0F, 0.0F);
  ExpectSolvedInEveryWay({.real_labels = true}, LossKind::kSquared, 1.0F, 3.0F);
  ExpectSolvedInEveryWay({}, LossKind::kSquaredHinge, 1.0F, 0.0F);
}

TEST(Dbpg, ImportanceCountsAsSoManyRows) {
  TestRows rows = MakeRows({});
  TestRows repeated;
  repeated.features = rows.features;
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    rows.importance.push_back(static_cast<float>(row % 4));
    std::vector<std::pair<std::uint32_t, float>> list;
    for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i)
      list.emplace_back(rows.ids[i], rows.values[i]);
    for (std::size_t copy = 0; copy < row % 4; ++copy) repeated.Add(list, rows.labels[row]);
  }
  for (const LossKind loss : {LossKind::kLogistic, LossKind::kSquaredHinge}) {
    const double minimum = Minimum(repeated, loss, 1.0, 0.0);
    for (const std::uint32_t tau : {0U, 4U}) {
      ExpectSolved(rows, {.loss = loss, .control = {.tau = tau}, .workers = 2}, minimum, 1e-4);
    }
  }
}

TEST(Dbpg, AStrongPenaltyKeepsEveryWeightAtZeroAndTheFilterLeavesAllOut) {
  const TestRows rows = MakeRows({});
  TestDbpg solver(rows, {.rule = {.l1 = 1e6F}, .control = {}});
  EXPECT_EQ(solver.Solve(), DbpgControl::Next::kConverged);
  EXPECT_NEAR(solver.Objective(), 400 * std::log(2.0), 1e-6);
  EXPECT_EQ(solver.settled, rows.features);
}

TEST(ColumnWorker, GradientsAreDerivativesAndCurvaturesBoundThem) {
  for (const LossKind loss : {LossKind::kLogistic, LossKind::kSquared, LossKind::kSquaredHinge}) {
    SCOPED_TRACE(math::LossName(loss));
    const TestRows rows = MakeRows({.real_labels = loss == LossKind::kSquared});
    const Columns columns = ColumnsOf({rows.offsets, rows.ids, rows.values}, rows.features);
    std::mt19937_64 random(3);
    std::vector<float> importance(rows.labels.size());
    for (float& x : importance) x = static_cast<float>(random() % 5) * 0.5F;
    ColumnWorker worker(&columns, rows.labels, importance, loss);
    std::vector<float> weights(rows.features);
    for (float& w : weights) w = static_cast<float>(random() % 100) * 0.01F - 0.5F;
    worker.Rebuild(weights);
    std::vector<float> gradients(rows.features);
    std::vector<float> curvatures(rows.features);
    std::vector<std::uint32_t> all(rows.features);
    std::iota(all.begin(), all.end(), 0u);
    worker.Gradients(all, 0.0F, gradients, curvatures);
    const double here = worker.LossSum();
    for (std::size_t j = 0; j < rows.features; j += 7) {
      // Within the trust region a parabola with this curvature lies above the loss, and touches it with this slope.
      for (const float step : {1e-3F, -1e-3F, 0.3F, -0.3F, 1.0F, -1.0F}) {
        std::vector<float> moved = weights;
        moved[j] += step;
        const double taken = static_cast<double>(moved[j]) - weights[j];
        worker.Rebuild(moved);
        const double change = worker.LossSum() - here;
        const double parabola = gradients[j] * taken + 0.5 * curvatures[j] * taken * taken;
        ASSERT_LE(change, parabola + 1e-5 * (1.0 + std::fabs(change))) << j << " by " << step;
        if (std::fabs(step) < 0.01F) {
          ASSERT_NEAR(change, gradients[j] * taken, 0.5 * curvatures[j] * taken * taken + 1e-6);
        }
      }
      worker.Rebuild(weights);
    }
  }
}

TEST(ColumnWorker, UpdatesLeaveTheMarginsThatARebuildMakes) {
  const TestRows rows = MakeRows({});
  const Columns columns = ColumnsOf({rows.offsets, rows.ids, rows.values}, rows.features);
  ColumnWorker worker(&columns, rows.labels, {}, LossKind::kLogistic);
  std::mt19937_64 random(5);
  std::vector<float> weights(rows.features);
  const std::vector<std::uint8_t> settled(rows.features);
  for (int step = 0; step < 200; ++step) {
    std::vector<std::uint32_t> block(10);
    std::iota(block.begin(), block.end(), static_cast<std::uint32_t>(random() % 50));
    for (const std::uint32_t i : block)
      weights[i] += static_cast<float>(random() % 100) * 0.01F - 0.5F;
    worker.Update(block, std::span(weights).subspan(block[0], block.size()),
                  std::span(settled).subspan(block[0], block.size()), {.l1 = 1.0F});
  }
  ColumnWorker fresh(&columns, rows.labels, {}, LossKind::kLogistic);
  fresh.Rebuild(weights);
  EXPECT_NEAR(worker.LossSum(), fresh.LossSum(), 1e-9 * fresh.LossSum());
}

// A search that goes on along what it did before makes the rounding of weights grow, too.
TEST(ColumnWorker, SearchesDoNotPartMarginsFromWeights) {
  const TestRows rows = MakeRows({.binary = true});
  const Columns columns = ColumnsOf({rows.offsets, rows.ids, rows.values}, rows.features);
  ColumnWorker worker(&columns, rows.labels, {}, LossKind::kLogistic);
  std::vector<float> weights(rows.features);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = 0.1F + 1e-3F * static_cast<float>(i);
  worker.Rebuild(weights);
  std::vector<std::uint32_t> all(rows.features);
  std::iota(all.begin(), all.end(), 0u);
  const std::vector<std::uint8_t> settled(rows.features);
  for (float& weight : weights) weight += 1e-7F;
  worker.Update(all, weights, settled, {.l1 = 1.0F});
  for (int pass = 0; pass < 40; ++pass) {
    worker.EndPass({.pass = 0.0, .earlier = pass % 2 == 0 ? 1.0 : -1.9, .scale = 1.0});
    worker.BeginPass();
  }
  ColumnWorker fresh(&columns, rows.labels, {}, LossKind::kLogistic);
  fresh.Rebuild(worker.weights());
  EXPECT_NEAR(worker.LossSum(), fresh.LossSum(), 1e-7 * fresh.LossSum());
}

TEST(Columns, BlocksHaveEqualEntriesAndPopularFeaturesStandAlone) {
  std::vector<float> entries(1000);
  for (std::size_t i = 0; i < entries.size(); ++i)
    entries[i] = static_cast<float>(100'000 / (i + 1));
  const double total = std::accumulate(entries.begin(), entries.end(), 0.0);
  const std::vector<std::size_t> firsts = table::CutBlocks(entries, 20);
  EXPECT_GT(firsts.size(), 15u);
  EXPECT_LE(firsts.size(), 20u);
  EXPECT_EQ(firsts[1], 1u);
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const std::size_t end = i + 1 < firsts.size() ? firsts[i + 1] : entries.size();
    ASSERT_LT(firsts[i], end);
    double held = 0;
    for (std::size_t j = firsts[i]; j < end; ++j) held += entries[j];
    EXPECT_LE(held, total / 20 + entries[firsts[i]]);
  }
  EXPECT_EQ(table::CutBlocks(std::vector<float>{5}, 9), std::vector<std::size_t>{0});
}

TEST(DbpgControl, ClimbsTheLadderWhenPassesFail) {
  DbpgControl control({.tau = 4, .examples = 100}, 60.0);
  for (const double objective : {50.0, 40.0}) {
    EXPECT_EQ(control.plan().tau, 0u) << "the first passes wait for every block";
    EXPECT_EQ(control.OnPassEnd({.objective = objective, .violation_max = 20.0}),
              DbpgControl::Next::kPass);
  }
  EXPECT_EQ(control.plan().tau, 4u);
  EXPECT_FLOAT_EQ(control.plan().margin, 2.0F);
  for (const std::uint32_t tau : {2U, 1U, 0U}) {
    EXPECT_EQ(control.OnPassEnd({.objective = 41.0, .violation_max = 20.0}),
              DbpgControl::Next::kPass);
    EXPECT_TRUE(control.plan().take_back);
    EXPECT_EQ(control.plan().tau, tau);
    EXPECT_EQ(control.plan().safety, 0.0F);
  }
  for (const float safety : {0.02F, 0.04F, 0.08F, 0.16F, 0.32F, 0.64F, 1.0F, 1.0F}) {
    EXPECT_EQ(control.OnPassEnd({.objective = std::nan(""), .violation_max = 20.0}),
              DbpgControl::Next::kPass);
    EXPECT_TRUE(control.plan().take_back);
    EXPECT_EQ(control.plan().safety, safety);
  }
  EXPECT_EQ(control.objective(), 40.0);
  EXPECT_EQ(control.taken_back(), 11u);
}

// Otherwise every pass would be undone, and none could be more careful.
TEST(DbpgControl, ARiseOfTheMostCarefulPassIsRounding) {
  DbpgControl control({.tolerance = 1e-4, .examples = 100}, 100.0);
  std::uint32_t passes = 0;
  const auto end_pass = [&](double objective) {
    return control.OnPassEnd({.objective = objective, .violation_max = 1.0});
  };
  while (control.plan().safety < 1.0F) {
    ASSERT_LT(++passes, 50u);
    ASSERT_EQ(end_pass(101.0), DbpgControl::Next::kPass);
  }
  DbpgControl::Next next = DbpgControl::Next::kPass;
  for (passes = 0; next == DbpgControl::Next::kPass; ++passes) {
    ASSERT_LT(passes, 20u);
    next = end_pass(100.0001);
  }
  EXPECT_EQ(next, DbpgControl::Next::kCertify);
  EXPECT_EQ(control.objective(), 100.0);
}

TEST(DbpgControl, EndsOnlyWithACertificate) {
  DbpgControl control({.tolerance = 1e-4, .examples = 100}, 100.0);
  double objective = 100.0;
  double decrease = 10.0;
  std::uint32_t passes = 0;
  std::uint32_t sweeps = 0;
  DbpgControl::Next next = DbpgControl::Next::kPass;
  const auto solve = [&](double gain) {
    while (next == DbpgControl::Next::kPass) {
      ASSERT_LT(++passes, 100u);
      decrease *= 0.5;
      objective -= decrease;
      next = control.OnPassEnd({.objective = objective, .violation_max = 1.0});
      if (next == DbpgControl::Next::kCertify && ++sweeps > 0)
        next = control.OnCertified(objective, gain, 1.0);
    }
  };
  solve(/*gain=*/1e-6);
  EXPECT_EQ(next, DbpgControl::Next::kConverged);
  EXPECT_LT(decrease, 90.0 * 1e-4) << "what is left is as much as the last decrease";
  EXPECT_GT(decrease, 90.0 * 1e-4 / 1000.0) << "it went on for long";
  EXPECT_GT(sweeps, 1u);

  DbpgControl other({.tolerance = 1e-4, .passes_max = 60, .examples = 100}, 100.0);
  for (next = DbpgControl::Next::kPass; next == DbpgControl::Next::kPass;) {
    next = other.OnPassEnd({.objective = 50.0, .violation_max = 1.0});
    if (next == DbpgControl::Next::kCertify) next = other.OnCertified(50.0, /*gain=*/1.0, 1.0);
  }
  EXPECT_EQ(next, DbpgControl::Next::kPassesUsedUp) << "what settled would still gain";

  DbpgControl astray({.tolerance = 1e-4, .passes_max = 60, .examples = 100}, 100.0);
  for (next = DbpgControl::Next::kPass; next == DbpgControl::Next::kPass;) {
    next = astray.OnPassEnd({.objective = 50.0, .violation_max = 1.0});
    if (next == DbpgControl::Next::kCertify) next = astray.OnCertified(50.1, /*gain=*/0.0, 1.0);
  }
  EXPECT_EQ(next, DbpgControl::Next::kPassesUsedUp) << "passes said less than weights are worth";
  EXPECT_EQ(astray.objective(), 50.1);
}

TEST(DbpgControl, LooksAtWhatItLeftOut) {
  const auto passes_until_sweep = [](double active_share) {
    DbpgControl control({.tolerance = 1e-9, .examples = 100}, 1e6);
    for (int passes = 1; passes < 100; ++passes) {
      const DbpgControl::Pass pass{.objective = 1e6 - passes, .active_share = active_share};
      if (control.OnPassEnd(pass) == DbpgControl::Next::kCertify) return passes;
    }
    return 0;
  };
  EXPECT_EQ(passes_until_sweep(1.0), 6);
  EXPECT_EQ(passes_until_sweep(0.8), 8);
  EXPECT_EQ(passes_until_sweep(0.01), 8);
}

TEST(DbpgControl, TakesTheBestOfASearch) {
  DbpgControl control({.examples = 100}, 100.0);
  math::SearchModel model;
  model.Add(-2.0, 4.0, 1.0, 0.0);
  EXPECT_EQ(control.OnPassEnd({.objective = 90.0, .model = model}), DbpgControl::Next::kSearch);
  EXPECT_EQ(control.plan().move.pass, 0.5);
  EXPECT_EQ(control.OnSearched(std::array{91.0, 80.0, 70.0, 85.0, std::nan("")}),
            DbpgControl::Next::kPass);
  EXPECT_EQ(control.plan().move.scale, math::kSearchScales[2]);
  EXPECT_EQ(control.objective(), 70.0);
  EXPECT_EQ(control.OnPassEnd({.objective = 60.0, .model = model}), DbpgControl::Next::kSearch);
  EXPECT_EQ(control.OnSearched(std::array{60.0, 61.0, 62.0, 63.0, 64.0}), DbpgControl::Next::kPass);
  EXPECT_EQ(control.plan().move.scale, 0.0) << "none is better than staying";
  EXPECT_EQ(control.objective(), 60.0);
}

TEST(DbpgControl, PassesAreBounded) {
  DbpgControl control({.passes_max = 2}, 100.0);
  EXPECT_EQ(control.OnPassEnd({.objective = 50.0, .violation_max = 1.0}), DbpgControl::Next::kPass);
  EXPECT_EQ(control.OnPassEnd({.objective = 60.0, .violation_max = 1.0}),
            DbpgControl::Next::kCertify);
  EXPECT_TRUE(control.plan().take_back) << "the last pass made it worse";
  EXPECT_EQ(control.OnCertified(50.0, 0.0, 1.0), DbpgControl::Next::kPassesUsedUp);
}

}  // namespace
}  // namespace steelyard::apps::linear
