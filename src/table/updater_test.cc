// Goal: each updater applies its rule to every value of a row; bad options are refused by name. Method: hand-computed
// values, and the coordinate rules as an oracle.
#include "table/updater.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "table/hash_table.h"

namespace steelyard::table {
namespace {

constexpr Key kAnyKey = 7;

std::unique_ptr<Updater> Made(const UpdaterOptions& options, std::size_t width) {
  auto result = MakeUpdater(options, width);
  EXPECT_TRUE(result.ok());
  return std::move(result.value());
}

TEST(Updater, FtrlKeepsZAndNOfEveryValue) {
  const UpdaterOptions options{.name = "ftrl", .alpha = 0.2F, .beta = 0.5F, .l1 = 0.1F, .l2 = 0.3F};
  const auto updater = Made(options, 3);
  ASSERT_EQ(updater->row_floats(), 6u);
  ASSERT_EQ(updater->value_floats(), 3u);
  const math::FtrlRule rule = FtrlRuleOf(options);
  std::vector<float> row(6);
  std::vector<float> oracle(6);
  std::mt19937_64 random(4);
  std::normal_distribution<float> gradient(0.0F, 1.0F);
  for (int step = 0; step < 50; ++step) {
    const std::vector<float> pushed{gradient(random), gradient(random), gradient(random)};
    updater->Apply(kAnyKey, row, pushed);
    for (std::size_t i = 0; i < 3; ++i) rule.Step(pushed[i], oracle[2 * i], oracle[2 * i + 1]);
  }
  EXPECT_EQ(row, oracle);
  std::vector<float> values(3);
  updater->Read(kAnyKey, row, values);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(values[i], rule.Weight(row[2 * i], std::sqrt(row[2 * i + 1])));
  }
  EXPECT_NE(values[0], values[1]);
}

TEST(Updater, AdagradSgdAndTheDirectOnesFollowTheirRules) {
  const auto after = [](const UpdaterOptions& options, const std::vector<float>& pushes) {
    const auto updater = Made(options, 1);
    std::vector<float> row(updater->row_floats());
    for (const float pushed : pushes) updater->Apply(kAnyKey, row, std::vector<float>{pushed});
    std::vector<float> value(1);
    updater->Read(kAnyKey, row, value);
    return value[0];
  };
  EXPECT_FLOAT_EQ(after({.name = "adagrad", .alpha = 0.5F, .beta = 0.0F}, {3.0F, -4.0F}),
                  -0.5F + 0.5F * 4.0F / 5.0F);
  EXPECT_FLOAT_EQ(after({.name = "sgd", .alpha = 0.5F}, {2.0F, 1.0F}), -1.5F);
  EXPECT_FLOAT_EQ(after({.name = "sgd", .alpha = 0.5F, .l1 = 1.0F}, {2.0F}), -0.5F);
  EXPECT_FLOAT_EQ(after({.name = "add"}, {2.0F, 1.5F}), 3.5F);
  EXPECT_FLOAT_EQ(after({.name = "assign"}, {2.0F, -1.5F}), -1.5F);
  EXPECT_FLOAT_EQ(after({.name = "max"}, {2.0F, 5.0F, 3.0F}), 5.0F);
  EXPECT_FLOAT_EQ(after({.name = "max"}, {-2.0F}), 0.0F);
}

// Against the paper's formulas, with powers of the step count, in doubles.
TEST(Updater, AdamCorrectsItsBiasByTheStepsOfEachCoordinate) {
  const auto updater = Made({.name = "adam", .alpha = 0.01F}, 2);
  std::vector<float> row(updater->row_floats());
  std::mt19937_64 random(6);
  std::normal_distribution<float> gradient(0.3F, 1.0F);
  double w = 0, m = 0, v = 0;
  for (int step = 1; step <= 500; ++step) {
    const float g = gradient(random);
    updater->Apply(kAnyKey, row, std::vector<float>{g, step == 1 ? -7.0F : 0.0F});
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -= 0.01 * (m / (1 - std::pow(0.9, step))) /
         (std::sqrt(v / (1 - std::pow(0.999, step))) + 1e-8);
    std::vector<float> values(2);
    updater->Read(kAnyKey, row, values);
    ASSERT_NEAR(values[0], w, 2e-5 * (1 + std::fabs(w))) << step;
    // Its first step is alpha, whatever the gradient.
    EXPECT_NEAR(values[1], step == 1 ? 0.01 : values[1], 1e-6);
  }
}

TEST(Updater, PassesEveryParameterOn) {
  const auto after_one = [](const UpdaterOptions& options, float gradient) {
    const auto updater = Made(options, 1);
    std::vector<float> row(updater->row_floats());
    updater->Apply(kAnyKey, row, std::vector<float>{gradient});
    std::vector<float> value(1);
    updater->Read(kAnyKey, row, value);
    return value[0];
  };
  UpdaterOptions options{.name = "ftrl", .alpha = 0.5F, .beta = 0.25F, .l1 = 1.0F, .l2 = 3.0F};
  EXPECT_FLOAT_EQ(after_one(options, 2.0F), -(2.0F - 1.0F) / ((0.25F + 2.0F) / 0.5F + 3.0F));
  options.name = "adagrad";
  const float rate = 0.5F / (0.25F + 2.0F);
  EXPECT_FLOAT_EQ(after_one(options, 2.0F), -(rate * 2.0F - rate) / (1.0F + rate * 3.0F));
  options.name = "sgd";
  EXPECT_FLOAT_EQ(after_one(options, 2.0F), -(1.0F - 0.5F) / (1.0F + 0.5F * 3.0F));
}

TEST(Updater, AnInterceptIsNotPenalised) {
  std::size_t compared = 0;
  for (const char* name : {"ftrl", "adagrad", "sgd"}) {
    SCOPED_TRACE(name);
    const UpdaterOptions options{
        .name = name, .alpha = 0.5F, .l1 = 1.0F, .l2 = 0.5F, .intercept = true};
    UpdaterOptions plain = options;
    plain.intercept = false;
    const auto after = [&](const UpdaterOptions& with, Key key) {
      const auto updater = Made(with, 1);
      std::vector<float> row(updater->row_floats());
      std::vector<float> value(1);
      for (const float gradient : {2.0F, -0.25F, 1.5F})
        updater->Apply(key, row, std::vector<float>{gradient});
      updater->Read(key, row, value);
      return value[0];
    };
    EXPECT_EQ(after(options, kInterceptKey), after(Unpenalised(plain), kAnyKey));
    EXPECT_EQ(after(options, kAnyKey), after(plain, kAnyKey));
    EXPECT_EQ(after(plain, kInterceptKey), after(plain, kAnyKey));
    EXPECT_NE(after(options, kInterceptKey), after(options, kAnyKey));
    compared += 4;
  }
  EXPECT_EQ(compared, 12u);
}

// Twice the same work: by batches on a table, and row by row.
TEST(Updater, BatchesDoWhatSingleRowsDo) {
  std::mt19937_64 random(5);
  std::normal_distribution<float> gradient(0.0F, 1.0F);
  for (const char* name : {"ftrl", "adagrad", "sgd", "adam", "add", "assign", "max"}) {
    for (const std::size_t width : {1u, 3u}) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(width));
      UpdaterOptions options{.name = name, .intercept = true};
      if (name == std::string("ftrl") || name == std::string("sgd")) options.l1 = 0.5F;
      const auto updater = Made(options, width);
      PageMemory memory;
      HashTable rows({0, kKeyMax}, updater->row_floats(), memory);
      std::map<Key, std::vector<float>> oracle;
      for (std::size_t round = 0; round < 20; ++round) {
        std::set<Key> distinct;
        while (distinct.size() < 1 + round * 7) distinct.insert(KeyOfId(random() % 400));
        if (round % 2 == 0) distinct.insert(kInterceptKey);
        const std::vector<Key> keys(distinct.begin(), distinct.end());
        std::vector<float> pushed(keys.size() * width);
        for (float& value : pushed) value = gradient(random);
        std::vector<float> values(keys.size() * width, -1.0F);
        updater->ReadBatch(rows, keys, values);
        updater->ApplyBatch(rows, keys, pushed);
        for (std::size_t i = 0; i < keys.size(); ++i) {
          auto& row = oracle.try_emplace(keys[i], updater->row_floats(), 0.0F).first->second;
          std::vector<float> expected(width);
          updater->Read(keys[i], row, expected);
          for (std::size_t j = 0; j < width; ++j) ASSERT_EQ(values[i * width + j], expected[j]);
          updater->Apply(keys[i], row, std::span(pushed).subspan(i * width, width));
        }
      }
      EXPECT_EQ(rows.size(), oracle.size());
      rows.Scan(0, [&](Key key, std::span<const float> row) {
        EXPECT_TRUE(std::ranges::equal(row, oracle[key])) << key;
        return true;
      });
    }
  }
}

TEST(Updater, RefusesUnknownNamesAndListsTheKnownOnes) {
  const auto made = MakeUpdater({.name = "ftlr"}, 1);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(made.status().message().find("ftrl, adagrad, sgd, adam, add, assign, max"),
            std::string::npos)
      << made.status().message();
  EXPECT_NE(made.status().message().find("did you mean ftrl"), std::string::npos);
}

TEST(Updater, RefusesParametersThatHaveNoMeaning) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto refused = [](const UpdaterOptions& options, std::size_t width = 1) {
    const auto made = MakeUpdater(options, width);
    return !made.ok() && made.status().code() == StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused({.name = "ftrl"}, 0));
  EXPECT_TRUE(refused({.name = "ftrl", .alpha = 0.0F}));
  EXPECT_TRUE(refused({.name = "ftrl", .alpha = nan}));
  EXPECT_TRUE(refused({.name = "sgd", .alpha = -0.1F}));
  EXPECT_TRUE(refused({.name = "adagrad", .beta = -1.0F}));
  EXPECT_TRUE(refused({.name = "ftrl", .l1 = -1.0F}));
  EXPECT_TRUE(refused({.name = "ftrl", .l2 = std::numeric_limits<float>::infinity()}));
  EXPECT_TRUE(refused({.name = "add", .l1 = 1.0F}));
  EXPECT_FALSE(refused({.name = "ftrl", .alpha = 0.1F, .beta = 0.0F, .l1 = 1.0F, .l2 = 1.0F}));
}

}  // namespace
}  // namespace steelyard::table
