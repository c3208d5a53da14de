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
#include "base/check.h"
#include "math/proximal_rule.h"
#include "table/freezer.h"
#include "table/hash_table.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"
#include "table/row_batches.h"
#include "table/updater.h"

namespace steelyard::apps::linear {
namespace {

/// Rows as they came, until they are arranged.
struct Gathered {
  std::unique_ptr<table::PageMemory> memory = std::make_unique<table::PageMemory>();
  std::unique_ptr<table::HashTable> counted =
      std::make_unique<table::HashTable>(KeyRange{0, kKeyMax}, 1, *memory);
  std::vector<Key> batch_keys;       ///< The key lists of all batches.
  std::vector<std::size_t> batches;  ///< Where each one's list ends.
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> features;  ///< Positions in batch_keys; at last numbers of features.
  std::vector<float> values;            ///< Empty while each is 1.
  std::vector<float> labels;
  std::vector<float> importance;  ///< Empty while each row's is 1.
};

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
    return gathered_.labels.size() + (worker_ ? columns_.row_count : 0);
  }
  Status AddRows(const data::Minibatch& batch) override {
    const data::RowBlock& rows = batch.rows;
    if (gathered_.values.empty() && !rows.values.empty())
      gathered_.values.assign(gathered_.features.size(), 1.0F);
    const auto base = static_cast<std::uint32_t>(gathered_.batch_keys.size());
    std::vector<float> counts(batch.keys.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (std::isnan(rows.labels[i])) continue;
      double value_max = 0.0;
      for (std::size_t at = rows.offsets[i]; at < rows.offsets[i + 1]; ++at) {
        counts[batch.positions[at]] += 1.0F;
        value_max = std::max(value_max, std::fabs(static_cast<double>(rows.Value(at))));
        gathered_.features.push_back(base + batch.positions[at]);
        if (!rows.values.empty() || !gathered_.values.empty())
          gathered_.values.push_back(rows.Value(at));
      }
      value_max_ = std::max(value_max_, value_max * std::fabs(rows.Weight(i)));
      gathered_.offsets.push_back(gathered_.features.size());
      if (gathered_.importance.empty() && rows.Weight(i) != 1.0F)
        gathered_.importance.assign(gathered_.labels.size(), 1.0F);
      gathered_.labels.push_back(rows.labels[i]);
      if (!gathered_.importance.empty() || rows.Weight(i) != 1.0F)
        gathered_.importance.push_back(rows.Weight(i));
    }
    table::AddToRows(*gathered_.counted, batch.keys, counts, {});
    gathered_.batch_keys.insert(gathered_.batch_keys.end(), batch.keys.begin(), batch.keys.end());
    gathered_.batches.push_back(gathered_.batch_keys.size());
    return {};
  }

  std::size_t bytes_to_arrange() const override {
    constexpr std::size_t kPerRow =
        48;  // Margins, curves and what a pass changes: column_worker.h.
    constexpr std::size_t kPerFeature = 64;  // Sorted keys, where columns start and end, weights.
    const std::size_t columns =
        (gathered_.features.size() + gathered_.values.size()) * sizeof(float);
    // Until then a vector that is nearly full will move to one of twice the size.
    const bool full = gathered_.features.size() > gathered_.features.capacity() / 8 * 7;
    const std::size_t growing =
        full ? 2 * gathered_.features.capacity() * sizeof(std::uint32_t) : 0;
    // Rows that are arranged already are arranged once more, with the new ones.
    const std::size_t before = (columns_.rows.size() + columns_.values.size()) * sizeof(float) +
                               columns_.row_count * kPerRow + columns_.size() * kPerFeature;
    return std::max(columns, growing) + gathered_.labels.size() * kPerRow +
           gathered_.counted->size() * kPerFeature + before;
  }

  void EndRows() override {
    table::Freezer freezer(
        gathered_.counted.get(), [](Key, std::span<const float>) { return true; },
        gathered_.memory.get());
    while (!freezer.Continue(std::size_t{1} << 20)) {
    }
    keys_ = freezer.Take();
    gathered_.counted.reset();
  }

  std::span<const Key> keys() const override { return keys_->keys(); }
  std::span<const float> entries() const override { return std::as_const(*keys_).column(0); }

  double slope_max() const override { return math::SlopeMax(options_.loss) * value_max_; }

  void Arrange(std::span<const std::uint32_t> feature_of_key,
               std::span<const float> weights) override {
    NameFeatures(feature_of_key);
    columns_ = Transpose({gathered_.offsets, gathered_.features, gathered_.values}, weights.size());
    worker_.emplace(&columns_, gathered_.labels, gathered_.importance, options_.loss);
    gathered_ = {};
    worker_->Rebuild(weights);
  }

  void Rearrange(const Rearrangement& change) override {
    NameFeatures(change.feature_of_key);
    const std::size_t kept = change.rows_kept;
    const std::size_t taken = gathered_.labels.size();
    const auto first = [kept](std::span<const float> all) {
      return all.first(std::min(kept, all.size()));
    };
    const std::vector<float> labels =
        Together(first(worker_->labels()), kept, gathered_.labels, taken);
    const std::vector<float> importance =
        Together(first(worker_->importance()), kept, gathered_.importance, taken);
    columns_ = Join(
        columns_, kept, change.feature_of,
        Transpose({gathered_.offsets, gathered_.features, gathered_.values}, change.feature_count));
    gathered_ = {};
    ColumnWorker::State state = StateAfter(change);
    worker_.emplace(&columns_, labels, importance, options_.loss);
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

  /// From positions in the batches' key lists to numbers of features; what has none is left out.
  void NameFeatures(std::span<const std::uint32_t> feature_of_key) {
    SY_CHECK(feature_of_key.size() == keys_->size());
    std::vector<std::uint32_t> names(gathered_.batch_keys.size());
    std::size_t first = 0;
    for (const std::size_t end : gathered_.batches) {
      const std::size_t count = end - first;
      const std::size_t absent =
          keys_->FindRanks(std::span(gathered_.batch_keys).subspan(first, count),
                           std::span(names).subspan(first, count));
      SY_CHECK(absent == 0);
      first = end;
    }
    gathered_.batch_keys = {};
    gathered_.batches = {};
    keys_.reset();
    for (std::uint32_t& name : names) name = feature_of_key[name];
    std::size_t kept = 0;
    std::size_t at = 0;
    for (std::size_t row = 0; row + 1 < gathered_.offsets.size(); ++row) {
      for (; at < gathered_.offsets[row + 1]; ++at) {
        const std::uint32_t name = names[gathered_.features[at]];
        if (name == kNoFeature) continue;
        gathered_.features[kept] = name;
        if (!gathered_.values.empty()) gathered_.values[kept] = gathered_.values[at];
        ++kept;
      }
      gathered_.offsets[row + 1] = kept;
    }
    gathered_.features.resize(kept);
    if (!gathered_.values.empty()) gathered_.values.resize(kept);
  }

  ColumnLearnerOptions options_;
  math::ProximalRule rule_;

  Gathered gathered_;
  std::unique_ptr<table::ArrayTable> keys_;  ///< Of gathered_, once there are no more rows.
  double value_max_ = 0.0;                   ///< Of any entry, times its row's importance.

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
