// Goal: columns are the rows' entries by feature, however the rows are cut into parts and the features are numbered.
// Method: random rows; columns made the short way beside columns made in parts, under other numbers, without some features.
#include "apps/linear/columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace steelyard::apps::linear {
namespace {

struct Rows {
  std::vector<std::uint32_t> offsets{0};
  std::vector<std::uint32_t> features;
  std::vector<float> values;

  RowsToTranspose view() const {
    return {.offsets = offsets, .features = features, .values = values};
  }
  void EndRow() { offsets.push_back(static_cast<std::uint32_t>(features.size())); }
};

constexpr std::uint32_t kFeatures = 30;

/// Some features stand in no row, some twice in one.
Rows RandomRows(std::size_t count, bool has_values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Rows rows;
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t i = random() % 8; i > 0; --i) {
      rows.features.push_back(static_cast<std::uint32_t>(random() % (kFeatures - 3)));
      if (has_values) rows.values.push_back(static_cast<float>(random() % 9) - 4.0F);
    }
    rows.EndRow();
  }
  return rows;
}

/// `rows` without the features that have no number, under their numbers.
Rows Named(const Rows& rows, const std::vector<std::uint32_t>& feature_of) {
  Rows named;
  for (std::size_t row = 0; row + 1 < rows.offsets.size(); ++row) {
    for (std::uint32_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
      if (feature_of[rows.features[i]] == kNoColumn) continue;
      named.features.push_back(feature_of[rows.features[i]]);
      if (!rows.values.empty()) named.values.push_back(rows.values[i]);
    }
    named.EndRow();
  }
  return named;
}

void ExpectSame(const Columns& got, const Columns& wanted) {
  EXPECT_EQ(got.row_count, wanted.row_count);
  EXPECT_EQ(got.starts, wanted.starts);
  EXPECT_EQ(got.rows, wanted.rows);
  EXPECT_EQ(got.values, wanted.values);
  EXPECT_EQ(got.value_max, wanted.value_max);
  EXPECT_EQ(got.coupling, wanted.coupling);
}

TEST(Columns, HoldEveryEntryAndItsBounds) {
  // Row 0: features 1 and 1; row 1: none; row 2: features 0 and 1.
  const Rows rows{
      .offsets = {0, 2, 2, 4}, .features = {1, 1, 0, 1}, .values = {2.0F, -3.0F, 4.0F, 0.5F}};
  const RowsToTranspose view = rows.view();
  const Columns columns = Transpose(std::span(&view, 1), 3);
  EXPECT_EQ(columns.row_count, 3u);
  EXPECT_EQ(columns.starts, (std::vector<std::uint64_t>{0, 1, 4, 4}));
  EXPECT_EQ(columns.rows, (std::vector<std::uint32_t>{2, 0, 0, 2}));
  EXPECT_EQ(columns.values, (std::vector<float>{4.0F, 2.0F, -3.0F, 0.5F}));
  EXPECT_EQ(columns.value_max, (std::vector<float>{4.0F, 3.0F, 0.0F}));
  EXPECT_EQ(columns.coupling, (std::vector<float>{4.0F * 4.5F, 5.0F * 5.0F + 0.5F * 4.5F, 0.0F}));
}

// More entries than are worth a thread, in uneven parts: the bits are those of one thread.
TEST(Columns, OfATeamAreThoseOfOneThread) {
  for (const bool has_values : {false, true}) {
    std::vector<Rows> parts;
    for (std::size_t i = 0; i < 7; ++i)
      parts.push_back(RandomRows(i % 3 == 0 ? 10 : 30'000, has_values, i));
    std::vector<RowsToTranspose> views;
    std::size_t entries = 0;
    for (const Rows& part : parts) {
      views.push_back(part.view());
      entries += part.features.size();
    }
    EXPECT_GT(entries, 400'000u);
    // The last columns of the many are empty, and there are almost as many as entries: fewer strips than threads.
    for (const std::size_t features : {std::size_t{kFeatures}, std::size_t{200'000}}) {
      const Columns wanted = Transpose(views, features);
      std::vector<std::uint32_t> feature_of(features);
      std::iota(feature_of.rbegin(), feature_of.rend(), 0U);
      for (std::size_t i = 0; i < features; i += 5) feature_of[i] = kNoColumn;
      const Columns renumbered = Renumber(wanted, feature_of, features);
      for (const std::size_t threads : {1u, 2u, 5u}) {
        runtime::Team team(threads);
        ExpectSame(Transpose(views, features, &team), wanted);
        ExpectSame(Renumber(wanted, feature_of, features, &team), renumbered);
      }
    }
  }
}

TEST(Columns, OfPartsAreThoseOfTheWhole) {
  const std::vector<Rows> parts{RandomRows(20, false, 1), RandomRows(0, true, 2),
                                RandomRows(33, true, 3), RandomRows(1, false, 4)};
  std::vector<RowsToTranspose> views;
  Rows whole;
  for (const Rows& part : parts) {
    views.push_back(part.view());
    for (std::size_t row = 0; row + 1 < part.offsets.size(); ++row) {
      for (std::uint32_t i = part.offsets[row]; i < part.offsets[row + 1]; ++i) {
        whole.features.push_back(part.features[i]);
        whole.values.push_back(part.values.empty() ? 1.0F : part.values[i]);
      }
      whole.EndRow();
    }
  }
  const RowsToTranspose view = whole.view();
  ASSERT_GT(whole.features.size(), 100u);
  ExpectSame(Transpose(views, kFeatures), Transpose(std::span(&view, 1), kFeatures));
}

TEST(Columns, KeepTheirEntriesUnderOtherNumbers) {
  for (const bool has_values : {false, true}) {
    for (const std::uint32_t dropped : {0u, 7u}) {
      const Rows rows = RandomRows(60, has_values, 5);
      std::vector<std::uint32_t> numbers(kFeatures + 2);  // Two of them belong to no feature here.
      for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
      std::ranges::shuffle(numbers, std::mt19937_64(6));
      std::vector<std::uint32_t> feature_of(numbers.begin(), numbers.begin() + kFeatures);
      for (std::uint32_t i = 0; i < dropped; ++i) feature_of[3 * i] = kNoColumn;
      const RowsToTranspose view = rows.view();
      const Rows named = Named(rows, feature_of);
      const RowsToTranspose named_view = named.view();
      ExpectSame(Renumber(Transpose(std::span(&view, 1), kFeatures), feature_of, numbers.size()),
                 Transpose(std::span(&named_view, 1), numbers.size()));
    }
  }
}

}  // namespace
}  // namespace steelyard::apps::linear
