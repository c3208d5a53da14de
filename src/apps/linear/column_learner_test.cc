// Goal: a worker whose rows have moved computes what one would that had the same rows from the beginning.
// Method: two learners in the same numbering of features, one of them with rows given away and taken over.
#include "apps/linear/column_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "data/localise.h"
#include "table/proximal_block.h"
#include "table/updater.h"

namespace steelyard::apps::linear {
namespace {

constexpr std::uint32_t kFeatures = 40;
constexpr std::size_t kWeighted = 150;  ///< From this row on rows have values and importance.

/// Features are their keys; even ones do not stand in the first rows.
data::Minibatch BatchOf(std::size_t first, std::size_t end) {
  data::Minibatch batch;
  for (std::size_t row = first; row < end; ++row) {
    std::mt19937_64 random(row);
    batch.rows.rows.push_back(row);
    batch.rows.labels.push_back(static_cast<float>(random() % 2));
    for (int i = 0; i < 6; ++i) {
      const Key key = random() % kFeatures;
      batch.rows.keys.push_back(row < 100 ? key | 1u : key);
      if (first >= kWeighted) batch.rows.values.push_back(static_cast<float>(random() % 5) - 2.0F);
    }
    batch.rows.offsets.push_back(static_cast<std::uint32_t>(batch.rows.keys.size()));
    if (first >= kWeighted) batch.rows.weights.push_back(1.0F + static_cast<float>(random() % 3));
  }
  data::Localiser().Localise(batch);
  return batch;
}

std::unique_ptr<job::BatchLearner> LearnerOf(
    const std::vector<std::pair<std::size_t, std::size_t>>& ranges) {
  auto made = MakeColumnLearner({.updater = std::string(table::kProximalUpdater)});
  std::unique_ptr<job::BatchLearner> learner = std::move(made.value());
  for (const auto& [first, end] : ranges) EXPECT_TRUE(learner->AddRows(BatchOf(first, end)).ok());
  learner->EndRows();
  learner->MakeColumns();
  return learner;
}

float WeightOf(Key feature) {
  return feature % 5 == 0 ? 0.0F : 0.1F * static_cast<float>(feature % 7) - 0.3F;
}

std::vector<float> GradientsOf(const job::BatchLearner& learner,
                               const std::vector<std::uint32_t>& features) {
  std::vector<float> gradients(features.size());
  std::vector<float> curvatures(features.size());
  learner.Gradients(features, 0.5F, gradients, curvatures);
  gradients.insert(gradients.end(), curvatures.begin(), curvatures.end());
  return gradients;
}

/// @param taken  rows that are taken over.
void ExpectSameAsFresh(std::size_t kept, std::pair<std::size_t, std::size_t> taken) {
  const auto moved = LearnerOf({{0, 60}, {60, 100}});
  // Only odd features are known at first; they are numbered as their halves.
  const std::vector<Key> known(moved->keys().begin(), moved->keys().end());
  std::vector<std::uint32_t> numbers(known.size());
  std::iota(numbers.begin(), numbers.end(), 0u);
  std::vector<float> weights;
  for (const Key key : known) weights.push_back(WeightOf(key));
  moved->Arrange(numbers, weights);
  moved->EndPass({});
  EXPECT_EQ(moved->row_count(), 100u);
  ASSERT_TRUE(moved->AddRows(BatchOf(taken.first, taken.second)).ok());
  EXPECT_EQ(moved->row_count(), 100 + taken.second - taken.first);
  moved->EndRows();
  moved->MakeColumns();

  // From now on each feature's number is its key.
  std::vector<std::uint32_t> feature_of(known.begin(), known.end());
  std::vector<std::uint32_t> feature_of_key(moved->keys().begin(), moved->keys().end());
  std::vector<std::uint32_t> new_features;
  std::vector<float> rows;
  for (std::uint32_t feature = 0; feature < kFeatures; ++feature) {
    if (std::ranges::count(known, feature) > 0) continue;
    new_features.push_back(feature);
    rows.insert(rows.end(), {WeightOf(feature), 1.0F, 0.0F, 0.0F, 0.0F});
  }
  moved->Rearrange({.rows_kept = kept,
                    .feature_count = kFeatures,
                    .feature_of = feature_of,
                    .feature_of_key = feature_of_key,
                    .new_features = new_features,
                    .rows = rows});
  moved->BeginPass();

  const auto fresh = LearnerOf({{0, kept}, taken});
  std::vector<std::uint32_t> all(fresh->keys().begin(), fresh->keys().end());
  weights.clear();
  for (std::uint32_t feature = 0; feature < kFeatures; ++feature)
    weights.push_back(WeightOf(feature));
  fresh->Arrange(all, weights);

  EXPECT_EQ(moved->row_count(), fresh->row_count());
  EXPECT_NEAR(moved->LossSum(), fresh->LossSum(), 1e-9 * fresh->LossSum());
  EXPECT_EQ(moved->ActiveEntries(), fresh->ActiveEntries());
  std::vector<std::uint32_t> features(kFeatures);
  std::iota(features.begin(), features.end(), 0u);
  const std::vector<float> got = GradientsOf(*moved, features);
  const std::vector<float> wanted = GradientsOf(*fresh, features);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-4) << i;
}

TEST(ColumnLearner, RowsTakenOverAreLikeItsOwn) {
  ExpectSameAsFresh(100, {100, 150});
}

TEST(ColumnLearner, RowsGivenAwayAreGone) {
  ExpectSameAsFresh(60, {100, 110});
}

TEST(ColumnLearner, RowsWithValuesAndImportanceJoinThoseWithout) {
  ExpectSameAsFresh(60, {kWeighted, 200});
}

}  // namespace
}  // namespace steelyard::apps::linear
