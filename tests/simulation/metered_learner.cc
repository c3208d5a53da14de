#include "metered_learner.h"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace steelyard::simulation {
namespace {

class MeteredLearner final : public job::BatchLearner {
 public:
  MeteredLearner(std::unique_ptr<job::BatchLearner> learner, double equal_share, WorkMeter* meter)
      : learner_(std::move(learner)), equal_share_(equal_share), meter_(meter) {}

  table::UpdaterOptions updater() const override { return learner_->updater(); }
  std::size_t row_floats() const override { return learner_->row_floats(); }
  wire::Columns columns() const override { return learner_->columns(); }
  void Score(const data::Minibatch& batch, std::span<const float> rows,
             std::span<float> margins) const override {
    learner_->Score(batch, rows, margins);
  }
  std::size_t row_count() const override { return learner_->row_count(); }
  Status AddRows(const data::Minibatch& batch) override {
    meter_->units += kLoadUnits * static_cast<double>(batch.rows.size()) / equal_share_;
    return learner_->AddRows(batch);
  }
  std::size_t bytes_to_arrange() const override { return learner_->bytes_to_arrange(); }
  void EndRows() override { learner_->EndRows(); }
  void MakeColumns() override { learner_->MakeColumns(); }
  std::span<const Key> keys() const override { return learner_->keys(); }
  std::span<const float> entries() const override { return learner_->entries(); }
  double slope_max() const override { return learner_->slope_max(); }
  void Arrange(std::span<const std::uint32_t> feature_of_key,
               std::span<const float> weights) override {
    learner_->Arrange(feature_of_key, weights);
    Take(kArrangeUnits);
  }
  void Rearrange(const Rearrangement& change) override {
    learner_->Rearrange(change);
    Take(kArrangeUnits);
  }
  Features active() const override { return learner_->active(); }
  void Gradients(Features features, float safety, std::span<float> gradients,
                 std::span<float> curvatures) const override {
    Take(1.0);
    learner_->Gradients(features, safety, gradients, curvatures);
  }
  void Gradients(Features features, std::span<float> gradients) const override {
    Take(1.0);
    learner_->Gradients(features, gradients);
  }
  std::span<const float> weights() const override { return learner_->weights(); }
  void Update(Features features, std::span<const float> weights,
              std::span<const std::uint8_t> settled) override {
    Take(1.0);
    learner_->Update(features, weights, settled);
  }
  void BeginPass() override { learner_->BeginPass(); }
  void TakeBack() override {
    Take(1.0);
    learner_->TakeBack();
  }
  math::SearchModel Search() const override { return learner_->Search(); }
  double LossSumAfter(const math::SearchMove& move) const override {
    Take(1.0 / static_cast<double>(math::kSearchScales.size()));
    return learner_->LossSumAfter(move);
  }
  void EndPass(const math::SearchMove& move) override {
    Take(1.0);
    learner_->EndPass(move);
  }
  std::uint64_t ActiveEntries() const override { return learner_->ActiveEntries(); }
  void Rebuild() override {
    Take(1.0);
    learner_->Rebuild();
  }
  void Settle(Features features, std::span<const std::uint8_t> settled) override {
    learner_->Settle(features, settled);
  }
  double LossSum() const override {
    Take(1.0);
    return learner_->LossSum();
  }
  std::optional<double> DualSum(double scale) const override { return learner_->DualSum(scale); }

 private:
  /// Units of work on an equal share of the rows; here they are more or fewer.
  void Take(double units) const {
    meter_->units += units * static_cast<double>(learner_->row_count()) / equal_share_;
  }

  std::unique_ptr<job::BatchLearner> learner_;
  double equal_share_;
  WorkMeter* meter_;
};

}  // namespace

Result<std::unique_ptr<job::BatchLearner>> MakeMetered(
    Result<std::unique_ptr<job::BatchLearner>> learner, double equal_share, WorkMeter* meter) {
  if (!learner.ok()) return learner;
  return std::unique_ptr<job::BatchLearner>(
      std::make_unique<MeteredLearner>(std::move(learner.value()), equal_share, meter));
}

}  // namespace steelyard::simulation
