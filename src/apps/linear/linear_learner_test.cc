// Goal: a learner equals a per-row solver whatever the minibatches, and refuses what it cannot do. Method: a textbook
// per-row FTRL in double precision over random rows with repeated keys, values and weights; figures by hand.
#include "apps/linear/linear_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/hash.h"
#include "data/localise.h"

namespace steelyard::apps::linear {
namespace {

constexpr double kAbsent = -1.0;  // No figure is negative.

using data::Minibatch;
using data::RowBlock;

// Keeps the rows as servers would: it hands out copies and adds the changes.
class Trainer {
 public:
  explicit Trainer(const LinearOptions& options)
      : learner_(std::move(MakeLinearLearner(options).value())), progressive_(options.loss) {}

  void Train(const RowBlock& block, std::size_t batch_rows) {
    for (std::size_t first = 0; first < block.size(); first += batch_rows) {
      Minibatch batch = Cut(block, first, std::min(batch_rows, block.size() - first));
      std::vector<float> rows = Pull(batch);
      std::vector<float> deltas(rows.size());
      learner_->Learn(batch, rows, deltas, progressive_);
      const std::size_t width = learner_->row_floats();
      for (std::size_t i = 0; i < batch.keys.size(); ++i) {
        std::vector<float>& stored = table_[batch.keys[i]];
        for (std::size_t j = 0; j < width; ++j) stored[j] += deltas[i * width + j];
      }
    }
  }

  std::vector<float> Score(const RowBlock& block) {
    Minibatch batch = Cut(block, 0, block.size());
    const std::vector<float> rows = Pull(batch);
    std::vector<float> margins(block.size());
    learner_->Score(batch, rows, margins);
    return margins;
  }

  const math::Evaluation& progressive() const { return progressive_; }
  const std::map<Key, std::vector<float>>& table() const { return table_; }

 private:
  static Minibatch Cut(const RowBlock& block, std::size_t first, std::size_t count) {
    Minibatch batch;
    RowBlock& rows = batch.rows;
    for (std::size_t i = first; i < first + count; ++i) {
      rows.rows.push_back(block.rows[i]);
      rows.labels.push_back(block.labels[i]);
      if (!block.weights.empty()) rows.weights.push_back(block.weights[i]);
      for (std::size_t j = block.offsets[i]; j < block.offsets[i + 1]; ++j) {
        rows.keys.push_back(block.keys[j]);
        if (!block.values.empty()) rows.values.push_back(block.values[j]);
      }
      rows.offsets.push_back(static_cast<std::uint32_t>(rows.keys.size()));
    }
    data::Localiser().Localise(batch);
    return batch;
  }

  std::vector<float> Pull(const Minibatch& batch) {
    std::vector<float> rows;
    for (const Key key : batch.keys) {
      const auto& stored = table_.try_emplace(key, learner_->row_floats(), 0.0F).first->second;
      rows.insert(rows.end(), stored.begin(), stored.end());
    }
    return rows;
  }

  std::unique_ptr<job::Learner> learner_;
  math::Evaluation progressive_;
  std::map<Key, std::vector<float>> table_;
};

struct RowOptions {
  std::size_t count = 400;
  bool values = true;
  bool weights = true;
  bool repeats = true;
};

RowBlock RandomRows(const RowOptions& options, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> noise(0.0F, 1.0F);
  RowBlock block;
  for (std::size_t i = 0; i < options.count; ++i) {
    float truth = 0.0F;
    const std::size_t features = random() % 12;
    for (std::size_t j = 0; j < features; ++j) {
      const Key key = options.repeats ? random() % 30 : 100 * j + random() % 30;
      block.keys.push_back(key);
      const float value = options.values ? noise(random) : 1.0F;
      if (options.values) block.values.push_back(value);
      truth += value * (static_cast<float>(key % 7) - 3.0F);
    }
    block.rows.push_back(i);
    block.labels.push_back(truth + noise(random) > 0.0F ? 1.0F : 0.0F);
    if (options.weights) block.weights.push_back(static_cast<float>(random() % 3) * 0.75F);
    block.offsets.push_back(static_cast<std::uint32_t>(block.keys.size()));
  }
  return block;
}

// Per-row FTRL as the paper writes it, one feature after another, in double.
struct FtrlOracle {
  table::UpdaterOptions options;
  std::map<Key, std::pair<double, double>> state;
  double loss = 0.0;
  double weight = 0.0;

  double Weight(Key key) {
    const auto [z, n] = state[key];
    if (std::fabs(z) <= options.l1) return 0.0;
    const double sign = z < 0 ? -1.0 : 1.0;
    return -(z - sign * options.l1) / ((options.beta + std::sqrt(n)) / options.alpha + options.l2);
  }

  void Learn(const RowBlock& block, std::size_t row) {
    double margin = 0.0;
    for (std::size_t j = block.offsets[row]; j < block.offsets[row + 1]; ++j) {
      margin += Weight(block.keys[j]) * block.Value(j);
    }
    const math::LossPoint point = math::LogisticLoss(margin, block.labels[row] > 0.5F);
    loss += point.value * block.Weight(row);
    weight += block.Weight(row);
    for (std::size_t j = block.offsets[row]; j < block.offsets[row + 1]; ++j) {
      const double w = Weight(block.keys[j]);
      auto& [z, n] = state[block.keys[j]];
      const double g = point.derivative * block.Weight(row) * block.Value(j);
      z += g - (std::sqrt(n + g * g) - std::sqrt(n)) / options.alpha * w;
      n += g * g;
    }
  }
};

LinearOptions Ftrl(float l1) {
  return {.solver = {.name = "ftrl", .alpha = 0.1F, .beta = 1.0F, .l1 = l1, .l2 = 0.02F}};
}

TEST(LinearLearner, EqualsPerRowFtrlAtAnyMinibatchSize) {
  for (const bool ones : {false, true}) {
    const RowBlock block =
        RandomRows({.values = !ones, .weights = !ones, .repeats = true}, ones ? 5 : 6);
    FtrlOracle oracle{Ftrl(0.3F).solver, {}};
    for (std::size_t i = 0; i < block.size(); ++i) oracle.Learn(block, i);
    for (const std::size_t batch_rows : {1, 7, 128, 1000}) {
      SCOPED_TRACE("ones " + std::to_string(ones) + " rows " + std::to_string(batch_rows));
      Trainer trainer(Ftrl(0.3F));
      trainer.Train(block, batch_rows);
      EXPECT_NEAR(trainer.progressive().log_loss().value_or(kAbsent), oracle.loss / oracle.weight,
                  1e-5);
      ASSERT_EQ(trainer.table().size(), oracle.state.size());
      for (const auto& [key, row] : trainer.table()) {
        EXPECT_NEAR(row[0], oracle.state[key].first, 2e-3) << key;
        EXPECT_NEAR(row[1], oracle.state[key].second, 2e-3) << key;
      }
    }
  }
}

TEST(LinearLearner, ScoresWithTheWeightsOfTheRows) {
  const RowBlock block = RandomRows({}, 8);
  FtrlOracle oracle{Ftrl(0.3F).solver, {}};
  for (std::size_t i = 0; i < block.size(); ++i) oracle.Learn(block, i);
  Trainer trainer(Ftrl(0.3F));
  trainer.Train(block, 50);
  const std::vector<float> margins = trainer.Score(block);
  for (std::size_t i = 0; i < block.size(); ++i) {
    double margin = 0.0;
    for (std::size_t j = block.offsets[i]; j < block.offsets[i + 1]; ++j) {
      margin += oracle.Weight(block.keys[j]) * block.Value(j);
    }
    ASSERT_NEAR(margins[i], margin, 1e-3) << i;
  }
}

TEST(LinearLearner, IsTheSameBitForBitRunAfterRun) {
  const RowBlock block = RandomRows({}, 9);
  Trainer first(Ftrl(0.3F));
  Trainer second(Ftrl(0.3F));
  first.Train(block, 64);
  second.Train(block, 64);
  EXPECT_EQ(first.table(), second.table());
}

TEST(LinearLearner, EverySolverAndLossLearns) {
  for (const char* solver : {"ftrl", "adagrad", "sgd"}) {
    for (const math::LossKind loss : {math::LossKind::kLogistic, math::LossKind::kSquared,
                                      math::LossKind::kHinge, math::LossKind::kSquaredHinge}) {
      SCOPED_TRACE(std::string(solver) + " " + std::string(math::LossName(loss)));
      const float alpha = solver == std::string("sgd") ? 0.05F : 0.3F;
      Trainer trainer({.loss = loss, .solver = {.name = solver, .alpha = alpha}});
      const RowBlock block =
          RandomRows({.count = 3000, .values = false, .weights = false, .repeats = false}, 10);
      trainer.Train(block, 100);
      const double start = math::LossAt(loss, 0.0, 1.0).value;
      if (loss == math::LossKind::kSquared) {
        EXPECT_LT(trainer.progressive().rmse().value_or(kAbsent), 0.5);
      } else {
        EXPECT_LT(trainer.progressive().mean_loss().value_or(kAbsent), 0.9 * start);
        EXPECT_GT(trainer.progressive().auc().value_or(kAbsent), 0.8);
      }
    }
  }
}

/// Every row with kInterceptKey at its end, and, unless `features`, with nothing else.
RowBlock WithIntercept(const RowBlock& block, bool features) {
  RowBlock with;
  with.rows = block.rows;
  with.labels = block.labels;
  with.weights = block.weights;
  for (std::size_t row = 0; row < block.size(); ++row) {
    for (std::size_t i = block.offsets[row]; features && i < block.offsets[row + 1]; ++i) {
      with.keys.push_back(block.keys[i]);
      with.values.push_back(block.Value(i));
    }
    with.keys.push_back(kInterceptKey);
    with.values.push_back(1.0F);
    with.offsets.push_back(static_cast<std::uint32_t>(with.keys.size()));
  }
  return with;
}

TEST(LinearLearner, AnInterceptIsLearnedWithoutPenalties) {
  const RowBlock rows = RandomRows({}, 12);
  std::size_t scored = 0;
  for (const char* solver : {"ftrl", "adagrad", "sgd"}) {
    SCOPED_TRACE(solver);
    // Where nothing else may be learned, it is what a job of no other feature learns, without any penalty.
    Trainer penalised({.solver = {.name = solver, .l1 = 1e9F, .l2 = 0.5F, .intercept = true}});
    Trainer alone({.solver = {.name = solver}});
    penalised.Train(WithIntercept(rows, true), 50);
    alone.Train(WithIntercept(rows, false), 50);
    EXPECT_EQ(penalised.table().at(kInterceptKey), alone.table().at(kInterceptKey));
    const std::vector<float> margins = penalised.Score(WithIntercept(rows, true));
    EXPECT_EQ(margins, alone.Score(WithIntercept(rows, false)));
    EXPECT_NE(margins.front(), 0.0F);
    scored += margins.size();
  }
  EXPECT_EQ(scored, 3 * rows.size());
}

TEST(LinearLearner, AdamPushesTheGradientOfAMinibatch) {
  const auto learner = std::move(MakeLinearLearner({.solver = {.name = "adam"}}).value());
  EXPECT_EQ(learner->columns(), wire::Columns::kValues);
  EXPECT_EQ(learner->floats_per_key(), 1u);
  EXPECT_EQ(learner->row_floats(), 5u);
  Minibatch batch;
  batch.rows.rows = {0, 1};
  batch.rows.labels = {1.0F, 0.0F};
  batch.rows.weights = {1.0F, 2.0F};
  batch.rows.offsets = {0, 2, 3};
  batch.rows.keys = {5, 7, 7};
  batch.rows.values = {2.0F, 1.0F, -1.0F};
  data::Localiser().Localise(batch);
  std::vector<float> weights{0.5F, -0.25F};
  std::vector<float> gradients(2);
  math::Evaluation progressive(math::LossKind::kLogistic);
  learner->Learn(batch, weights, gradients, progressive);
  const double p = 1.0 / (1.0 + std::exp(-0.75));
  const double q = 1.0 / (1.0 + std::exp(-0.25));
  EXPECT_NEAR(gradients[0], 2.0 * (p - 1.0), 1e-6);
  EXPECT_NEAR(gradients[1], (p - 1.0) - 2.0 * q, 1e-6);
  EXPECT_EQ(weights, (std::vector<float>{0.5F, -0.25F}));
  EXPECT_EQ(progressive.rows(), 2u);
}

TEST(LinearLearner, AWeightScalesTheGradient) {
  RowBlock block;
  block.rows = {0};
  block.labels = {1.0F};
  block.weights = {3.0F};
  block.offsets = {0, 1};
  block.keys = {42};
  Trainer trainer({.solver = {.name = "sgd", .alpha = 1.0F}});
  trainer.Train(block, 1);
  EXPECT_FLOAT_EQ(trainer.table().at(42)[0], 1.5F);
}

TEST(LinearLearner, PassesOverWhatItCannotLearnFrom) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  RowBlock block;
  block.rows = {0, 1, 2, 3};
  block.labels = {nan, 1.0F, 1.0F, 0.0F};
  block.offsets = {0, 1, 3, 3, 6};  // Row 2 has no features.
  block.keys = {1, 1, 2, 1, 2, 3};
  block.values = {1.0F, 1.0F, 1.0F, 3e38F, -3e38F, 1.0F};
  Trainer trainer({.solver = {.name = "ftrl", .alpha = 10.0F}});
  trainer.Train(block, 4);
  EXPECT_EQ(trainer.progressive().rows(), 3u);
  // Row 3 adds opposite infinities: its margin is NaN, and must not reach its keys.
  EXPECT_EQ(trainer.progressive().sums().nan_rows, 1u);
  EXPECT_EQ(trainer.table().at(1)[0], -0.5F);
  EXPECT_EQ(trainer.table().at(3)[0], 0.0F);
}

TEST(LinearLearner, RefusesUnknownSolversAndParameters) {
  const auto unknown = MakeLinearLearner({.solver = {.name = "ftlr"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.status().message().find("did you mean ftrl"), std::string::npos);
  EXPECT_FALSE(MakeLinearLearner({.solver = {.name = "add"}}).ok());
  EXPECT_FALSE(MakeLinearLearner({.solver = {.name = "ftrl", .alpha = 0.0F}}).ok());
}

}  // namespace
}  // namespace steelyard::apps::linear
