// Goal: AUC is exact with ties and weights, whatever the order of additions. Method: the O(n^2) definition.
#include "math/score_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace steelyard::math {
namespace {

constexpr double kAbsent = -1.0;  // No figure is negative.

struct Row {
  float score;
  bool positive;
  float weight;
};

std::vector<Row> RandomRows(std::size_t count, std::uint64_t seed, bool ties) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> noise(0.0F, 1.0F);
  std::vector<Row> rows(count);
  for (Row& row : rows) {
    row.positive = random() % 3 == 0;
    row.score = noise(random) + (row.positive ? 0.5F : 0.0F);
    if (ties) row.score = std::round(row.score * 2.0F) / 2.0F;
    row.weight = static_cast<float>(random() % 4);  // 0 included; small integers add up exactly.
  }
  return rows;
}

double AucByDefinition(const std::vector<Row>& rows) {
  double pairs = 0.0;
  double ordered = 0.0;
  for (const Row& a : rows) {
    for (const Row& b : rows) {
      if (!a.positive || b.positive) continue;
      const double weight = static_cast<double>(a.weight) * b.weight;
      pairs += weight;
      if (a.score > b.score) ordered += weight;
      if (a.score == b.score) ordered += 0.5 * weight;
    }
  }
  return ordered / pairs;
}

ScoreHistogram Build(const std::vector<Row>& rows) {
  ScoreHistogram histogram;
  for (const Row& row : rows) histogram.Add(row.score, row.positive, row.weight);
  return histogram;
}

TEST(ScoreHistogram, AucEqualsTheDefinition) {
  for (const bool ties : {false, true}) {
    const std::vector<Row> rows = RandomRows(1500, 11, ties);
    EXPECT_NEAR(Build(rows).Auc().value_or(kAbsent), AucByDefinition(rows), 1e-12)
        << "ties " << ties;
  }
}

TEST(ScoreHistogram, IsNeverFlipped) {
  ScoreHistogram histogram;
  histogram.Add(1.0F, false, 1.0F);
  histogram.Add(-1.0F, true, 1.0F);
  EXPECT_EQ(histogram.Auc(), 0.0);
  histogram.Add(-3.0F, false, 1.0F);
  EXPECT_EQ(histogram.Auc(), 0.5);
}

TEST(ScoreHistogram, OrdersEveryKindOfFloat) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float ascending[] = {-infinity, -1e30F, -1.0F, -1e-40F, 0.0F,
                             1e-40F,    1.0F,   1e30F, infinity};
  for (std::size_t i = 1; i < std::size(ascending); ++i) {
    ScoreHistogram histogram;
    histogram.Add(ascending[i - 1], false, 1.0F);
    histogram.Add(ascending[i], true, 1.0F);
    EXPECT_EQ(histogram.Auc(), 1.0) << ascending[i];
  }
  ScoreHistogram zeros;
  zeros.Add(0.0F, true, 1.0F);
  zeros.Add(-0.0F, false, 1.0F);
  EXPECT_EQ(zeros.Auc(), 0.5);
  EXPECT_EQ(zeros.bins().size(), 1u);
}

TEST(ScoreHistogram, IsAbsentWithoutBothClasses) {
  ScoreHistogram histogram;
  EXPECT_FALSE(histogram.Auc().has_value());
  histogram.Add(1.0F, true, 1.0F);
  EXPECT_FALSE(histogram.Auc().has_value());
  histogram.Add(1.0F, false, 0.0F);
  EXPECT_FALSE(histogram.Auc().has_value());
}

TEST(ScoreHistogram, MergesInAnyOrderToTheSameBins) {
  const std::vector<Row> rows = RandomRows(300'000, 5, false);
  const ScoreHistogram whole = Build(rows);
  std::vector<ScoreHistogram> parts(7);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    parts[i % 7].Add(rows[i].score, rows[i].positive, rows[i].weight);
  }
  ScoreHistogram forwards;
  for (const ScoreHistogram& part : parts) forwards.Merge(part);
  std::reverse(parts.begin(), parts.end());
  ScoreHistogram backwards;
  for (const ScoreHistogram& part : parts) backwards.Merge(part);
  EXPECT_TRUE(std::ranges::equal(whole.bins(), forwards.bins()));
  EXPECT_TRUE(std::ranges::equal(whole.bins(), backwards.bins()));
}

TEST(ScoreHistogram, CoarsensToItsBoundWithoutDependingOnTheOrder) {
  // 1.5 Mi distinct scores in a narrow band: more than the bound, so low bits go.
  constexpr std::uint32_t kCount = 3 << 19;
  const auto row_at = [](std::uint32_t i) {
    return Row{1.0F + static_cast<float>(i) * 0x1p-22F, i % 5 == 0, 1.0F};
  };
  ScoreHistogram whole;
  ScoreHistogram low;
  ScoreHistogram high;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const Row row = row_at(i);
    whole.Add(row.score, row.positive, row.weight);
    (i < kCount / 4 ? low : high).Add(row.score, row.positive, row.weight);
  }
  EXPECT_LE(whole.bins().size(), ScoreHistogram::kBinsMax);
  EXPECT_GT(whole.shift(), 0u);
  EXPECT_EQ(low.shift(), 0u);
  ScoreHistogram low_first = low;
  low_first.Merge(high);
  high.Merge(low);
  EXPECT_EQ(whole.shift(), low_first.shift());
  EXPECT_TRUE(std::ranges::equal(whole.bins(), low_first.bins()));
  EXPECT_TRUE(std::ranges::equal(whole.bins(), high.bins()));
  EXPECT_NEAR(whole.Auc().value_or(kAbsent), 0.5, 1e-3);
}

TEST(ScoreHistogram, RebuildsFromItsBins) {
  const ScoreHistogram original = Build(RandomRows(1000, 3, false));
  const std::vector<ScoreBin> bins(original.bins().begin(), original.bins().end());
  const auto rebuilt = ScoreHistogram::FromBins(original.shift(), bins);
  ASSERT_TRUE(rebuilt.ok());
  EXPECT_EQ(rebuilt.value().Auc(), original.Auc());
}

TEST(ScoreHistogram, RefusesBinsThatItCannotHaveWritten) {
  const auto code = [](std::uint32_t shift, std::vector<ScoreBin> bins) {
    const auto result = ScoreHistogram::FromBins(shift, std::move(bins));
    return result.ok() ? StatusCode::kOk : result.status().code();
  };
  const double nan = std::nan("");
  EXPECT_EQ(code(0, {{5, 1, 0}, {6, 0, 1}}), StatusCode::kOk);
  EXPECT_EQ(code(0, {{5, 1, 0}, {5, 0, 1}}), StatusCode::kCorruption);
  EXPECT_EQ(code(0, {{6, 1, 0}, {5, 0, 1}}), StatusCode::kCorruption);
  EXPECT_EQ(code(12, {{1U << 20, 1, 0}}), StatusCode::kCorruption);
  EXPECT_EQ(code(13, {}), StatusCode::kCorruption);
  EXPECT_EQ(code(0, {{5, -1, 0}}), StatusCode::kCorruption);
  EXPECT_EQ(code(0, {{5, 1, nan}}), StatusCode::kCorruption);
  EXPECT_EQ(code(0, std::vector<ScoreBin>(ScoreHistogram::kBinsMax + 1)), StatusCode::kCorruption);
}

}  // namespace
}  // namespace steelyard::math
