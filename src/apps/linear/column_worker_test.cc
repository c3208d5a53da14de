// Goal: a worker that shares its steps and sums with a team computes the same bits as one that is alone.
// Method: the same steps of both on rows that are enough for a team; everything that they say of themselves, compared.
#include "apps/linear/column_worker.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "runtime/team.h"

namespace steelyard::apps::linear {
namespace {

constexpr std::size_t kRows = 150'001;
constexpr std::uint32_t kFeatures = 61;

Columns RandomColumns(bool has_values) {
  std::mt19937_64 random(4);
  std::vector<std::uint32_t> offsets{0};
  std::vector<std::uint32_t> features;
  std::vector<float> values;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t i = random() % 9; i > 0; --i) {
      features.push_back(static_cast<std::uint32_t>(random() % kFeatures));
      if (has_values) values.push_back(static_cast<float>(random() % 9) - 4.0F);
    }
    offsets.push_back(static_cast<std::uint32_t>(features.size()));
  }
  const RowsToTranspose rows{.offsets = offsets, .features = features, .values = values};
  return Transpose(std::span(&rows, 1), kFeatures);
}

/// What two passes of three steps find, with a search after each.
std::vector<double> Figures(const Columns& columns, bool has_importance, runtime::Team* team) {
  std::mt19937_64 random(5);
  std::vector<float> labels(kRows);
  for (float& label : labels) label = static_cast<float>(random() % 2);
  std::vector<float> importance(has_importance ? kRows : 0);
  for (float& one : importance) one = static_cast<float>(1 + random() % 3);
  ColumnWorker worker(&columns, labels, importance, math::LossKind::kLogistic, team);
  std::vector<std::uint32_t> all(kFeatures);
  std::iota(all.begin(), all.end(), 0u);
  const std::vector<std::uint8_t> settled(kFeatures);
  std::vector<double> figures;
  for (int pass = 0; pass < 2; ++pass) {
    worker.BeginPass();
    for (int step = 0; step < 3; ++step) {
      std::vector<float> gradients(kFeatures);
      std::vector<float> curvatures(kFeatures);
      worker.Gradients(all, 0.5F, gradients, curvatures);
      figures.insert(figures.end(), gradients.begin(), gradients.end());
      figures.insert(figures.end(), curvatures.begin(), curvatures.end());
      worker.Gradients(all, gradients);
      figures.insert(figures.end(), gradients.begin(), gradients.end());
      std::vector<float> weights(kFeatures);
      for (float& weight : weights)  // Some go back to 0.
        weight = random() % 4 == 0 ? 0.0F : 0.01F * static_cast<float>(random() % 100) - 0.5F;
      worker.Update(all, weights, settled, {.l1 = 1.0F});
    }
    const std::vector<double> model = worker.Search().figures();
    figures.insert(figures.end(), model.begin(), model.end());
    math::SearchMove move;
    move.scale = 0.25;
    figures.push_back(worker.LossSumAfter(move));
    worker.EndPass(move);
    figures.push_back(worker.LossSum());
    figures.push_back(worker.EntropySum(0.75));
  }
  worker.Rebuild();
  figures.push_back(worker.LossSum());
  return figures;
}

TEST(ColumnWorker, ComputesTheSameBitsWithAnyTeam) {
  for (const bool has_values : {false, true}) {
    const Columns columns = RandomColumns(has_values);
    ASSERT_GT(columns.rows.size(), 500'000u);
    const std::vector<double> alone = Figures(columns, has_values, nullptr);
    EXPECT_GT(alone.size(), 1000u);
    for (const std::size_t threads : {1u, 2u, 7u}) {
      runtime::Team team(threads);
      EXPECT_EQ(Figures(columns, has_values, &team), alone) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace steelyard::apps::linear
