// BatchLearner: what a worker does for a batch solver with the rows that it keeps in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "data/localise.h"
#include "job/learner.h"
#include "math/search_model.h"
#include "steelyard/status.h"

namespace steelyard::job {

/// A worker's side of a solver that goes over all rows: it keeps them column by column, and the margin of each.
///
/// First the rows are added; then features are numbered, block after block; then come the steps, which name features by
/// these numbers. Between passes rows may go, and others be added, which are arranged with those that stay.
/// Threads: confined to one thread at a time; but keys(), entries() and slope_max() may be asked beside MakeColumns().
class BatchLearner : public Scorer {
 public:
  /// Instead of a feature's number: it is in no block, and its weight is 0.
  static constexpr std::uint32_t kNoFeature = ~std::uint32_t{0};

  using Features = std::span<const std::uint32_t>;

  /// Rows so far, with those that are not arranged yet.
  virtual std::size_t row_count() const = 0;
  /// Add rows; those without a label (NaN) are passed over.
  /// Errors: kInvalidArgument  the solver cannot learn from them.
  virtual Status AddRows(const data::Minibatch& batch) = 0;
  /// About how many bytes EndRows(), MakeColumns() and Arrange() will take at their peak, beside what the rows so far take now.
  virtual std::size_t bytes_to_arrange() const = 0;
  /// No more rows: keys() and entries() of those that are not arranged yet are known.
  virtual void EndRows() = 0;

  /// [n] the distinct keys of these rows, increasing.
  virtual std::span<const Key> keys() const = 0;
  /// [n] in how many places of the rows each key stands.
  virtual std::span<const float> entries() const = 0;
  /// The most that one place adds to the gradient of its feature, whatever the weights; infinite where the loss has no such
  /// bound.
  virtual double slope_max() const = 0;

  /// Turn the rows that are not arranged yet into columns, as far as that goes without the features' numbers: what the
  /// servers need some time to tell.
  virtual void MakeColumns() = 0;
  /// Number the features.
  /// @param feature_of_key  [n] each number below weights.size() once, or kNoFeature.
  /// @param weights         by feature: where the solver begins.
  virtual void Arrange(std::span<const std::uint32_t> feature_of_key,
                       std::span<const float> weights) = 0;

  /// What becomes of rows that are arranged, and of those added since. The pass is over.
  struct Rearrangement {
    std::size_t rows_kept = 0;                      ///< Of the arranged ones, the first.
    std::size_t feature_count = 0;                  ///< From now on.
    std::span<const std::uint32_t> feature_of;      ///< [features before] their new numbers.
    std::span<const std::uint32_t> feature_of_key;  ///< [keys().size()] or kNoFeature.
    std::span<const std::uint32_t> new_features;    ///< Numbers that are in no `feature_of`.
    std::span<const float>
        rows;  ///< [new_features.size(), row_floats()] the servers' rows of them.
  };
  virtual void Rearrange(const Rearrangement& change) = 0;

  /// The features that were not settled when the pass began, increasing. All others have weight 0.
  virtual Features active() const = 0;

  /// Gradients and upper bounds of the second derivatives of the loss of these rows, at the margins as they are.
  /// @param safety  0: bounds that hold if one coordinate moved alone; 1: bounds for all of them at once.
  /// @param gradients, curvatures  [features.size()] filled.
  virtual void Gradients(Features features, float safety, std::span<float> gradients,
                         std::span<float> curvatures) const = 0;

  /// Gradients alone. @param gradients  [features.size()] filled.
  virtual void Gradients(Features features, std::span<float> gradients) const = 0;

  /// By feature.
  virtual std::span<const float> weights() const = 0;

  /// Take over what the servers made of active features.
  /// @param weights, settled  [features.size()]
  virtual void Update(Features features, std::span<const float> weights,
                      std::span<const std::uint8_t> settled) = 0;

  /// Remember where a pass begins, and go back there: weights and margins, and the servers' rule for what settled.
  virtual void BeginPass() = 0;
  virtual void TakeBack() = 0;

  /// This worker's part of the model along what the last pass changed and what changed before it.
  virtual math::SearchModel Search() const = 0;
  /// Sum of the rows' losses if the pass ended with `move`.
  virtual double LossSumAfter(const math::SearchMove& move) const = 0;
  /// End the pass with `move`: weights and margins, as the servers do. Once more without a move changes nothing.
  virtual void EndPass(const math::SearchMove& move) = 0;

  /// How many of the rows' entries stand at features that are not settled.
  virtual std::uint64_t ActiveEntries() const = 0;

  /// Compute all margins anew from the weights.
  virtual void Rebuild() = 0;
  /// Take over which features are settled, in a sweep; active() knows it when the next pass begins.
  virtual void Settle(Features features, std::span<const std::uint8_t> settled) = 0;

  /// Sum of the rows' losses.
  virtual double LossSum() const = 0;
  /// The rows' part of the dual value when the dual variables are scaled by `scale` <= 1; nothing where the loss has
  /// none here.
  virtual std::optional<double> DualSum(double scale) const = 0;
};

}  // namespace steelyard::job
