// Delayed block proximal gradient without a cluster, for tests: workers, one server's table, and the worst delay allowed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "apps/linear/column_worker.h"
#include "apps/linear/columns.h"
#include "job/dbpg_control.h"
#include "table/freezer.h"
#include "table/hash_table.h"
#include "table/proximal_block.h"

namespace steelyard::apps::linear {

using job::DbpgControl;

/// Rows of a whole data set.
struct TestRows {
  std::size_t features = 0;
  std::vector<std::uint32_t> offsets{0};
  std::vector<std::uint32_t> ids;
  std::vector<float> values;
  std::vector<float> labels;
  std::vector<float> importance;  ///< Empty: 1 for each row.

  void Add(std::span<const std::pair<std::uint32_t, float>> row, float label) {
    for (const auto& [id, value] : row) {
      ids.push_back(id);
      values.push_back(value);
    }
    offsets.push_back(static_cast<std::uint32_t>(ids.size()));
    labels.push_back(label);
  }
};

inline Columns ColumnsOf(const RowsToTranspose& rows, std::size_t features) {
  return Transpose(std::span(&rows, 1), features);
}

/// Runs to convergence; every pass's objective is in `objectives`.
class TestDbpg {
 public:
  struct Options {
    math::LossKind loss = math::LossKind::kLogistic;
    math::ProximalRule rule{.l1 = 1.0F};
    DbpgControl::Options control;
    std::size_t workers = 1;
    std::size_t blocks = 8;
  };

  TestDbpg(const TestRows& rows, const Options& options) : options_(options) {
    std::vector<float> entries(rows.features);
    for (const std::uint32_t id : rows.ids) ++entries[id];
    firsts_ = table::CutBlocks(entries, options.blocks);
    for (std::size_t i = 0; i < options.workers; ++i) MakeWorker(rows, i);
    table::HashTable hash({0, rows.features - 1}, table::kProximalColumns, memory_);
    for (Key key = 0; key < rows.features; ++key) hash.FindOrInsert(key);
    table::Freezer freezer(
        &hash, [](Key, std::span<const float>) { return true; }, &memory_);
    while (!freezer.Continue(1000)) {
    }
    table_ = freezer.Take();
    options_.control.examples = rows.labels.size();
  }

  /// @return how it ended.
  DbpgControl::Next Solve() {
    table::BeginSolve(*table_);
    control_ = std::make_unique<DbpgControl>(options_.control, Objective());
    std::mt19937_64 random(1);
    DbpgControl::Next next = DbpgControl::Next::kPass;
    while (next == DbpgControl::Next::kPass) {
      const double violation_max = Pass(random);
      const double objective = Objective();
      next = control_->OnPassEnd(
          {.objective = objective, .violation_max = violation_max, .model = Model()});
      if (next == DbpgControl::Next::kSearch) next = Search();
      if (control_->plan().take_back) {
        TakeBack();
      } else {
        EndPass(control_->plan().move);
        objectives.push_back(control_->objective());
        EXPECT_NEAR(Objective(), control_->objective(), 1e-6 * control_->objective());
      }
      if (next == DbpgControl::Next::kCertify) next = Certify();
    }
    return next;
  }

  double Objective() const {
    const table::WeightNorms norms = table::NormsOf(*table_, Active(), table::ArrayTable::kNoRank);
    double sum = options_.rule.l1 * norms.norm1 + 0.5 * options_.rule.l2 * norms.norm2_squared;
    for (const ColumnWorker& worker : workers_) sum += worker.LossSum();
    return sum;
  }

  std::span<const float> weights() const { return table_->column(0); }
  const DbpgControl& control() const { return *control_; }
  /// F minus the best dual value known, at the last certificate.
  double gap() const { return gap_; }

  std::vector<double> objectives;
  std::uint64_t settled = 0;  ///< Features left out at the end of the last pass.
  std::uint64_t moves = 0;    ///< Searches that went somewhere.

 private:
  void MakeWorker(const TestRows& rows, std::size_t index) {
    std::vector<std::uint32_t> offsets{0};
    std::vector<std::uint32_t> ids;
    std::vector<float> values;
    std::vector<float> labels;
    std::vector<float> importance;
    const bool ones = std::ranges::all_of(rows.values, [](float value) { return value == 1.0F; });
    for (std::size_t row = index; row < rows.labels.size(); row += options_.workers) {
      for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
        ids.push_back(rows.ids[i]);
        if (!ones) values.push_back(rows.values[i]);
      }
      offsets.push_back(static_cast<std::uint32_t>(ids.size()));
      labels.push_back(rows.labels[row]);
      if (!rows.importance.empty()) importance.push_back(rows.importance[row]);
    }
    columns_.push_back(std::make_unique<Columns>(ColumnsOf({offsets, ids, values}, rows.features)));
    workers_.emplace_back(columns_.back().get(), labels, importance, options_.loss);
  }

  /// Features [first, end), all or those that are not settled.
  std::vector<std::uint32_t> Features(std::size_t first, std::size_t end, bool all) const {
    std::vector<std::uint32_t> features;
    for (std::size_t i = first; i < end; ++i) {
      if (all || table_->column(3)[i] == 0.0F) features.push_back(static_cast<std::uint32_t>(i));
    }
    return features;
  }
  std::vector<std::uint32_t> Active() const { return Features(0, table_->size(), false); }

  std::vector<std::uint32_t> Block(std::size_t index) const {
    const std::size_t end = index + 1 < firsts_.size() ? firsts_[index + 1] : table_->size();
    return Features(firsts_[index], end, false);
  }

  /// Sum what `compute(worker, gradients, curvatures)` fills over the workers.
  template <typename Compute>
  void Sum(std::size_t count, Compute&& compute) {
    gradients_.assign(count, 0.0F);
    curvatures_.assign(count, 0.0F);
    std::vector<float> gradients(count);
    std::vector<float> curvatures(count);
    for (const ColumnWorker& worker : workers_) {
      compute(worker, std::span(gradients), std::span(curvatures));
      for (std::size_t i = 0; i < count; ++i) {
        gradients_[i] += gradients[i];
        curvatures_[i] += curvatures[i];
      }
    }
  }

  math::SearchModel Model() const {
    math::SearchModel model =
        table::SearchPenalty(*table_, Active(), table::ProximalRules(options_.rule));
    for (const ColumnWorker& worker : workers_) model.Add(worker.Search());
    return model;
  }

  DbpgControl::Next Search() {
    std::vector<double> found;
    math::SearchMove move = control_->plan().move;
    for (const double scale : math::kSearchScales) {
      move.scale = scale;
      found.push_back(
          table::PenaltyAfter(*table_, Active(), table::ProximalRules(options_.rule), move));
      for (const ColumnWorker& worker : workers_) found.back() += worker.LossSumAfter(move);
    }
    const DbpgControl::Next next = control_->OnSearched(found);
    moves += control_->plan().move.scale != 0.0 ? 1 : 0;
    return next;
  }

  void EndPass(const math::SearchMove& move) {
    table::EndPass(*table_, active_, move);
    for (ColumnWorker& worker : workers_) {
      worker.EndPass(move);
      EXPECT_TRUE(std::ranges::equal(worker.weights(), weights()));
    }
  }

  void TakeBack() {
    table::TakeBack(*table_, active_);
    for (ColumnWorker& worker : workers_) worker.TakeBack();
  }

  template <typename T>
  std::vector<T> ColumnAt(std::size_t column, std::span<const std::uint32_t> features) const {
    std::vector<T> values;
    for (const std::uint32_t i : features)
      values.push_back(static_cast<T>(table_->column(column)[i]));
    return values;
  }

  double Pass(std::mt19937_64& random) {
    const DbpgControl::Plan plan = control_->plan();
    active_ = Active();
    table::BeginPass(*table_, active_);
    for (ColumnWorker& worker : workers_) worker.BeginPass();
    std::vector<std::size_t> order(firsts_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::shuffle(order, random);
    table::ProximalOutcome outcome;
    std::deque<std::vector<std::uint32_t>> under_way;
    const auto finish_one = [&] {
      const std::vector<std::uint32_t> block = under_way.front();
      under_way.pop_front();
      for (ColumnWorker& worker : workers_) {
        worker.Update(block, ColumnAt<float>(0, block), ColumnAt<std::uint8_t>(3, block),
                      options_.rule);
      }
    };
    for (const std::size_t index : order) {
      const std::vector<std::uint32_t> block = Block(index);
      Sum(block.size(), [&](const ColumnWorker& worker, auto g, auto u) {
        worker.Gradients(block, plan.safety, g, u);
      });
      steps_.resize(block.size());
      outcome.Merge(table::StepBlock(*table_, block, {gradients_, curvatures_},
                                     table::ProximalRules(options_.rule), plan.margin, steps_));
      under_way.push_back(block);
      while (under_way.size() > plan.tau) finish_one();
    }
    while (!under_way.empty()) finish_one();
    settled = table_->size() - Active().size();
    return outcome.violation_max;
  }

  DbpgControl::Next Certify() {
    Rebuild();
    const std::size_t count = table_->size();
    Sum(count, [&](const ColumnWorker& worker, auto g, auto u) {
      worker.Gradients(Features(0, count, true), control_->plan().safety, g, u);
    });
    const table::SweepOutcome sweep = table::SweepBlock(
        *table_, {0, count}, gradients_, curvatures_, table::ProximalRules(options_.rule));
    if (options_.loss == math::LossKind::kLogistic && options_.rule.l2 == 0.0F) {
      const double scale =
          std::min(1.0, static_cast<double>(options_.rule.l1) / sweep.gradient_max);
      gap_ = Objective();
      for (const ColumnWorker& worker : workers_) gap_ -= worker.EntropySum(scale);
    }
    Rebuild();
    return control_->OnCertified(Objective(), sweep.gain, sweep.violation_max);
  }

  void Rebuild() {
    for (ColumnWorker& worker : workers_) {
      worker.Rebuild(table_->column(0));
      const auto all = Features(0, table_->size(), true);
      worker.Settle(all, ColumnAt<std::uint8_t>(3, all));
    }
  }

  Options options_;
  table::PageMemory memory_;
  std::unique_ptr<table::ArrayTable> table_;
  std::vector<std::size_t> firsts_;
  std::vector<std::uint32_t> active_;  ///< As the pass began.
  std::vector<std::unique_ptr<Columns>> columns_;
  std::vector<ColumnWorker> workers_;
  std::unique_ptr<DbpgControl> control_;
  std::vector<float> gradients_;
  std::vector<float> curvatures_;
  std::vector<float> steps_;
  double gap_ = 0.0;
};

}  // namespace steelyard::apps::linear
