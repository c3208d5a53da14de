// Goal: rows move from slow workers only, only when that pays, and so that all end a pass together.
// Method: times of a model in which a worker's time goes with its rows, or does not.
#include "job/row_balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace steelyard::job {
namespace {

constexpr double kShardRows = 100.0;

/// Slots with `shards` shards each; reading a row takes so many times as long as a pass over it.
struct Model {
  std::vector<double> rows;  ///< By slot.
  std::vector<double> pace;  ///< Seconds of a row in a pass.
  RowBalance balance;

  Model(std::vector<double> paces, std::size_t shards, double load = 3.0)
      : rows(paces.size(), kShardRows * static_cast<double>(shards)),
        pace(std::move(paces)),
        balance(std::vector<RowBalance::Slot>(pace.size(),
                                              {.shards = std::vector<double>(shards, kShardRows),
                                               .load_seconds = load * rows.front(),
                                               .arrange_seconds = 0.0})) {}

  std::vector<RowBalance::Times> Times() const {
    std::vector<RowBalance::Times> times;
    for (std::size_t i = 0; i < rows.size(); ++i) times.push_back({.seconds = rows[i] * pace[i]});
    return times;
  }
  double Longest() const {
    return std::ranges::max(Times(), {}, &RowBalance::Times::seconds).seconds;
  }
  std::size_t Pass(const std::vector<RowBalance::Times>& times) {
    const auto moves = balance.OnPass(times);
    if (!moves.empty()) balance.Apply(moves);
    for (const RowBalance::Move& move : moves) {
      rows[move.from] -= kShardRows;
      rows[move.to] += kShardRows;
    }
    return moves.size();
  }
  std::size_t Pass() { return Pass(Times()); }
};

TEST(RowBalance, EqualWorkersKeepTheirRows) {
  Model model({1, 1, 1, 1}, 8);
  for (int pass = 0; pass < 100; ++pass) EXPECT_EQ(model.Pass(), 0u);
}

TEST(RowBalance, ASlowWorkerGivesRowsUntilAllEndTogether) {
  Model model({1, 2, 1, 1}, 16);
  EXPECT_EQ(model.Longest(), 3200);
  EXPECT_EQ(model.Pass(), 0u);  // It may happen once.
  EXPECT_EQ(model.Pass(), 7u);
  EXPECT_EQ(model.rows[1], 900);
  EXPECT_LE(model.Longest(), 1900);  // 6400 rows / (3 + 1/2) = 1829.
  for (int pass = 0; pass < 100; ++pass) EXPECT_EQ(model.Pass(), 0u);
  EXPECT_NEAR(model.balance.Slowness(1), 2.0, 1e-9);
}

TEST(RowBalance, RowsGoBackWhenTheSlowWorkerIsFastAgain) {
  Model model({1, 2, 1, 1}, 16);
  model.Pass();
  EXPECT_EQ(model.Pass(), 7u);
  model.pace[1] = 1;
  std::size_t moved = 0;
  for (int pass = 0; pass < 20; ++pass) moved += model.Pass();
  EXPECT_GT(moved, 3u);
  EXPECT_GE(model.rows[1], 1500);
}

TEST(RowBalance, AWorkerThatStandsStillGivesAllItsRows) {
  Model model({1, 1, 1, 1}, 16);
  const auto stalls = [&] {
    auto times = model.Times();
    if (model.rows[1] > 0) times[1] = {.seconds = times[1].seconds + 1600, .stalled = 1600};
    return times;
  };
  EXPECT_EQ(model.Pass(stalls()), 0u);  // It may happen once,
  EXPECT_EQ(model.Pass(stalls()), 0u);  // or twice.
  EXPECT_EQ(model.Pass(stalls()), 16u);
  EXPECT_EQ(model.rows[1], 0);
  for (std::size_t slot : {0, 2, 3}) EXPECT_NEAR(model.rows[slot], 6400.0 / 3, kShardRows);
  for (int pass = 0; pass < 20; ++pass) EXPECT_EQ(model.Pass(stalls()), 0u);
}

// Passes may be shorter than the time between two stops.
TEST(RowBalance, AWorkerThatStandsStillInEveryOtherPassGivesAllItsRows) {
  Model model({1, 1, 1, 1}, 16);
  for (int pass = 0; pass < 8; ++pass) {
    auto times = model.Times();
    if (pass % 2 == 0 && model.rows[1] > 0) times[1].seconds += 6400;  // Too few steps to tell.
    model.Pass(times);
  }
  EXPECT_EQ(model.rows[1], 0);
}

TEST(RowBalance, OneOfTwoThatStandsStillIsStillAHelp) {
  Model model({1, 1}, 16);
  for (int pass = 0; pass < 20; ++pass) {
    auto times = model.Times();
    times[1] = {.seconds = times[1].seconds + 1600, .stalled = 1600};
    model.Pass(times);
  }
  EXPECT_GT(model.rows[1], 0);
}

TEST(RowBalance, NoiseMovesNothing) {
  Model model({1, 1, 1, 1}, 16);
  for (std::size_t pass = 0; pass < 100; ++pass) {
    auto times = model.Times();
    times[pass % 4].seconds *= 1.3;  // Another one each time.
    EXPECT_EQ(model.Pass(times), 0u) << pass;
    times = model.Times();
    times[pass % 4] = {.seconds = times[pass % 4].seconds * 3, .stalled = 3200};
    EXPECT_EQ(model.Pass(times), 0u) << pass;
    EXPECT_EQ(model.Pass(), 0u) << pass;
  }
}

TEST(RowBalance, WhatCostsMoreThanItSavesIsNotMoved) {
  Model cheap({1, 1.5}, 16, 3.0);
  Model dear({1, 1.5}, 16, 1000.0);
  std::size_t moved = 0;
  for (int pass = 0; pass < 5; ++pass) {
    moved += cheap.Pass();
    EXPECT_EQ(dear.Pass(), 0u) << pass;
  }
  EXPECT_GT(moved, 1u);
}

TEST(RowBalance, ASingleWorkerHasNobodyToGiveTo) {
  Model model({5}, 8);
  EXPECT_EQ(model.Pass(), 0u);
  EXPECT_EQ(model.balance.Slowness(0), 1.0);
}

}  // namespace
}  // namespace steelyard::job
