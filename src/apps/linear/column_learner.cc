#include "apps/linear/column_learner.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "apps/linear/column_worker.h"
#include "apps/linear/columns.h"
#include "apps/linear/row_gatherer.h"
#include "math/proximal_rule.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"
#include "table/updater.h"

namespace steelyard::apps::linear {
namespace {

/// Append `more` to `some`, where an empty list stands for ones.
std::vector<float> Together(std::span<const float> some, std::size_t some_count,
                            std::span<const float> more, std::size_t more_count) {
  if (some.empty() && more.empty()) return {};
  std::vector<float> all(some_count + more_count, 1.0F);
  std::ranges::copy(some, all.begin());
  std::ranges::copy(more, all.begin() + static_cast<std::ptrdiff_t>(some_count));
  return all;
}

class ColumnLearner final : public job::BatchLearner {
 public:
  explicit ColumnLearner(const ColumnLearnerOptions& options)
      : options_(options), rule_{.l1 = options.l1, .l2 = options.l2} {}

  table::UpdaterOptions updater() const override {
    return {.name = options_.updater,
            .l1 = options_.l1,
            .l2 = options_.l2,
            .intercept = options_.intercept};
  }
  std::size_t row_floats() const override {
    return options_.updater == table::kQuasiNewtonUpdater ? table::kQuasiNewtonColumns
                                                          : table::kProximalColumns;
  }

  void Score(const data::Minibatch& batch, std::span<const float> rows,
             std::span<float> margins) const override {
    const std::size_t stride = row_floats();
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      double margin = 0.0;
      for (std::size_t at = batch.rows.offsets[i]; at < batch.rows.offsets[i + 1]; ++at) {
        const float weight = rows[batch.positions[at] * stride];
        margin += static_cast<double>(weight) * batch.rows.Value(at);
      }
      margins[i] = static_cast<float>(margin);
    }
  }

  std::size_t row_count() const override {
    return gathered_->row_count() + (worker_ ? columns_.row_count : 0);
  }
  Status AddRows(const data::Minibatch& batch) override {
    gathered_->Add(batch);
    return {};
  }

  std::size_t bytes_to_arrange() const override {
    constexpr std::size_t kPerRow =
        48;  // Margins, curves and what a pass changes: column_worker.h.
    constexpr std::size_t kPerFeature = 64;  // Sorted keys, where columns start and end, weights.
    // Rows that are arranged already are arranged once more, with the new ones.
    const std::size_t before = (columns_.rows.size() + columns_.values.size()) * sizeof(float) +
                               columns_.row_count * kPerRow + columns_.size() * kPerFeature;
    return gathered_->entry_bytes() + gathered_->row_count() * kPerRow +
           gathered_->key_count() * kPerFeature + before;
  }

  void EndRows() override {
    gathered_->EndRows();
    value_max_ = std::max(value_max_, gathered_->value_max());
  }
  std::span<const Key> keys() const override { return gathered_->keys(); }
  std::span<const float> entries() const override { return gathered_->entries(); }
  void MakeColumns() override { gathered_->MakeColumns(options_.team); }

  double slope_max() const override { return math::SlopeMax(options_.loss) * value_max_; }

  void Arrange(std::span<const std::uint32_t> feature_of_key,
               std::span<const float> weights) override {
    columns_ = gathered_->TakeColumns(feature_of_key, weights.size(), options_.team);
    worker_.emplace(&columns_, gathered_->labels(), gathered_->importance(), options_.loss,
                    options_.team);
    gathered_ = std::make_unique<RowGatherer>();
    worker_->Rebuild(weights);
  }

  void Rearrange(const Rearrangement& change) override {
    const std::size_t kept = change.rows_kept;
    const std::size_t taken = gathered_->row_count();
    const auto first = [kept](std::span<const float> all) {
      return all.first(std::min(kept, all.size()));
    };
    const std::vector<float> labels =
        Together(first(worker_->labels()), kept, gathered_->labels(), taken);
    const std::vector<float> importance =
        Together(first(worker_->importance()), kept, gathered_->importance(), taken);
    columns_ =
        Join(columns_, kept, change.feature_of,
             gathered_->TakeColumns(change.feature_of_key, change.feature_count, options_.team));
    gathered_ = std::make_unique<RowGatherer>();
    ColumnWorker::State state = StateAfter(change);
    worker_.emplace(&columns_, labels, importance, options_.loss, options_.team);
    worker_->Resume(std::move(state));
  }

  Features active() const override { return worker_->active(); }

  void Gradients(Features features, float safety, std::span<float> gradients,
                 std::span<float> curvatures) const override {
    worker_->Gradients(features, safety, gradients, curvatures);
  }
  void Gradients(Features features, std::span<float> gradients) const override {
    worker_->Gradients(features, gradients);
  }

  std::span<const float> weights() const override { return worker_->weights(); }
  void Update(Features features, std::span<const float> weights,
              std::span<const std::uint8_t> settled) override {
    worker_->Update(features, weights, settled, rule_);
  }

  void BeginPass() override { worker_->BeginPass(); }
  void TakeBack() override { worker_->TakeBack(); }
  math::SearchModel Search() const override { return worker_->Search(); }
  double LossSumAfter(const math::SearchMove& move) const override {
    return worker_->LossSumAfter(move);
  }
  void EndPass(const math::SearchMove& move) override { worker_->EndPass(move); }
  std::uint64_t ActiveEntries() const override { return worker_->ActiveEntries(); }
  void Rebuild() override { worker_->Rebuild(); }
  void Settle(Features features, std::span<const std::uint8_t> settled) override {
    worker_->Settle(features, settled);
  }
  double LossSum() const override { return worker_->LossSum(); }
  std::optional<double> DualSum(double scale) const override {
    if (options_.loss != math::LossKind::kLogistic) return {};
    return worker_->EntropySum(scale);
  }

 private:
  /// Of the features that were there before, and of those that the servers know more about.
  ColumnWorker::State StateAfter(const Rearrangement& change) {
    const ColumnWorker::State before = worker_->TakeState();
    const std::size_t count = change.feature_count;
    ColumnWorker::State state{.weights = std::vector<float>(count),
                              .deltas = std::vector<float>(count, math::ProximalRule::kDeltaFirst),
                              .earlier = std::vector<float>(count),
                              .settled = std::vector<std::uint8_t>(count)};
    for (std::size_t i = 0; i < change.feature_of.size(); ++i) {
      const std::uint32_t feature = change.feature_of[i];
      state.weights[feature] = before.weights[i];
      state.deltas[feature] = before.deltas[i];
      state.earlier[feature] = before.earlier[i];
      state.settled[feature] = before.settled[i];
    }
    const bool proximal = options_.updater == table::kProximalUpdater;
    for (std::size_t i = 0; i < change.new_features.size(); ++i) {
      const std::uint32_t feature = change.new_features[i];
      const auto row = change.rows.subspan(i * row_floats(), row_floats());
      static_assert(static_cast<int>(table::ProximalColumn::kWeight) ==
                    static_cast<int>(table::QuasiNewtonColumn::kWeight));
      const auto at = [&](table::ProximalColumn column) {
        return row[static_cast<std::size_t>(column)];
      };
      state.weights[feature] = at(table::ProximalColumn::kWeight);
      if (!proximal) continue;
      state.deltas[feature] = at(table::ProximalColumn::kDelta);
      state.earlier[feature] = at(table::ProximalColumn::kEarlier);
      state.settled[feature] = at(table::ProximalColumn::kSettled) != 0.0F ? 1 : 0;
    }
    return state;
  }

  ColumnLearnerOptions options_;
  math::ProximalRule rule_;

  /// Rows that are not arranged yet; always there.
  std::unique_ptr<RowGatherer> gathered_ = std::make_unique<RowGatherer>();
  double value_max_ = 0.0;  ///< Of any entry, times its row's importance.

  Columns columns_;
  std::optional<ColumnWorker> worker_;
};

}  // namespace

Result<std::unique_ptr<job::BatchLearner>> MakeColumnLearner(const ColumnLearnerOptions& options) {
  if (options.loss == math::LossKind::kHinge) {
    return Status(StatusCode::kInvalidArgument,
                  "batch solvers do not take --task hinge, whose loss is not smooth; use "
                  "--task squared_hinge, or an online solver");
  }
  if (options.updater != table::kProximalUpdater && options.updater != table::kQuasiNewtonUpdater) {
    return Status(StatusCode::kInvalidArgument,
                  "no batch solver works on tables with updater '" + options.updater + "'");
  }
  auto learner = std::make_unique<ColumnLearner>(options);
  if (auto updater = table::MakeUpdater(learner->updater(), 1); !updater.ok())
    return updater.status();
  return std::unique_ptr<job::BatchLearner>(std::move(learner));
}

}  // namespace steelyard::apps::linear
