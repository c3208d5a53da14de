#include "apps/linear/column_learner.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "apps/linear/column_worker.h"
#include "apps/linear/columns.h"
#include "base/check.h"
#include "table/freezer.h"
#include "table/hash_table.h"
#include "table/proximal_block.h"
#include "table/quasi_newton_block.h"
#include "table/row_batches.h"
#include "table/updater.h"

namespace steelyard::apps::linear {
namespace {

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

  Status AddRows(const data::Minibatch& batch) override {
    const data::RowBlock& rows = batch.rows;
    if (values_.empty() && !rows.values.empty()) values_.assign(features_.size(), 1.0F);
    const auto base = static_cast<std::uint32_t>(batch_keys_.size());
    std::vector<float> counts(batch.keys.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (std::isnan(rows.labels[i])) continue;
      double value_max = 0.0;
      for (std::size_t at = rows.offsets[i]; at < rows.offsets[i + 1]; ++at) {
        counts[batch.positions[at]] += 1.0F;
        value_max = std::max(value_max, std::fabs(static_cast<double>(rows.Value(at))));
        features_.push_back(base + batch.positions[at]);
        if (!rows.values.empty() || !values_.empty()) values_.push_back(rows.Value(at));
      }
      value_max_ = std::max(value_max_, value_max * std::fabs(rows.Weight(i)));
      offsets_.push_back(features_.size());
      if (importance_.empty() && rows.Weight(i) != 1.0F) importance_.assign(labels_.size(), 1.0F);
      labels_.push_back(rows.labels[i]);
      if (!importance_.empty() || rows.Weight(i) != 1.0F) importance_.push_back(rows.Weight(i));
    }
    table::AddToRows(*counted_, batch.keys, counts, {});
    batch_keys_.insert(batch_keys_.end(), batch.keys.begin(), batch.keys.end());
    batches_.push_back(batch_keys_.size());
    return {};
  }

  std::size_t bytes_to_arrange() const override {
    constexpr std::size_t kPerRow =
        48;  // Margins, curves and what a pass changes: column_worker.h.
    constexpr std::size_t kPerFeature = 64;  // Sorted keys, where columns start and end, weights.
    const std::size_t columns = (features_.size() + values_.size()) * sizeof(float);
    // Until then a vector that is nearly full will move to one of twice the size.
    const bool full = features_.size() > features_.capacity() / 8 * 7;
    const std::size_t growing = full ? 2 * features_.capacity() * sizeof(std::uint32_t) : 0;
    return std::max(columns, growing) + labels_.size() * kPerRow + counted_->size() * kPerFeature;
  }

  void EndRows() override {
    table::Freezer freezer(
        counted_.get(), [](Key, std::span<const float>) { return true; }, memory_.get());
    while (!freezer.Continue(std::size_t{1} << 20)) {
    }
    keys_ = freezer.Take();
    counted_.reset();
  }

  std::span<const Key> keys() const override { return keys_->keys(); }
  std::span<const float> entries() const override { return std::as_const(*keys_).column(0); }

  double slope_max() const override { return math::SlopeMax(options_.loss) * value_max_; }

  void Arrange(std::span<const std::uint32_t> feature_of_key,
               std::span<const float> weights) override {
    SY_CHECK(feature_of_key.size() == keys_->size());
    NameFeatures(feature_of_key);
    keys_.reset();
    columns_ = Transpose({offsets_, features_, values_}, weights.size());
    offsets_ = {};
    features_ = {};
    values_ = {};
    worker_.emplace(&columns_, labels_, importance_, options_.loss);
    labels_ = {};
    importance_ = {};
    worker_->Rebuild(weights);
  }

  Features active() const override { return worker_->active(); }

  void Gradients(Features features, float safety, std::span<float> gradients,
                 std::span<float> curvatures) const override {
    worker_->Gradients(features, safety, gradients, curvatures);
  }
  void Gradients(Features features, std::span<float> gradients) const override {
    worker_->Gradients(features, gradients);
  }

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
  /// From positions in the batches' key lists to numbers of features; what has none is left out.
  void NameFeatures(std::span<const std::uint32_t> feature_of_key) {
    std::vector<std::uint32_t> names(batch_keys_.size());
    std::size_t first = 0;
    for (const std::size_t end : batches_) {
      const std::size_t count = end - first;
      const std::size_t absent = keys_->FindRanks(std::span(batch_keys_).subspan(first, count),
                                                  std::span(names).subspan(first, count));
      SY_CHECK(absent == 0);
      first = end;
    }
    batch_keys_ = {};
    batches_ = {};
    for (std::uint32_t& name : names) name = feature_of_key[name];
    std::size_t kept = 0;
    std::size_t at = 0;
    for (std::size_t row = 0; row + 1 < offsets_.size(); ++row) {
      for (; at < offsets_[row + 1]; ++at) {
        const std::uint32_t name = names[features_[at]];
        if (name == kNoFeature) continue;
        features_[kept] = name;
        if (!values_.empty()) values_[kept] = values_[at];
        ++kept;
      }
      offsets_[row + 1] = kept;
    }
    features_.resize(kept);
    if (!values_.empty()) values_.resize(kept);
  }

  ColumnLearnerOptions options_;
  math::ProximalRule rule_;

  // Rows as they came, until they are arranged.
  std::unique_ptr<table::PageMemory> memory_ = std::make_unique<table::PageMemory>();
  std::unique_ptr<table::HashTable> counted_ =
      std::make_unique<table::HashTable>(KeyRange{0, kKeyMax}, 1, *memory_);
  std::unique_ptr<table::ArrayTable> keys_;
  std::vector<Key> batch_keys_;       ///< The key lists of all batches.
  std::vector<std::size_t> batches_;  ///< Where each one's list ends.
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint32_t> features_;  ///< Positions in batch_keys_.
  std::vector<float> values_;
  double value_max_ = 0.0;  ///< Of any entry, times its row's importance.
  std::vector<float> labels_;
  std::vector<float> importance_;  ///< Empty while each row's is 1.

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
